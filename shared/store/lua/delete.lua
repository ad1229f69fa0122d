-- Remove a sweep with all its keys, if all its runs ended before a moment.
-- ARGV: moment (µs, or +inf). Returns 1 if there is nothing left of it, 0 if it stays.
if open_runs() > 0 then
  return 0
end
local keys = { record, events }
for index = 0, (redis.call('HGET', record, 'run_count') or 0) - 1 do
  local run = run_prefix .. index
  if tonumber(redis.call('HGET', run, 'ended_at')) >= (ARGV[1] == '+inf' and math.huge or tonumber(ARGV[1])) then
    return 0
  end
  for _, prefix in ipairs({ run_prefix, epochs_prefix, evaluation_prefix, checkpoint_prefix, model_prefix }) do
    keys[#keys + 1] = prefix .. index
  end
end
for _, key in ipairs(keys) do
  redis.call('DEL', key)
end
return 1
