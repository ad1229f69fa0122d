-- Add those of some runs to a sweep's grid that it does not have. Repeated, it changes nothing.
-- ARGV: how many runs a sweep may have, then the runs (see runs_from). Returns how many were queued, nil if there is no
-- such sweep, -1 if it would have too many.
local run_count = tonumber(redis.call('HGET', record, 'run_count'))
if not run_count then
  return nil
end
local known = {}
for index = 0, run_count - 1 do
  known[table.concat(redis.call('HMGET', run_prefix .. index, 'scale', 'seed'), ' ')] = true
end
local new, to_train = {}, 0
for _, run in ipairs(runs_from(2)) do
  if not known[run.scale .. ' ' .. run.seed] then
    new[#new + 1] = run
  end
end
if run_count + #new > tonumber(ARGV[1]) then
  return -1
end
for offset, run in ipairs(new) do
  if run.trained == '' then
    emit('run.queued', run_count + offset - 1, '{}')
    to_train = to_train + 1
  end
end
if #new > 0 then
  add_runs(run_count, new)
end
return to_train
