-- Hand a run back to the queue, from where its checkpoint stands. It costs no attempt. Repeated by the same owner, it
-- changes nothing. ARGV: index, owner. Returns 1 if it is queued, 0 if the owner has lost the run.
local index, owner = unpack(ARGV)
if redis.call('HGET', run_prefix .. index, 'owner') == owner and redis.call('ZSCORE', queued, index) then
  return 1
end
if not owns(index, owner) then
  return 0
end
redis.call('ZREM', leases, index)
redis.call('ZADD', queued, index, index)
redis.call('HINCRBY', run_prefix .. index, 'attempts', -1)
emit('run.queued', index, '{}')
return 1
