-- Write a sweep and all its runs, queued or, where they were trained before, ended. Repeated, it changes nothing.
-- ARGV: request (JSON), created_at (µs), key, request_id, traceparent, then the runs (see runs_from). Returns 1 if
-- written, 0 if it was there.
if redis.call('EXISTS', record) == 1 then
  return 0
end
redis.call('HSET', record, 'schema', SCHEMA, 'request', ARGV[1], 'created_at', ARGV[2], 'version', 1)
redis.call('HSET', record, 'key', ARGV[3], 'request_id', ARGV[4], 'traceparent', ARGV[5])
add_runs(0, runs_from(6))
return 1
