-- Give up to `limit` queued runs to a new owner, all of one seed and with their checkpoints, if any, at one step: they
-- can share a stack. A run whose last owner was lost before it got any further is given alone, for it may be the run
-- that its owner died of. Repeated by the same owner, it gives the same runs.
-- ARGV: owner, lease (µs), limit, worker's name, its kind of device. Returns {{request (JSON), request_id, traceparent},
-- {index, scale, seed}, ...}, or nil if none is queued.
local owner, lease, limit, worker, device = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]

local function claimed(indices)
  local reply = { redis.call('HMGET', record, 'request', 'request_id', 'traceparent') }
  for _, index in ipairs(indices) do
    local run = redis.call('HMGET', run_prefix .. index, 'scale', 'seed')
    reply[#reply + 1] = { index, run[1], run[2] }
  end
  return reply
end

local held = {}
for _, index in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
  if owns(index, owner) then
    held[#held + 1] = index
  end
end
if #held > 0 then
  table.sort(held, function(a, b) return tonumber(a) < tonumber(b) end)
  return claimed(held)
end

-- Runs of one kind can be claimed together.
local function kind_of(index)
  local run = redis.call('HMGET', run_prefix .. index, 'seed', 'checkpoint_at', 'fruitless')
  local alone = (run[3] or '0') ~= '0' and index or ''
  return run[1] .. '/' .. (run[2] or '') .. '/' .. alone
end

local taken, kind = {}, nil
for _, index in ipairs(redis.call('ZRANGE', queued, 0, -1)) do
  kind = kind or kind_of(index)
  if #taken < limit and kind_of(index) == kind then
    taken[#taken + 1] = index
  end
end
if #taken == 0 then
  return nil
end

local started_at = now()
for _, index in ipairs(taken) do
  local run = run_prefix .. index
  redis.call('ZREM', queued, index)
  redis.call('ZADD', leases, microseconds(started_at + lease), index)
  redis.call('HSET', run, 'owner', owner, 'worker', worker, 'device', device, 'started_at', microseconds(started_at))
  redis.call('HSET', run, 'epochs_at_claim', redis.call('LLEN', epochs_prefix .. index), 'lease', ARGV[2])
  redis.call('HSET', run, 'checkpoint_at_claim', redis.call('HGET', run, 'checkpoint_at') or '')
  redis.call('HINCRBY', run, 'attempts', 1)
  emit('run.started', index, '{}')
end
return claimed(taken)
