#!lua flags=allow-oom
-- Take runs whose lease expired before a moment from their owners. They return to the queue, or end if they were to be
-- cancelled, or if `max_attempts` owners in a row were lost without progress (got_further). A run without an owner was
-- taken from it by disown_ahead, so no owner was lost. Shorten leases beyond their full length, after the clock was set
-- back. Remove a sweep without open runs from the set of open sweeps, unless it was opened again.
-- KEYS[10]: the set of open sweeps. ARGV: max_attempts, silence (µs), moment (µs), lease (µs) of claims that record none,
-- id of the sweep, its score in the set; empty keeps it there.
-- Returns {runs still open, queued runs that need a message, runs put back to the queue, runs failed, runs cancelled}:
-- the second is 0 unless runs came back or nothing was published for the sweep for as long as `silence`.
local max_attempts, silence, before, default_lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local open, sweep_id, opened_at = KEYS[10], ARGV[5], ARGV[6]
local moment, requeued, lost, cancelled = now(), 0, 0, 0

for _, index in ipairs(redis.call('ZRANGEBYSCORE', leases, microseconds(moment), '+inf')) do
  local longest = moment + tonumber(redis.call('HGET', run_prefix .. index, 'lease') or default_lease)
  if tonumber(redis.call('ZSCORE', leases, index)) > longest then
    redis.call('ZADD', leases, microseconds(longest), index)
  end
end

for _, index in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', microseconds(math.min(moment, before)))) do
  local run = run_prefix .. index
  local owner = redis.call('HGET', run, 'owner')
  local fruitless = tonumber(redis.call('HGET', run, 'fruitless') or 0)
  if got_further(index) then
    fruitless = 0
  elseif owner then
    fruitless = fruitless + 1
  end
  redis.call('HDEL', run, 'owner')
  if redis.call('HEXISTS', run, 'cancel_requested') == 1 then
    conclude(index, 'cancelled', '', '')
    cancelled = cancelled + 1
  elseif fruitless >= max_attempts then
    conclude(index, 'failed', 'worker_lost', 'The worker was lost ' .. fruitless .. ' times in a row while it trained '
      .. 'this run, each time before it stored a new epoch or a later checkpoint. The usual cause is too little memory: '
      .. "see the worker's log. Fix the cause, then retry the sweep.")
    lost = lost + 1
  else
    redis.call('HSET', run, 'fruitless', fruitless, 'lost_owner', owner or '')
    enqueue(index)
    requeued = requeued + 1
  end
end

local needy = 0
local hinted_at = tonumber(redis.call('HGET', record, 'hinted_at') or 0)
if redis.call('ZCARD', queued) > 0 and (requeued > 0 or hinted_at < moment - silence or hinted_at > moment) then
  needy = redis.call('ZCARD', queued)
  redis.call('HSET', record, 'hinted_at', microseconds(moment))
end
if opened_at ~= '' and open_runs() == 0 and tonumber(redis.call('ZSCORE', open, sweep_id) or -1) == tonumber(opened_at) then
  redis.call('ZREM', open, sweep_id)
end
return { open_runs(), needy, requeued, lost, cancelled }
