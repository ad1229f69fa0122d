-- Stands before every script: the names of KEYS (shared/store/keys.py, for_scripts) and what several scripts do.
-- Keys of single runs are built from the prefixes; they carry the sweep's hash tag, so they are in the same slot.
local record, queued, leases, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local run_prefix, epochs_prefix, evaluation_prefix, checkpoint_prefix, model_prefix = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]

-- SCHEMA is the schema of this program (shared/store/keys.py). Records without a schema have the first one.
local schema = redis.call('HGET', record, 'schema') or 1
if tonumber(schema) > SCHEMA then
  return redis.error_reply('NEWERSCHEMA The sweep is of schema ' .. schema .. ', this program knows ' .. SCHEMA)
end

-- The server's clock in microseconds. Doubles hold it exactly; tostring() would not, so it is formatted by hand.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function microseconds(value)
  return string.format('%.0f', value)
end

-- Whether `owner` holds the run: any write of an owner whose claim has passed on is refused.
local function owns(index, owner)
  return redis.call('HGET', run_prefix .. index, 'owner') == owner and redis.call('ZSCORE', leases, index) ~= false
end

-- Append to the stream and move the version that ETags are made of.
local function emit(kind, index, data)
  redis.call('XADD', events, '*', 'type', kind, 'index', index, 'data', data)
  redis.call('HINCRBY', record, 'version', 1)
end

local function open_runs()
  return redis.call('ZCARD', queued) + redis.call('ZCARD', leases)
end

-- Store a run's checkpoint. The first write may fail if the store is full, and then nothing has been changed.
local function keep_checkpoint(index, position, checkpoint)
  redis.call('SET', checkpoint_prefix .. index, checkpoint)
  redis.call('HSET', run_prefix .. index, 'checkpoint_at', position)
  if redis.call('HDEL', run_prefix .. index, 'checkpoint_warning') == 1 then
    redis.call('HINCRBY', record, 'version', 1)
  end
end

-- Return a position (epoch:step) as a number that grows with it; 0 if there is none.
local function progress_of(position)
  local epoch, step = (position or ''):match('^(%d+):(%d+)$')
  return epoch and tonumber(epoch) * 1000000000 + tonumber(step) or 0
end

-- Return whether the run has more epochs, or a later checkpoint, than at its claim. A retried run still has its earlier
-- epochs, so that only its checkpoint shows progress.
local function got_further(index)
  local fields = redis.call('HMGET', run_prefix .. index, 'epochs_at_claim', 'checkpoint_at', 'checkpoint_at_claim')
  return redis.call('LLEN', epochs_prefix .. index) > tonumber(fields[1] or 0)
    or progress_of(fields[2]) > progress_of(fields[3])
end

-- A run whose owner has trained more epochs than are kept: a replica became the primary that had not heard of the last
-- ones. Its lease ends, so that the reaper gives it to somebody who goes on from what is known here.
local function disown_ahead(index, epochs)
  local ahead = tonumber(epochs) > redis.call('LLEN', epochs_prefix .. index)
  if ahead then
    redis.call('HDEL', run_prefix .. index, 'owner')
    redis.call('ZADD', leases, 'XX', microseconds(now()), index)
  end
  return ahead
end

-- Put a run into the queue. What its last owner still writes is refused from now on.
local function enqueue(index)
  redis.call('ZREM', leases, index)
  redis.call('ZADD', queued, index, index)
  emit('run.queued', index, '{}')
end

-- Put a run into its final state, and tell of the sweep's end if it was the last one open.
local function conclude(index, outcome, code, message)
  local run = run_prefix .. index
  redis.call('ZREM', queued, index)
  redis.call('ZREM', leases, index)
  redis.call('HSET', run, 'outcome', outcome, 'ended_at', microseconds(now()))
  if code ~= '' then
    redis.call('HSET', run, 'error_code', code, 'error_message', message)
  end
  redis.call('DEL', checkpoint_prefix .. index)
  if outcome ~= 'succeeded' then
    redis.call('DEL', model_prefix .. index)
  end
  redis.call('HDEL', run, 'checkpoint_at', 'checkpoint_warning', 'cancel_requested')
  redis.call('HDEL', run, 'epochs_at_claim', 'checkpoint_at_claim', 'lease', 'fruitless', 'lost_owner')
  emit('run.ended', index, cjson.encode({ status = outcome }))
  if open_runs() == 0 then
    emit('sweep.ended', '', '{}')
  end
end

-- The runs that ARGV names from an argument on: scale, seed and, where it was trained before, what was measured then
-- (JSON), else nothing.
local function runs_from(argument)
  local runs = {}
  for first = argument, #ARGV, 3 do
    runs[#runs + 1] = { scale = ARGV[first], seed = ARGV[first + 1], trained = ARGV[first + 2] }
  end
  return runs
end

-- Add runs to a sweep's grid, all queued; then those that were trained before end with what was measured then. Not before,
-- or the sweep would seem to end with each of them.
local function add_runs(run_count, runs)
  for offset, run in ipairs(runs) do
    local index = run_count + offset - 1
    redis.call('HSET', run_prefix .. index, 'scale', run.scale, 'seed', run.seed)
    redis.call('ZADD', queued, index, index)
  end
  redis.call('HSET', record, 'run_count', run_count + #runs, 'hinted_at', microseconds(now()))
  for offset, run in ipairs(runs) do
    if run.trained ~= '' then
      local index, trained = tostring(run_count + offset - 1), cjson.decode(run.trained)
      redis.call('HSET', run_prefix .. index, 'reused_from', trained.run_id, 'weights_sha256', trained.weights_sha256)
      redis.call('HSET', run_prefix .. index, 'worker', trained.worker, 'device', trained.device)
      redis.call('SET', evaluation_prefix .. index, trained.evaluation)
      redis.call('RPUSH', epochs_prefix .. index, unpack(trained.epochs))
      conclude(index, 'succeeded', '', '')
    end
  end
end
