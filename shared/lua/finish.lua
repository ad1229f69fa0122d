-- End a run. Repeated by the same owner, it changes nothing.
-- ARGV: index, owner, outcome, error code, error message (both empty unless failed). Returns 1 if the run has ended
-- so, 0 if the owner has lost it.
local index, owner, outcome, code, message = unpack(ARGV)
local run = run_prefix .. index
if redis.call('HGET', run, 'owner') == owner and redis.call('HGET', run, 'outcome') == outcome then
  return 1
end
if not owns(index, owner) then
  return 0
end
redis.call('ZREM', leases, index)
redis.call('HSET', run, 'outcome', outcome, 'ended_at', microseconds(now()))
if code ~= '' then
  redis.call('HSET', run, 'error_code', code, 'error_message', message)
end
emit('run.ended', index, cjson.encode({ status = outcome }))
if redis.call('ZCARD', queued) + redis.call('ZCARD', leases) == 0 then
  emit('sweep.ended', '', '{}')
end
return 1
