#!lua flags=allow-oom
-- Renew the leases of an owner's runs, and say what is asked of each. A lease that was renewed a short while ago stays
-- as it is, so that asking often writes seldom. A full store renews as well: it takes no room.
-- ARGV: owner, lease (µs), short while (µs), indices. Returns for each index 'held', 'cancelled' or 'lost'.
local owner, lease, short_while = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, renewed_until = {}, now() + lease
for argument = 4, #ARGV do
  local index = ARGV[argument]
  if not owns(index, owner) then
    reply[#reply + 1] = 'lost'
  else
    if tonumber(redis.call('ZSCORE', leases, index)) < renewed_until - short_while then
      redis.call('ZADD', leases, microseconds(renewed_until), index)
    end
    reply[#reply + 1] = redis.call('HEXISTS', run_prefix .. index, 'cancel_requested') == 1 and 'cancelled' or 'held'
  end
end
return reply
