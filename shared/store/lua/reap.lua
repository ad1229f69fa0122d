#!lua flags=allow-oom
-- Take the runs whose lease has run out from their owners: back to the queue, or to their end if they were to be
-- cancelled or if `max_attempts` owners in a row were lost without an epoch more than before.
-- ARGV: max_attempts, silence (µs). Returns {runs still open, queued runs that need a message, runs put back to the
-- queue, runs failed, runs cancelled}: the second is 0 unless runs came back or nothing was published for the sweep for
-- as long as `silence`.
local max_attempts, silence = tonumber(ARGV[1]), tonumber(ARGV[2])
local moment, requeued, lost, cancelled = now(), 0, 0, 0
for _, index in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', microseconds(moment))) do
  local run = run_prefix .. index
  local fields = redis.call('HMGET', run, 'cancel_requested', 'epochs_at_claim', 'fruitless')
  local got_further = redis.call('LLEN', epochs_prefix .. index) > tonumber(fields[2])
  local fruitless = got_further and 0 or tonumber(fields[3] or 0) + 1
  redis.call('HDEL', run, 'owner')
  if fields[1] then
    conclude(index, 'cancelled', '', '')
    cancelled = cancelled + 1
  elseif fruitless >= max_attempts then
    conclude(index, 'failed', 'worker_lost', 'The worker was lost ' .. fruitless .. ' times in a row while it trained '
      .. 'this run, each time before it had finished an epoch more. Too little memory is the usual reason: the '
      .. "worker's log may tell. Then retry the sweep.")
    lost = lost + 1
  else
    redis.call('HSET', run, 'fruitless', fruitless)
    enqueue(index)
    requeued = requeued + 1
  end
end
local needy = 0
if redis.call('ZCARD', queued) > 0 and (requeued > 0 or tonumber(redis.call('HGET', record, 'hinted_at')) < moment - silence)
then
  needy = redis.call('ZCARD', queued)
  redis.call('HSET', record, 'hinted_at', microseconds(moment))
end
return { open_runs(), needy, requeued, lost, cancelled }
