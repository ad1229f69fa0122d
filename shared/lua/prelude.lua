-- Stands before every script: the names of KEYS (shared/keys.py, for_scripts) and the four things all scripts do.
-- Keys of single runs are built from the prefixes; they carry the sweep's hash tag, so they are in the same slot.
local record, queued, leases, events, run_prefix, epochs_prefix, checkpoint_prefix, model_prefix = unpack(KEYS)

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
