-- Queue the failed and the cancelled runs again; their epochs stay, and are trained again to the same figures.
-- ARGV: how many runs at most. Returns how many were queued.
local retried = 0
for index = 0, (redis.call('HGET', record, 'run_count') or 0) - 1 do
  local run = run_prefix .. index
  local outcome = redis.call('HGET', run, 'outcome')
  if (outcome == 'failed' or outcome == 'cancelled') and retried < tonumber(ARGV[1]) then
    redis.call('HDEL', run, 'outcome', 'owner', 'ended_at', 'error_code', 'error_message', 'model_warning')
    enqueue(tostring(index))
    retried = retried + 1
  end
end
if retried > 0 then
  redis.call('HSET', record, 'hinted_at', microseconds(now()))
end
return retried
