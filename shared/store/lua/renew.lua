#!lua flags=allow-oom
-- Renew the leases of an owner's runs, and return what is requested for each. A lease that was renewed a short while ago
-- stays as it is, so that frequent requests cause few writes. A lease beyond its full length, after the clock was set
-- back, is shortened. A full store renews as well: it takes no room.
-- An owner that was reaped as lost, and still asks, was not lost: then the loss no longer counts against the run.
-- ARGV: owner, lease (µs), short while (µs), indices. Returns for each index 'held', 'cancelled' or 'lost'.
local owner, lease, short_while = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, renewed_until = {}, now() + lease
for argument = 4, #ARGV do
  local index = ARGV[argument]
  local run = run_prefix .. index
  if not owns(index, owner) then
    if redis.call('HGET', run, 'lost_owner') == owner then
      redis.call('HDEL', run, 'lost_owner')
      if tonumber(redis.call('HGET', run, 'fruitless') or 0) > 0 then
        redis.call('HINCRBY', run, 'fruitless', -1)
      end
    end
    reply[#reply + 1] = 'lost'
  else
    local leased_until = tonumber(redis.call('ZSCORE', leases, index))
    if leased_until < renewed_until - short_while or leased_until > renewed_until then
      redis.call('ZADD', leases, microseconds(renewed_until), index)
    end
    reply[#reply + 1] = redis.call('HEXISTS', run, 'cancel_requested') == 1 and 'cancelled' or 'held'
  end
end
return reply
