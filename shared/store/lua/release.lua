#!lua flags=allow-oom
-- Hand a run back to the queue with a checkpoint to go on from; one that is to be cancelled ends instead. It costs no
-- attempt. Repeated by the same owner, it changes nothing. A full store takes it: a stop must lose no work.
-- ARGV: index, owner, position (epoch:step), checkpoint (bytes; empty keeps the previous one). Returns 'queued' or 'cancelled' if the run is the
-- owner's no more by this, nil if the owner had lost it, as it has when epochs before that position are not known here.
local index, owner, position, checkpoint = unpack(ARGV)
local run = run_prefix .. index
if not owns(index, owner) then
  if redis.call('HGET', run, 'owner') ~= owner then
    return nil
  end
  return redis.call('ZSCORE', queued, index) and 'queued' or redis.call('HGET', run, 'outcome') == 'cancelled' and 'cancelled'
end
if redis.call('HEXISTS', run, 'cancel_requested') == 1 then
  conclude(index, 'cancelled', '', '')
  return 'cancelled'
end
if disown_ahead(index, position:match('%d+')) then
  return nil
end
if checkpoint ~= '' then
  keep_checkpoint(index, position, checkpoint)
end
redis.call('HINCRBY', run, 'attempts', -1)
if got_further(index) then
  redis.call('HDEL', run, 'fruitless')
end
enqueue(index)
return 'queued'
