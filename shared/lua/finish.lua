-- End a run. Repeated by the same owner, it changes nothing.
-- ARGV: index, owner, outcome, error code, error message, SHA-256 of the weights, model (bytes), seconds to keep the
-- model; what does not apply is empty. Returns 1 if the run has ended so, 0 if the owner has lost it.
local index, owner, outcome, code, message, weights_sha256, model, model_seconds = unpack(ARGV)
local run = run_prefix .. index
if redis.call('HGET', run, 'owner') == owner and redis.call('HGET', run, 'outcome') == outcome then
  return 1
end
if not owns(index, owner) then
  return 0
end
-- First of all, because it may fail: a script that fails keeps what it has written.
if model ~= '' then
  redis.call('SET', model_prefix .. index, model, 'EX', model_seconds)
end
redis.call('ZREM', leases, index)
redis.call('HSET', run, 'outcome', outcome, 'ended_at', microseconds(now()))
if code ~= '' then
  redis.call('HSET', run, 'error_code', code, 'error_message', message)
end
if weights_sha256 ~= '' then
  redis.call('HSET', run, 'weights_sha256', weights_sha256)
end
redis.call('DEL', checkpoint_prefix .. index)
redis.call('HDEL', run, 'checkpoint_at')
emit('run.ended', index, cjson.encode({ status = outcome }))
if redis.call('ZCARD', queued) + redis.call('ZCARD', leases) == 0 then
  emit('sweep.ended', '', '{}')
end
return 1
