#!lua flags=allow-oom
-- Hand a run back to the queue with a checkpoint to go on from; one that is to be cancelled ends instead. It costs no
-- attempt. Repeated by the same owner, it changes nothing. A full store takes it: a stop must lose no work.
-- ARGV: index, owner, position (epoch:step), checkpoint (bytes). Returns 1 if the run is the owner's no more by this,
-- 0 if the owner had lost it.
local index, owner, position, checkpoint = unpack(ARGV)
local run = run_prefix .. index
if not owns(index, owner) then
  local handed_back = redis.call('ZSCORE', queued, index) or redis.call('HGET', run, 'outcome') == 'cancelled'
  return redis.call('HGET', run, 'owner') == owner and handed_back and 1 or 0
end
if redis.call('HEXISTS', run, 'cancel_requested') == 1 then
  conclude(index, 'cancelled', '', '')
  return 1
end
keep_checkpoint(index, position, checkpoint)
redis.call('HINCRBY', run, 'attempts', -1)
if redis.call('LLEN', epochs_prefix .. index) > tonumber(redis.call('HGET', run, 'epochs_at_claim')) then
  redis.call('HDEL', run, 'fruitless')
end
enqueue(index)
return 1
