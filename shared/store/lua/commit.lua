-- Keep one epoch of a run, and renew its lease. An epoch kept before stays as it is, and says nothing again.
-- ARGV: index, owner, lease (µs), epoch, EpochMetrics (JSON). Returns 1 if it stands now, 0 if the owner has lost the
-- run, as it has when epochs before this one are not known here.
local index, owner, lease, epoch, metrics = unpack(ARGV)
if not owns(index, owner) or disown_ahead(index, epoch) then
  return 0
end
local kept = redis.call('LLEN', epochs_prefix .. index)
redis.call('ZADD', leases, 'XX', microseconds(now() + tonumber(lease)), index)
if tonumber(epoch) == kept then
  redis.call('RPUSH', epochs_prefix .. index, metrics)
  emit('epoch', index, metrics)
end
return 1
