-- A sweep as it stands at one moment, in one reply.
-- No ARGV. Returns nil where there is none, else {record, queued indices, leased indices, run, run, ...}, where a run
-- is {its hash, number of epochs kept, the latest EpochMetrics (JSON)}; hashes come as flat lists.
local fields = redis.call('HGETALL', record)
if #fields == 0 then
  return nil
end
local reply = { fields, redis.call('ZRANGE', queued, 0, -1), redis.call('ZRANGE', leases, 0, -1) }
for index = 0, redis.call('HGET', record, 'run_count') - 1 do
  local epochs = epochs_prefix .. index
  reply[#reply + 1] = {
    redis.call('HGETALL', run_prefix .. index), redis.call('LLEN', epochs), redis.call('LINDEX', epochs, -1)
  }
end
return reply
