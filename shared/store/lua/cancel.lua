#!lua flags=allow-oom
-- Cancel runs: a queued one ends at once, a running one is told to by its lease. Repeated, it changes nothing.
-- A full store cancels as well: that makes room.
-- ARGV: indices; none means all. Returns {how many of them have been cancelled or are going to be, how many ended now}.
local indices = ARGV
if #indices == 0 then
  indices = {}
  for index = 0, (redis.call('HGET', record, 'run_count') or 0) - 1 do
    indices[#indices + 1] = tostring(index)
  end
end
local cancelled, ended = 0, 0
for _, index in ipairs(indices) do
  local run = run_prefix .. index
  if redis.call('ZSCORE', queued, index) then
    redis.call('HDEL', run, 'owner')
    conclude(index, 'cancelled', '', '')
    ended = ended + 1
  elseif redis.call('ZSCORE', leases, index) and redis.call('HSETNX', run, 'cancel_requested', 1) == 1 then
    emit('run.cancelling', index, '{}')
  end
  if redis.call('HGET', run, 'outcome') == 'cancelled' or redis.call('HEXISTS', run, 'cancel_requested') == 1 then
    cancelled = cancelled + 1
  end
end
return { cancelled, ended }
