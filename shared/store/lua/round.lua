#!lua flags=allow-oom
-- Begin a round of a reaper. If no reaper has reached the store for `longest_gap`, the store may have been unavailable,
-- so owners could not renew their leases. For `grace`, rounds then ignore leases that expired since the last round: owners
-- that are alive renew them in that time. A step of the clock has the same effect.
-- KEYS[1]: the hash of the reapers. ARGV: longest_gap (µs), grace (µs).
-- Returns {the time of the server, the time before which a lease must have expired to be reaped}, in µs.
local longest_gap, grace = tonumber(ARGV[1]), tonumber(ARGV[2])
local moment = now()
local fields = redis.call('HMGET', record, 'at', 'spared_since', 'spared_until')
local last, since, until_ = tonumber(fields[1] or moment), tonumber(fields[2] or 0), tonumber(fields[3] or 0)
if math.abs(moment - last) > longest_gap then
  if last >= until_ or until_ > moment + grace then
    since = math.min(last, moment)
  end
  until_ = moment + grace
  redis.call('HSET', record, 'spared_since', microseconds(since), 'spared_until', microseconds(until_))
end
redis.call('HSET', record, 'at', microseconds(moment))
return { microseconds(moment), microseconds(moment < until_ and since or moment) }
