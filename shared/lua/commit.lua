-- Keep one epoch of a run and renew its lease. An epoch kept before stays as it is, and says nothing again.
-- ARGV: index, owner, lease (µs), epoch, EpochMetrics (JSON). Returns 1 if it stands now, 0 if the owner has lost
-- the run. An epoch that would leave a gap is an error.
local index, owner, lease, epoch, metrics = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
if not owns(index, owner) then
  return 0
end
local kept = redis.call('LLEN', epochs_prefix .. index)
if epoch > kept then
  return redis.error_reply('epoch ' .. epoch .. ' of run ' .. index .. ' would follow epoch ' .. kept - 1)
end
redis.call('ZADD', leases, 'XX', microseconds(now() + lease), index)
if epoch == kept then
  redis.call('RPUSH', epochs_prefix .. index, metrics)
  emit('epoch', index, metrics)
end
return 1
