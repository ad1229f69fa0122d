-- Write a sweep and all its runs, queued. Repeated, it changes nothing.
-- ARGV: request (JSON), created_at (µs), key, request_id, traceparent, then scale and seed of every run. Returns 1 if
-- written, 0 if it was there.
if redis.call('EXISTS', record) == 1 then
  return 0
end
local run_count = (#ARGV - 5) / 2
redis.call('HSET', record, 'request', ARGV[1], 'created_at', ARGV[2], 'version', 1, 'run_count', run_count)
redis.call('HSET', record, 'key', ARGV[3], 'request_id', ARGV[4], 'traceparent', ARGV[5])
redis.call('HSET', record, 'hinted_at', microseconds(now()))
for index = 0, run_count - 1 do
  redis.call('HSET', run_prefix .. index, 'scale', ARGV[6 + 2 * index], 'seed', ARGV[7 + 2 * index])
  redis.call('ZADD', queued, index, index)
end
return 1
