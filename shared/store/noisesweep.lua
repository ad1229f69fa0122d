#!lua name=noisesweep2

-- Functions of the store: one for each change of state, and some reads. Each is atomic, uses the server's clock and is
-- safe to repeat: a repeated call changes nothing. shared/store/keys.py documents the keys, shared/store/functions.py
-- calls the functions.
--
-- Arguments are pairs of a name and a value, because positions are easy to confuse. Times and durations are in µs, work
-- is in units of 10^6 multiply-accumulates. A run is in the queue, or has a lease, or has an outcome, and never two of
-- these. Its status is derived from that.

-- Increase REVISION with every change of this file. A program loads its library over one with a lower revision.
local REVISION, SCHEMA = 2, 2
-- The oldest schema whose sweeps these functions can change. The queue has had its present form since then.
local OLDEST = 2

local SCHEMA_KEY = 'ns:schema'
local SWEEPS, BYTES, MODELS = 'ns:sweeps', 'ns:bytes', 'ns:models'
local LEASES, TURNS, IDLE, TURN, WORK = 'ns:2:leases', 'ns:2:turns', 'ns:2:idle', 'ns:2:turn', 'ns:2:work'
local REAPER, WORKERS, QUOTAS = 'ns:reaper', 'ns:workers', 'ns:quotas'
local DATASETS, DATASET_NAMES, DATASET_BYTES = 'ns:datasets', 'ns:dataset_names', 'ns:dataset_bytes'

local EXPIRED_MODELS_PER_ROUND = 100
-- Far more than the API allows. A loop over the number in a broken record would stop the store.
local MAX_RUNS = 10000
-- Lists and error messages contain all data sets.
local MAX_DATASETS = 1000

local HOUR, DAY_HOURS = 3600 * 1000000, 24

-- Arguments ---------------------------------------------------------------------------------------------------------

-- Functions, because a library has no access to Lua's own functions while it is loaded.
local READERS = {
  text = function(value) return value end,
  number = function(value)
    local number = tonumber(value)
    return number and number - number == 0 and number or nil -- neither NaN nor infinite
  end,
  json = function(value) return cjson.decode(value) end,
}

-- Register the function ns2_<name>. `parameters` are its arguments with their types, followed by ? if optional.
-- Flags: `no-writes`, or `allow-oom` for functions that run in a full store as well.
local function define(name, parameters, callback, flags)
  local function refuse(reason)
    error({ err = 'ERR ns' .. SCHEMA .. '_' .. name .. ': ' .. reason })
  end
  local function parse(arguments)
    local call = {}
    for position = 1, #arguments, 2 do
      local parameter, value = arguments[position], arguments[position + 1]
      local kind = parameters[parameter]
      if not kind or not value or call[parameter] ~= nil then
        refuse('unknown, incomplete or repeated argument: ' .. parameter)
      end
      local readable, parsed = pcall(READERS[kind:match('%a+')], value)
      if not readable or parsed == nil then
        refuse('expected ' .. kind:match('%a+') .. ' for the argument ' .. parameter)
      end
      call[parameter] = parsed
    end
    for parameter, kind in pairs(parameters) do
      if call[parameter] == nil and kind:sub(-1) ~= '?' then
        refuse('missing argument: ' .. parameter)
      end
    end
    return call
  end
  redis.register_function({
    function_name = 'ns' .. SCHEMA .. '_' .. name,
    flags = flags or {},
    callback = function(_, arguments) return callback(parse(arguments)) end,
  })
end

-- Time --------------------------------------------------------------------------------------------------------------

-- Return the server's time in µs. Doubles represent it exactly, but tostring would round it.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(value)
  return string.format('%.0f', value)
end

-- Sweeps and runs ---------------------------------------------------------------------------------------------------

local function record_of(sweep)
  return 'ns:sweep:' .. sweep
end

local function run_at(sweep, index)
  local record = record_of(sweep)
  return {
    id = sweep .. '-' .. index,
    index = tostring(index),
    sweep = sweep,
    record = record,
    key = record .. ':run:' .. index,
    epochs = record .. ':epochs:' .. index,
    evaluation = record .. ':evaluation:' .. index,
    checkpoint = record .. ':checkpoint:' .. index,
    model = record .. ':model:' .. index,
  }
end

local function run_of(id)
  return run_at(id:match('^(%x+)-(%d+)$'))
end

-- Return a field of a hash; nil also if the key contains something else. One unreadable record must not stop others.
local function try_hget(key, field)
  local readable, value = pcall(redis.call, 'HGET', key, field)
  return readable and value or nil
end

-- Return the runs of a sweep. If its record does not contain their number, return those that exist.
local function runs_of(sweep)
  local runs, run_count = {}, tonumber(try_hget(record_of(sweep), 'run_count') or '')
  assert((run_count or 0) <= MAX_RUNS, 'attempt to use a record with too many runs')
  for index = 0, (run_count or MAX_RUNS) - 1 do
    local run = run_at(sweep, index)
    if not run_count and redis.call('EXISTS', run.key) == 0 then
      break
    end
    runs[#runs + 1] = run
  end
  return runs
end

local function refuse_newer(sweep)
  local schema = try_hget(record_of(sweep), 'schema')
  if schema and tonumber(schema) > SCHEMA then
    error({ err = 'NEWERSCHEMA The sweep has schema ' .. schema .. ', this program supports up to ' .. SCHEMA })
  end
end

local function status_of(run)
  local outcome = redis.call('HGET', run.key, 'outcome')
  return outcome or (redis.call('ZSCORE', LEASES, run.id) and 'running') or 'queued'
end

-- Return whether the owner holds the run. Writes of any other owner are refused.
local function owns(run, owner)
  return redis.call('HGET', run.key, 'owner') == owner and redis.call('ZSCORE', LEASES, run.id) ~= false
end

-- Change the version. It includes the clock, so that it never names two states of a sweep, even after a restore of the
-- store or a failover that lost writes.
local function change_version(sweep)
  local version = tonumber(redis.call('HGET', record_of(sweep), 'version') or 0)
  redis.call('HSET', record_of(sweep), 'version', whole(math.max(version + 1, now())))
end

-- Add an event and change the version. Return the id of the event.
local function emit(sweep, kind, index, data)
  local id = redis.call('XADD', record_of(sweep) .. ':events', '*', 'type', kind, 'index', index, 'data', data)
  change_version(sweep)
  return id
end

-- Return whether the sweep has another version than the caller expects. No expectation accepts any version.
local function differs(sweep, expected)
  return expected and tonumber(redis.call('HGET', record_of(sweep), 'version') or 0) ~= expected
end

-- Fair queue --------------------------------------------------------------------------------------------------------
--
-- Start-time fair queuing (Goyal, Vin and Cheng, 1996, https://doi.org/10.1145/248156.248171). Each submitter has a
-- line. TURNS contains the lines with queued runs, scored by the work that was claimed from them so far. The line with
-- the lowest score has the next turn. One that was empty for a while starts just before the lines at the current turn, so
-- its submitter can neither save up turns nor escape past work by a short absence, and a newcomer is next.
--
-- The name of a line contains the schema of its runs. So a program leaves the lines of a newer schema to newer programs.

local function line_of(submitter)
  return SCHEMA .. ':' .. submitter
end

local function can_claim(line)
  return tonumber(line:match('^%d+')) <= SCHEMA
end

local function queue_of(line)
  return 'ns:2:queued:' .. line
end

local function current_turn()
  return tonumber(redis.call('GET', TURN) or 0)
end

-- Return the number of epochs that the run's next owner has to train.
local function remaining_epochs(run)
  local position = redis.call('HGET', run.key, 'checkpoint_at')
  return tonumber(redis.call('HGET', run.record, 'epochs')) - (position and tonumber(position:match('^%d+')) or 0)
end

-- Return their work.
local function remaining_work(run)
  return math.max(1, remaining_epochs(run) * tonumber(redis.call('HGET', run.record, 'epoch_work')))
end

local function charge(line, work)
  for _, set in ipairs({ TURNS, IDLE }) do
    if redis.call('ZSCORE', set, line) then
      redis.call('ZINCRBY', set, whole(work), line)
    end
  end
end

-- Compute -----------------------------------------------------------------------------------------------------------
--
-- Estimated core-milliseconds that a submitter's runs need. A run counts from the moment that it is queued, in the hour of
-- that moment. What is not trained is returned to this hour. Without API keys, nothing is counted.

local function account_of(run)
  local submitter = redis.call('HGET', run.key, 'line'):match('^%d+:(.*)$')
  return submitter ~= '' and 'ns:compute:' .. submitter or nil
end

local function this_hour()
  return math.floor(now() / HOUR)
end

-- Return the compute of the last day, and its hours: {{hour, core-ms}, ...}, oldest first.
local function compute_of_day(submitter)
  local fields, hours, used = redis.call('HGETALL', 'ns:compute:' .. submitter), {}, 0
  for position = 1, #fields, 2 do
    local hour, amount = tonumber(fields[position]), tonumber(fields[position + 1])
    if hour > this_hour() - DAY_HOURS then
      hours[#hours + 1], used = { hour, amount }, used + amount
    end
  end
  table.sort(hours, function(one, other) return one[1] < other[1] end)
  return used, hours
end

local function epoch_compute_of(run)
  return tonumber(redis.call('HGET', run.record, 'epoch_compute') or 0) -- earlier versions did not count compute
end

local function count_compute(run)
  local account, amount = account_of(run), remaining_epochs(run) * epoch_compute_of(run)
  if account and amount > 0 then
    local hour = this_hour()
    if redis.call('HINCRBY', account, hour, whole(amount)) == amount then
      for _, other in ipairs(redis.call('HKEYS', account)) do
        if tonumber(other) <= hour - DAY_HOURS then
          redis.call('HDEL', account, other)
        end
      end
    end
    redis.call('EXPIRE', account, (DAY_HOURS + 1) * 3600)
    redis.call('HSET', run.key, 'compute', hour .. ':' .. whole(amount))
  end
end

-- Return the compute of epochs that are not trained, at most what was counted for the run.
local function return_compute(run, epochs)
  local hour, counted = (redis.call('HGET', run.key, 'compute') or ''):match('^(%d+):(%d+)$')
  if hour then
    local account, amount = account_of(run), math.min(tonumber(counted), epochs * epoch_compute_of(run))
    redis.call('HDEL', run.key, 'compute')
    if redis.call('HEXISTS', account, hour) == 1 and redis.call('HINCRBY', account, hour, whole(-amount)) <= 0 then
      redis.call('HDEL', account, hour)
    end
  end
end

-- Queue -------------------------------------------------------------------------------------------------------------

local function enqueue(run)
  count_compute(run)
  local fields = redis.call('HMGET', run.key, 'line', 'queued_at')
  local line, work = fields[1], whole(remaining_work(run))
  redis.call('HSET', run.key, 'work', work)
  redis.call('ZADD', queue_of(line), fields[2], run.id)
  redis.call('HINCRBY', WORK, line, work)
  if not redis.call('ZSCORE', TURNS, line) then
    local claimed = tonumber(redis.call('ZSCORE', IDLE, line) or 0)
    redis.call('ZREM', IDLE, line)
    redis.call('ZADD', TURNS, whole(math.max(claimed, current_turn() - 1)), line)
  end
end

-- Move a line without queued runs from TURNS to IDLE.
local function retire_if_empty(line)
  local claimed = redis.call('ZSCORE', TURNS, line)
  if claimed and redis.call('EXISTS', queue_of(line)) == 0 then
    redis.call('ZREM', TURNS, line)
    redis.call('ZADD', IDLE, claimed, line)
    redis.call('HDEL', WORK, line)
  end
end

-- Remove a run from the queue. Return whether it was there.
local function dequeue(run)
  local fields = redis.call('HMGET', run.key, 'line', 'work')
  local line = fields[1]
  if not line or redis.call('ZREM', queue_of(line), run.id) == 0 then
    return false
  end
  redis.call('HINCRBY', WORK, line, -tonumber(fields[2]))
  retire_if_empty(line)
  return true
end

-- Return the number of epochs that were not trained, of a run that ends: those after its last stored epoch. A retried run
-- has stored epochs of an earlier attempt, so they count only if there are more than at the claim.
local function untrained_epochs(run)
  -- A run whose epochs cannot be read must still be able to fail.
  local readable, stored = pcall(redis.call, 'LLEN', run.epochs)
  local fields = { redis.call('HGET', run.key, 'epochs_at_claim'), redis.call('HGET', run.record, 'epochs') }
  local at_claim, epochs, remaining = tonumber(fields[1] or 0), tonumber(fields[2]), remaining_epochs(run)
  return readable and stored > at_claim and math.min(remaining, epochs - stored) or remaining
end

-- End the lease of a run that is not trained to its end. Its submitter gets back the work that was not done, and the
-- compute of that many epochs.
local function end_lease(run, epochs)
  if redis.call('ZREM', LEASES, run.id) == 1 then
    charge(redis.call('HGET', run.key, 'line'), -remaining_work(run))
    return_compute(run, epochs)
  end
end

local function requeue(run)
  end_lease(run, remaining_epochs(run))
  enqueue(run)
  emit(run.sweep, 'run.queued', run.index, '{}')
end

-- Admission ---------------------------------------------------------------------------------------------------------

-- Add the arguments for the limits of a submitter: the role of its API key, and the limits in the settings.
local function with_limits(parameters)
  parameters.role = 'text'
  parameters.max_queued_runs, parameters.max_queued_runs_per_key = 'number', 'number'
  parameters.max_stored_bytes, parameters.max_core_seconds_per_day = 'number', 'number?'
  return parameters
end

-- Return the limits of a submitter. A quota of its key precedes one of its role, and that precedes the settings. The name
-- of the submitter is empty if the service has no API keys, and then only the limits of the whole service apply.
local function limits_of(call)
  local limits = {
    max_queued_runs = call.max_queued_runs_per_key,
    max_stored_bytes = call.max_stored_bytes,
    max_core_seconds_per_day = call.max_core_seconds_per_day,
  }
  if call.submitter == '' then
    return { max_queued_runs = call.max_queued_runs, max_stored_bytes = call.max_stored_bytes }
  end
  for _, holder in ipairs({ 'role:' .. call.role, 'key:' .. call.submitter }) do
    local quota = redis.call('HGET', QUOTAS, holder)
    for name, value in pairs(quota and cjson.decode(quota).limits or {}) do
      limits[name] = value ~= cjson.null and value or limits[name]
    end
  end
  return limits
end

local function queued_in_all()
  local queued = 0
  for _, line in ipairs(redis.call('ZRANGE', TURNS, 0, -1)) do
    queued = queued + redis.call('ZCARD', queue_of(line))
  end
  return queued
end

-- Return the seconds until enough compute of the last day is older than a day.
local function seconds_until_returned(hours, excess)
  for _, each in ipairs(hours) do
    excess = excess - each[2]
    if excess <= 0 then
      return math.ceil(((each[1] + DAY_HOURS) * HOUR - now()) / 1000000)
    end
  end
end

-- Return nil if that many more queued runs, stored bytes and core-milliseconds are within the limits, otherwise
-- {'refused', limit's name, amount now, limit, amount asked for}. For compute the amounts are core-seconds, and the seconds
-- until it is within the limit follow.
local function refusal(call, runs, bytes, compute)
  local limits = limits_of(call)
  if runs > 0 then
    local queued = redis.call('ZCARD', queue_of(line_of(call.submitter)))
    if call.submitter ~= '' and queued + runs > limits.max_queued_runs then
      return { 'refused', 'max_queued_runs_per_key', queued, limits.max_queued_runs, runs }
    end
    queued = queued_in_all()
    if queued + runs > call.max_queued_runs then
      return { 'refused', 'max_queued_runs', queued, call.max_queued_runs, runs }
    end
  end
  local stored = tonumber(redis.call('HGET', BYTES, call.submitter) or 0)
  if bytes > 0 and stored + bytes > limits.max_stored_bytes then
    return { 'refused', 'max_stored_bytes', stored, limits.max_stored_bytes, bytes }
  end
  local limit = limits.max_core_seconds_per_day
  if compute > 0 and limit then
    local used, hours = compute_of_day(call.submitter)
    local excess = used + compute - limit * 1000
    if excess > 0 then
      local wait = seconds_until_returned(hours, excess) or 0
      local amounts = { math.ceil(used / 1000), limit, math.ceil(compute / 1000) }
      return { 'refused', 'max_core_seconds_per_day', amounts[1], amounts[2], amounts[3], wait }
    end
  end
end

local function add_stored_bytes(submitter, bytes)
  if redis.call('HINCRBY', BYTES, submitter, whole(bytes)) <= 0 then
    redis.call('HDEL', BYTES, submitter)
  end
end

-- Count bytes of a sweep for a submitter. The sweep's record contains what was counted, so that its deletion frees
-- exactly that.
local function count_bytes(sweep, submitter, bytes)
  redis.call('HINCRBY', record_of(sweep), 'bytes:' .. submitter, whole(bytes))
  add_stored_bytes(submitter, bytes)
end

local function free_bytes(sweep)
  local readable, fields = pcall(redis.call, 'HGETALL', record_of(sweep))
  for position = 1, readable and #fields or 0, 2 do
    local submitter = fields[position]:match('^bytes:(.*)$')
    if submitter then
      add_stored_bytes(submitter, 0 - fields[position + 1])
    end
  end
end

-- Data sets ---------------------------------------------------------------------------------------------------------

local function pieces_of(sha256)
  return 'ns:dataset:' .. sha256
end

local function sweeps_with(sha256)
  return 'ns:dataset:' .. sha256 .. ':sweeps'
end

-- Changes that several functions make -------------------------------------------------------------------------------

-- Put a run into its final state. After the sweep's last open run, emit the end of the sweep.
local function conclude(run, outcome)
  if dequeue(run) then
    return_compute(run, remaining_epochs(run))
  elseif outcome == 'succeeded' then
    redis.call('ZREM', LEASES, run.id)
  else
    end_lease(run, untrained_epochs(run))
  end
  redis.call('HSET', run.key, 'outcome', outcome, 'ended_at', whole(now()))
  redis.call('DEL', run.checkpoint)
  if outcome ~= 'succeeded' then
    redis.call('DEL', run.model)
    redis.call('ZREM', MODELS, run.id)
  end
  redis.call('HDEL', run.key, 'checkpoint_at', 'checkpoint_warning', 'cancel_requested', 'work', 'compute')
  redis.call('HDEL', run.key, 'epochs_at_claim', 'checkpoint_at_claim', 'lease', 'attempts_without_progress', 'lost_owner')
  emit(run.sweep, 'run.ended', run.index, cjson.encode({ status = outcome }))
  if redis.call('HINCRBY', run.record, 'open_runs', -1) == 0 then
    emit(run.sweep, 'sweep.ended', '', '{}')
  end
end

local function fail(run, code, message)
  redis.call('HSET', run.key, 'error_code', code, 'error_message', message)
  conclude(run, 'failed')
end

-- Store a run's checkpoint. The first write fails if the store is full, before anything has changed.
local function keep_checkpoint(run, position, checkpoint)
  redis.call('SET', run.checkpoint, checkpoint)
  redis.call('HSET', run.key, 'checkpoint_at', position)
  if redis.call('HDEL', run.key, 'checkpoint_warning') == 1 then
    change_version(run.sweep)
  end
end

-- Return a position (epoch:step) as a number that grows with it; 0 without a position.
local function progress_of(position)
  local epoch, step = (position or ''):match('^(%d+):(%d+)$')
  return epoch and tonumber(epoch) * 1000000000 + tonumber(step) or 0
end

-- Return whether the run has more epochs, or a later checkpoint, than at its claim. A retried run still has its earlier
-- epochs, so only its checkpoint shows progress.
local function got_further(run)
  local fields = redis.call('HMGET', run.key, 'epochs_at_claim', 'checkpoint_at', 'checkpoint_at_claim')
  return redis.call('LLEN', run.epochs) > tonumber(fields[1] or 0)
    or progress_of(fields[2]) > progress_of(fields[3])
end

-- Return whether the owner has trained more epochs than are stored, which happens if a replica without the last ones
-- became the primary. Then the lease ends, so that the reaper gives the run to an owner that continues from the stored
-- state.
local function disown_ahead(run, epochs)
  local ahead = tonumber(epochs) > redis.call('LLEN', run.epochs)
  if ahead then
    redis.call('HDEL', run.key, 'owner')
    redis.call('ZADD', LEASES, 'XX', whole(now()), run.id)
  end
  return ahead
end

-- Add runs to a sweep's grid. `runs` are {scale, seed} or, if they were trained before, {scale, seed, measurements}.
-- Those without measurements are queued. The others end immediately, but not before all runs are added, because each
-- of them would end the sweep.
local function add_runs(sweep, first, runs, submitter)
  local queued_at, trained = now(), {}
  redis.call('HINCRBY', record_of(sweep), 'run_count', #runs)
  redis.call('HINCRBY', record_of(sweep), 'open_runs', #runs)
  for offset, point in ipairs(runs) do
    local run = run_at(sweep, first + offset - 1)
    redis.call('HSET', run.key, 'scale', point[1], 'seed', point[2], 'submitter', submitter)
    redis.call('HSET', run.key, 'line', line_of(submitter), 'queued_at', whole(queued_at + offset - 1))
    if point[3] then
      trained[#trained + 1] = { run = run, measured = point[3] }
    else
      enqueue(run)
      if first > 0 then
        emit(sweep, 'run.queued', run.index, '{}')
      end
    end
  end
  for _, each in ipairs(trained) do
    local run, measured = each.run, each.measured
    redis.call('HSET', run.key, 'reused_from', measured.run_id, 'weights_sha256', measured.weights_sha256)
    redis.call('HSET', run.key, 'worker', measured.worker, 'device', measured.device, 'numerics', measured.numerics)
    if measured.kept_metrics then
      redis.call('HSET', run.key, 'kept_metrics', measured.kept_metrics)
      redis.call('HSET', run.key, 'test_loss', measured.test_loss, 'test_accuracy', measured.test_accuracy)
    end
    redis.call('SET', run.evaluation, measured.evaluation)
    redis.call('RPUSH', run.epochs, unpack(measured.epochs))
    conclude(run, 'succeeded')
  end
end

-- Return the number of runs without measurements, and the bytes that all runs count.
local function size_of(runs, run_bytes, reused_run_bytes, model_bytes)
  local untrained, bytes = 0, 0
  for _, point in ipairs(runs) do
    untrained = untrained + (point[3] and 0 or 1)
    bytes = bytes + (point[3] and reused_run_bytes or run_bytes) + model_bytes
  end
  return untrained, bytes
end

-- Return the core-milliseconds of one run of a sweep. `epoch_compute` is for sweeps of earlier versions, which lack it.
local function run_compute_of(sweep, epoch_compute)
  local fields = redis.call('HMGET', record_of(sweep), 'epochs', 'epoch_compute')
  return tonumber(fields[1] or 0) * tonumber(fields[2] or epoch_compute)
end

-- Library -----------------------------------------------------------------------------------------------------------

-- Return REVISION. Raise OLDERSCHEMA if the store contains sweeps of an older program.
define('check', {}, function()
  local schema = redis.call('GET', SCHEMA_KEY) or (redis.call('EXISTS', SWEEPS) == 1 and 1) or SCHEMA
  if tonumber(schema) < OLDEST then
    error({ err = 'OLDERSCHEMA ' .. schema })
  end
  return REVISION
end, { 'no-writes' })

-- API: changes ------------------------------------------------------------------------------------------------------

-- Write a sweep and all its runs. Return {'created'}, {'exists', fingerprint of its submission} if there is a sweep with
-- this id, {'no_dataset'} if its data set was deleted, or a refusal (see `refusal`).
--
-- dataset: SHA-256 of its data set, unless that is built in. It then cannot be deleted while the sweep exists.
-- epoch_work, epoch_compute: work and core-milliseconds of one epoch of one run. Bytes that count: sweep_bytes for the sweep, model_bytes for the model of each
-- run, and run_bytes or reused_run_bytes for each run without and with measurements. runs: see add_runs.
define('create', with_limits({
  sweep = 'text', fingerprint = 'text', request = 'text', submitter = 'text', request_id = 'text', traceparent = 'text',
  dataset = 'text?',
  epochs = 'number', epoch_work = 'number', epoch_compute = 'number', runs = 'json',
  sweep_bytes = 'number', run_bytes = 'number', reused_run_bytes = 'number', model_bytes = 'number',
}), function(call)
  local record = record_of(call.sweep)
  if redis.call('EXISTS', record) == 1 then
    return { 'exists', redis.call('HGET', record, 'fingerprint') }
  elseif call.dataset and redis.call('HEXISTS', DATASET_NAMES, call.dataset) == 0 then
    return { 'no_dataset' }
  end
  local untrained, bytes = size_of(call.runs, call.run_bytes, call.reused_run_bytes, call.model_bytes)
  bytes = bytes + call.sweep_bytes
  local refused = refusal(call, untrained, bytes, untrained * call.epochs * call.epoch_compute)
  if refused then
    return refused
  end
  local created_at = whole(now())
  redis.call('SET', SCHEMA_KEY, SCHEMA, 'NX')
  redis.call('ZADD', SWEEPS, created_at, call.sweep)
  redis.call('HSET', record, 'schema', SCHEMA, 'request', call.request, 'created_at', created_at, 'version', created_at)
  redis.call('HSET', record, 'fingerprint', call.fingerprint)
  redis.call('HSET', record, 'submitter', call.submitter, 'request_id', call.request_id, 'traceparent', call.traceparent)
  redis.call('HSET', record, 'epochs', whole(call.epochs), 'epoch_work', whole(call.epoch_work))
  redis.call('HSET', record, 'epoch_compute', whole(call.epoch_compute))
  redis.call('HSET', record, 'run_bytes', whole(call.run_bytes), 'reused_run_bytes', whole(call.reused_run_bytes))
  redis.call('HSET', record, 'model_bytes', whole(call.model_bytes))
  if call.dataset then
    redis.call('HSET', record, 'dataset', call.dataset)
    redis.call('SADD', sweeps_with(call.dataset), call.sweep)
  end
  count_bytes(call.sweep, call.submitter, bytes)
  add_runs(call.sweep, 0, call.runs, call.submitter)
  return { 'created' }
end)

-- Add runs to a sweep's grid for a submitter. Return {'extended'}, {'missing'} if there is no such sweep, {'changed'}
-- if it has another version or number of runs, or a refusal.
define('extend', with_limits({
  sweep = 'text', submitter = 'text', run_count = 'number', runs = 'json', version = 'number?', epoch_compute = 'number',
}), function(call)
  local record = record_of(call.sweep)
  local fields = redis.call('HMGET', record, 'run_count', 'run_bytes', 'reused_run_bytes', 'model_bytes')
  refuse_newer(call.sweep)
  if not fields[1] then
    return { 'missing' }
  elseif differs(call.sweep, call.version) or tonumber(fields[1]) ~= call.run_count then
    return { 'changed' }
  end
  local untrained, bytes = size_of(call.runs, unpack(fields, 2))
  local refused = refusal(call, untrained, bytes, untrained * run_compute_of(call.sweep, call.epoch_compute))
  if refused then
    return refused
  end
  redis.call('HSETNX', record, 'epoch_compute', whole(call.epoch_compute))
  count_bytes(call.sweep, call.submitter, bytes)
  add_runs(call.sweep, call.run_count, call.runs, call.submitter)
  return { 'extended' }
end)

-- Queue the failed and cancelled runs again, for a submitter. Their epochs remain, and are trained again to the same
-- values, unless a worker of another numerics version claims them. Return {'retried', number of runs}, {'changed'}, or a
-- refusal. retry_bytes: the bytes that count for the events of each run.
define('retry', with_limits({
  sweep = 'text', submitter = 'text', version = 'number?', retry_bytes = 'number', epoch_compute = 'number',
}), function(call)
  refuse_newer(call.sweep)
  if differs(call.sweep, call.version) then
    return { 'changed' }
  end
  local ended = {}
  for _, run in ipairs(runs_of(call.sweep)) do
    local outcome = redis.call('HGET', run.key, 'outcome')
    if outcome == 'failed' or outcome == 'cancelled' then
      ended[#ended + 1] = run
    end
  end
  local compute = #ended * run_compute_of(call.sweep, call.epoch_compute)
  local refused = refusal(call, #ended, #ended * call.retry_bytes, compute)
  if refused then
    return refused
  end
  if #ended > 0 then
    redis.call('HSETNX', record_of(call.sweep), 'epoch_compute', whole(call.epoch_compute))
    count_bytes(call.sweep, call.submitter, #ended * call.retry_bytes)
  end
  local queued_at = now()
  for offset, run in ipairs(ended) do
    redis.call('HDEL', run.key, 'outcome', 'owner', 'ended_at', 'error_code', 'error_message', 'model_warning')
    redis.call('HSET', run.key, 'line', line_of(call.submitter), 'queued_at', whole(queued_at + offset - 1))
    redis.call('HINCRBY', run.record, 'open_runs', 1)
    requeue(run)
  end
  return { 'retried', #ended }
end)

-- Replace the request of a sweep by one with another name or other tags. Return {'edited'}, {'missing'} if there is no such
-- sweep, {'changed'} if it has another version, or {'outdated'} if its request is not `before`. The bytes count for its
-- submitter. No limit refuses them, because names and tags have few. An open sweep gets an event in place of that of its previous edit, so that repeated edits
-- need no room. An ended sweep gets none, because nobody subscribes to it, and 'sweep.ended' remains its last event.
define('edit', {
  sweep = 'text', before = 'text', request = 'text', version = 'number?',
}, function(call)
  local record = record_of(call.sweep)
  local fields = redis.call('HMGET', record, 'request', 'submitter', 'open_runs', 'edited')
  refuse_newer(call.sweep)
  if not fields[1] then
    return { 'missing' }
  elseif differs(call.sweep, call.version) then
    return { 'changed' }
  elseif fields[1] ~= call.before then
    return { 'outdated' }
  elseif call.request == call.before then
    return { 'edited' }
  end
  count_bytes(call.sweep, fields[2], #call.request - #call.before)
  redis.call('HSET', record, 'request', call.request)
  if tonumber(fields[3]) == 0 then
    change_version(call.sweep)
  else
    redis.call('HSET', record, 'edited', emit(call.sweep, 'sweep.edited', '', '{}'))
    if fields[4] then
      redis.call('XDEL', record .. ':events', fields[4])
    end
  end
  return { 'edited' }
end)

-- Cancel runs; without indices, all runs. A queued run ends at once, the owner of a running run reads the request when
-- it renews the lease. Return {'cancelled', number of runs that are or will be cancelled, number that ended now}, or
-- {'changed'}. A full store cancels too, because that makes room.
define('cancel', { sweep = 'text', indices = 'json?', version = 'number?' }, function(call)
  refuse_newer(call.sweep)
  if differs(call.sweep, call.version) then
    return { 'changed' }
  end
  local runs = runs_of(call.sweep)
  if call.indices then
    runs = {}
    for _, index in ipairs(call.indices) do
      runs[#runs + 1] = run_at(call.sweep, index)
    end
  end
  local cancelled, ended = 0, 0
  for _, run in ipairs(runs) do
    local status = redis.call('EXISTS', run.key) == 1 and status_of(run)
    if status == 'queued' then
      redis.call('HDEL', run.key, 'owner')
      conclude(run, 'cancelled')
      ended = ended + 1
    elseif status == 'running' and redis.call('HSETNX', run.key, 'cancel_requested', 1) == 1 then
      emit(call.sweep, 'run.cancelling', run.index, '{}')
    end
    cancelled = cancelled + ((status and status ~= 'succeeded' and status ~= 'failed') and 1 or 0)
  end
  return { 'cancelled', cancelled, ended }
end, { 'allow-oom' })

-- Remove a sweep with all its keys, if none of its runs is queued or leased, or if all ended before a given time. Return
-- {'deleted'} if nothing of it remains, {'open'} if it stays, {'changed'} if it has another version.
define('delete', { sweep = 'text', ended_before = 'number?', version = 'number?' }, function(call)
  local record = record_of(call.sweep)
  refuse_newer(call.sweep)
  if differs(call.sweep, call.version) then
    return { 'changed' }
  end
  -- Without a time it is a client that asks, also to remove a sweep whose record is broken.
  if call.ended_before and tonumber(try_hget(record, 'open_runs') or 0) > 0 then
    return { 'open' }
  end
  local runs = runs_of(call.sweep)
  for _, run in ipairs(runs) do
    local line = try_hget(run.key, 'line')
    if redis.call('ZSCORE', LEASES, run.id) or line and redis.call('ZSCORE', queue_of(line), run.id) then
      return { 'open' }
    end
    local ended_at = try_hget(run.key, 'ended_at') -- nil if the run is unreadable, which must not keep the sweep
    if call.ended_before and ended_at and tonumber(ended_at) >= call.ended_before then
      return { 'open' }
    end
  end
  for _, run in ipairs(runs) do
    redis.call('DEL', run.key, run.epochs, run.evaluation, run.checkpoint, run.model)
    redis.call('ZREM', MODELS, run.id)
  end
  free_bytes(call.sweep)
  local dataset = try_hget(record, 'dataset')
  if dataset then
    redis.call('SREM', sweeps_with(dataset), call.sweep)
  end
  redis.call('DEL', record, record .. ':events', record .. ':shares')
  redis.call('ZREM', SWEEPS, call.sweep)
  return { 'deleted' }
end, { 'allow-oom' })

-- Give a name to a data set whose pieces were written to the key `upload`. Return {'added'}, {'exists'} if the name has
-- this content, {'taken'} if it has another one, {'stored', name} if the content has another name, or {'refused', limit's
-- name, amount now, limit, amount asked for}. info: its description (JSON) with sha256 and stored_bytes.
define('add_dataset', with_limits({
  name = 'text', info = 'json', upload = 'text', submitter = 'text', max_dataset_bytes = 'number',
}), function(call)
  local info, present = call.info, redis.call('HGET', DATASETS, call.name)
  if present then
    return { cjson.decode(present).sha256 == info.sha256 and 'exists' or 'taken' }
  end
  local name = redis.call('HGET', DATASET_NAMES, info.sha256)
  if name then
    return { 'stored', name }
  end
  local count = redis.call('HLEN', DATASETS)
  if count >= MAX_DATASETS then
    return { 'refused', 'max_datasets', count, MAX_DATASETS, 1 }
  end
  local stored = tonumber(redis.call('GET', DATASET_BYTES) or 0)
  if stored + info.stored_bytes > call.max_dataset_bytes then
    return { 'refused', 'max_dataset_bytes', stored, call.max_dataset_bytes, info.stored_bytes }
  end
  local refused = refusal(call, 0, info.stored_bytes, 0)
  if refused then
    return refused
  end
  redis.call('RENAME', call.upload, pieces_of(info.sha256))
  redis.call('PERSIST', pieces_of(info.sha256))
  redis.call('HSET', DATASETS, call.name, cjson.encode(info))
  redis.call('HSET', DATASET_NAMES, info.sha256, call.name)
  redis.call('INCRBY', DATASET_BYTES, whole(info.stored_bytes))
  add_stored_bytes(call.submitter, info.stored_bytes)
  return { 'added' }
end)

-- Remove a data set. Return {'deleted'}, {'missing'} if no data set has this name, or {'needed', number of sweeps}.
define('delete_dataset', { name = 'text' }, function(call)
  local present = redis.call('HGET', DATASETS, call.name)
  if not present then
    return { 'missing' }
  end
  local info = cjson.decode(present)
  local sweeps = redis.call('SCARD', sweeps_with(info.sha256))
  if sweeps > 0 then
    return { 'needed', sweeps }
  end
  redis.call('DEL', pieces_of(info.sha256))
  redis.call('HDEL', DATASETS, call.name)
  redis.call('HDEL', DATASET_NAMES, info.sha256)
  redis.call('DECRBY', DATASET_BYTES, whole(info.stored_bytes))
  add_stored_bytes(info.submitter, -info.stored_bytes)
  return { 'deleted' }
end, { 'allow-oom' })

-- API: reads --------------------------------------------------------------------------------------------------------

-- Return a sweep as it is at one moment: {record, run, run, ...}, where a run is {hash, status, number of epochs,
-- latest EpochMetrics (JSON)} and hashes are flat lists. Return nil if there is no such sweep.
define('read', { sweep = 'text' }, function(call)
  refuse_newer(call.sweep)
  local record = redis.call('HGETALL', record_of(call.sweep))
  if #record == 0 then
    return nil
  end
  local reply = { record }
  for _, run in ipairs(runs_of(call.sweep)) do
    local epochs = run.epochs
    reply[#reply + 1] = {
      redis.call('HGETALL', run.key), status_of(run), redis.call('LLEN', epochs), redis.call('LINDEX', epochs, -1)
    }
  end
  return reply
end, { 'no-writes' })

-- Return a run as it is at one moment: {request (JSON), version and submitter of the sweep, hash, status, list of
-- EpochMetrics (JSON), Evaluation (JSON)}. Return nil if there is no such run.
define('read_run', { sweep = 'text', index = 'number' }, function(call)
  refuse_newer(call.sweep)
  local run = run_at(call.sweep, whole(call.index))
  local fields, record = redis.call('HGETALL', run.key), redis.call('HMGET', run.record, 'request', 'version', 'submitter')
  if #fields == 0 or not record[1] then
    return nil
  end
  return {
    record[1], record[2], record[3], fields, status_of(run), redis.call('LRANGE', run.epochs, 0, -1),
    redis.call('GET', run.evaluation)
  }
end, { 'no-writes' })

-- Return the runs and work of a line, and its score.
local function line_at(line, score)
  local runs, work = redis.call('ZCARD', queue_of(line)), tonumber(redis.call('HGET', WORK, line) or 0)
  return { runs = runs, work = work, score = score }
end

-- Return which part of another line starts before a run whose line then has this score.
local function share_before(line, score)
  return math.max(0, math.min(1, (score - line.score) / math.max(line.work, 1)))
end

-- Return {queued runs, running runs, queued_at of the run that has waited longest or nil, queued runs that start before
-- a new run of this submitter, work of those that start before the last of its new runs, work of the running runs}. Running
-- runs count in full. Lines that this program's workers cannot claim do not count. work: of its new runs but the last.
define('queue', { submitter = 'text', work = 'number?' }, function(call)
  local own = line_of(call.submitter)
  local claimed = tonumber(redis.call('ZSCORE', TURNS, own) or redis.call('ZSCORE', IDLE, own) or 0)
  local start = math.max(claimed, current_turn() - 1) + tonumber(redis.call('HGET', WORK, own) or 0)
  local queued, oldest, runs_before, work_before = 0, nil, 0, 0
  local turns = redis.call('ZRANGE', TURNS, 0, -1, 'WITHSCORES')
  for position = 1, #turns, 2 do
    local line = turns[position]
    if can_claim(line) then
      local at = line_at(line, tonumber(turns[position + 1]))
      -- Before a new run start all others of its line, and those of other lines with a lower score.
      local function part(score)
        return line == own and 1 or share_before(at, score)
      end
      queued = queued + at.runs
      runs_before = runs_before + math.ceil(at.runs * part(start))
      work_before = work_before + at.work * part(start + (call.work or 0))
      local first = redis.call('ZRANGE', queue_of(line), 0, 0, 'WITHSCORES')[2]
      oldest = first and math.min(oldest or math.huge, tonumber(first)) or oldest
    end
  end
  local running, running_work = redis.call('ZRANGE', LEASES, 0, -1), 0
  for _, id in ipairs(running) do
    running_work = running_work + tonumber(try_hget(run_of(id).key, 'work') or 0)
  end
  return { queued, #running, oldest and whole(oldest) or false, runs_before, whole(work_before), whole(running_work) }
end, { 'no-writes' })

-- Return the sweeps of a submitter that have queued runs, in the order of their first queued runs: {{sweep, request (JSON),
-- queued runs, queued runs of all submitters that start before, work of these}, ...}, at most `limit`.
define('waiting', { submitter = 'text', limit = 'number' }, function(call)
  local own, others = line_of(call.submitter), {}
  local claimed = tonumber(redis.call('ZSCORE', TURNS, own) or 0)
  local turns = redis.call('ZRANGE', TURNS, 0, -1, 'WITHSCORES')
  for position = 1, #turns, 2 do
    local line = turns[position]
    if line ~= own and can_claim(line) then
      others[#others + 1] = line_at(line, tonumber(turns[position + 1]))
    end
  end
  local sweeps, found, own_runs, own_work = {}, {}, 0, 0
  for _, id in ipairs(redis.call('ZRANGE', queue_of(own), 0, -1)) do
    local run = run_of(id)
    local each = found[run.sweep]
    if not each and #sweeps < call.limit then
      local runs_before, work_before = own_runs, own_work
      for _, line in ipairs(others) do
        local share = share_before(line, claimed + own_work)
        runs_before, work_before = runs_before + math.ceil(line.runs * share), work_before + line.work * share
      end
      each = { run.sweep, try_hget(run.record, 'request') or '', 0, runs_before, whole(work_before) }
      found[run.sweep], sweeps[#sweeps + 1] = each, each
    end
    if each then
      each[3] = each[3] + 1
    end
    own_runs, own_work = own_runs + 1, own_work + tonumber(try_hget(run.key, 'work') or 0)
  end
  return sweeps
end, { 'no-writes' })

-- Return a refusal of that many runs, bytes and core-milliseconds, or nil, without changing anything.
define('admit', with_limits({
  submitter = 'text', runs = 'number', bytes = 'number', compute = 'number',
}), function(call)
  return refusal(call, call.runs, call.bytes, call.compute)
end, { 'no-writes' })

-- Return what a submitter uses of its limits: {queued runs, limit, stored bytes, limit, core-milliseconds of the last day,
-- limit in core-seconds or nil}.
define('usage', with_limits({ submitter = 'text' }), function(call)
  local limits = limits_of(call)
  return {
    redis.call('ZCARD', queue_of(line_of(call.submitter))), limits.max_queued_runs,
    whole(redis.call('HGET', BYTES, call.submitter) or 0), whole(limits.max_stored_bytes),
    whole(compute_of_day(call.submitter)), limits.max_core_seconds_per_day or false,
  }
end, { 'no-writes' })

-- Worker: claims ----------------------------------------------------------------------------------------------------

-- Runs of one kind can be claimed together: they are of one sweep and seed, and start at one position. A checkpoint of
-- another numerics version than the worker's is not used. A run whose last owner was lost before it made progress is claimed alone, because it may be why the owner died.
local function kind_of(run, numerics)
  refuse_newer(run.sweep)
  local fields = redis.call('HMGET', run.key, 'scale', 'seed', 'checkpoint_at', 'attempts_without_progress', 'numerics')
  assert(fields[1] and redis.call('HEXISTS', run.record, 'request') == 1, 'attempt to claim a run without its record')
  local alone = (fields[4] or '0') ~= '0' and run.index or ''
  local position = fields[5] == numerics and fields[3] or ''
  return table.concat({ run.sweep, fields[2], position, alone }, '/')
end

-- Return up to `limit` runs of one kind from the front of a line, at least one. Remove runs from the queue whose record cannot be read,
-- because they would block all others.
local function next_runs(line, limit, numerics)
  local queue, runs, kind = queue_of(line), {}, nil
  for _, id in ipairs(redis.call('ZRANGE', queue, 0, limit == 1 and 0 or 1023)) do
    local run = run_of(id)
    local readable, found = pcall(kind_of, run, numerics)
    if not readable then
      redis.call('ZREM', queue, id)
      redis.log(redis.LOG_WARNING, 'noisesweep: removed the run ' .. id .. ' from the queue: its record cannot be read')
    elseif #runs < math.max(1, limit) and found == (kind or found) then
      kind, runs[#runs + 1] = found, run
    end
  end
  return runs
end

-- Return the line that has the next turn, and its score; nil if all lines are empty.
local function next_line()
  local first = redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')
  if not first[1] or can_claim(first[1]) then
    return first[1], first[2]
  end
  for _, line in ipairs(redis.call('ZRANGE', TURNS, 0, -1)) do
    if can_claim(line) then
      return line, redis.call('ZSCORE', TURNS, line)
    end
  end
end

-- Record the numerics version of a run's next owner. What was stored with another version is deleted, so that all numbers
-- of a run are of one version. The run then starts again from its first epoch. It does not wait for a worker of its earlier
-- version, because after an upgrade there may be none.
local function set_numerics(run, numerics)
  if redis.call('HGET', run.key, 'numerics') ~= numerics then
    redis.call('HSET', run.key, 'numerics', numerics)
    redis.call('HDEL', run.key, 'checkpoint_at')
    redis.call('DEL', run.epochs, run.checkpoint, run.model)
    redis.call('ZREM', MODELS, run.id)
  end
end

-- Return up to `limit` queued runs of the line that has the next turn, for a worker of this numerics version.
local function take_turn(limit, numerics)
  while true do
    local line, claimed = next_line()
    if not line then
      return {}
    end
    local runs = next_runs(line, limit, numerics)
    local work = 0
    for _, run in ipairs(runs) do
      dequeue(run)
      set_numerics(run, numerics)
      redis.call('HSET', run.key, 'work', whole(remaining_work(run)))
      work = work + remaining_work(run)
    end
    retire_if_empty(line)
    if #runs > 0 then
      charge(line, work)
      local turn = whole(math.max(current_turn(), tonumber(claimed)))
      redis.call('SET', TURN, turn)
      redis.call('ZREMRANGEBYSCORE', IDLE, '-inf', turn)
      return runs
    end
  end
end

-- Give up to `limit` queued runs that can share a stack to a new owner. Repeated by the same owner, return the same runs.
-- Return {{sweep, request (JSON), request_id, traceparent}, {index, scale, seed}, ...}, or nil if no run is queued.
define('claim', {
  owner = 'text', lease = 'number', limit = 'number', worker = 'text', device = 'text', numerics = 'number',
}, function(call)
  local claim, runs = 'ns:2:claim:' .. call.owner, {}
  local held = redis.call('LRANGE', claim, 0, -1)
  for _, id in ipairs(held) do
    local run = run_of(id)
    if owns(run, call.owner) then
      runs[#runs + 1] = run
    end
  end
  if #held == 0 then
    local started_at = now()
    runs = take_turn(call.limit, whole(call.numerics))
    for _, run in ipairs(runs) do
      redis.call('RPUSH', claim, run.id)
      redis.call('ZADD', LEASES, whole(started_at + call.lease), run.id)
      redis.call('HSET', run.key, 'owner', call.owner, 'worker', call.worker, 'device', call.device)
      redis.call('HSET', run.key, 'started_at', whole(started_at), 'lease', whole(call.lease))
      redis.call('HSET', run.key, 'epochs_at_claim', redis.call('LLEN', run.epochs))
      redis.call('HSET', run.key, 'checkpoint_at_claim', redis.call('HGET', run.key, 'checkpoint_at') or '')
      redis.call('HINCRBY', run.key, 'attempts', 1)
      emit(run.sweep, 'run.started', run.index, '{}')
    end
    redis.call('PEXPIRE', claim, math.ceil(call.lease / 1000))
  end
  if #runs == 0 then
    return nil
  end
  local reply = { { runs[1].sweep, unpack(redis.call('HMGET', runs[1].record, 'request', 'request_id', 'traceparent')) } }
  for _, run in ipairs(runs) do
    reply[#reply + 1] = { run.index, unpack(redis.call('HMGET', run.key, 'scale', 'seed')) }
  end
  return reply
end)

-- Renew the leases of an owner's runs, and return what is requested for each: 'held', 'cancelled' or 'lost'. A lease that
-- was renewed less than `interval` ago stays as it is, so that frequent requests cause few writes. A lease beyond its
-- full length, after the clock was set back, is shortened. An owner that was reaped as lost and still renews was not
-- lost: then the attempt no longer counts as one without progress.
define('renew', { sweep = 'text', owner = 'text', lease = 'number', interval = 'number', indices = 'json' }, function(call)
  refuse_newer(call.sweep)
  local reply, renewed_until = {}, now() + call.lease
  for _, index in ipairs(call.indices) do
    local run = run_at(call.sweep, index)
    if not owns(run, call.owner) then
      if redis.call('HGET', run.key, 'lost_owner') == call.owner then
        redis.call('HDEL', run.key, 'lost_owner')
        if tonumber(redis.call('HGET', run.key, 'attempts_without_progress') or 0) > 0 then
          redis.call('HINCRBY', run.key, 'attempts_without_progress', -1)
        end
      end
      reply[#reply + 1] = 'lost'
    else
      local leased_until = tonumber(redis.call('ZSCORE', LEASES, run.id))
      if leased_until < renewed_until - call.interval or leased_until > renewed_until then
        redis.call('ZADD', LEASES, whole(renewed_until), run.id)
      end
      reply[#reply + 1] = redis.call('HEXISTS', run.key, 'cancel_requested') == 1 and 'cancelled' or 'held'
    end
  end
  return reply
end, { 'allow-oom' })

-- Worker: writes of an owner ------------------------------------------------------------------------------------------

-- Register a function of a run's owner. If the caller is not its owner, the reply is that of `otherwise`, or nil.
local function define_for_owner(name, parameters, callback, flags, otherwise)
  parameters.sweep, parameters.index, parameters.owner = 'text', 'number', 'text'
  define(name, parameters, function(call)
    refuse_newer(call.sweep)
    local run = run_at(call.sweep, whole(call.index))
    if owns(run, call.owner) then
      return callback(run, call)
    end
    return otherwise and otherwise(run, call)
  end, flags)
end

-- Return the outcome of a run that this owner has ended; nil if it has another owner.
local function ended_by(run, call)
  return redis.call('HGET', run.key, 'owner') == call.owner and redis.call('HGET', run.key, 'outcome') or nil
end

-- Return the status of a run that this owner has released; nil if it has another owner.
local function released_by(run, call)
  local status = redis.call('HGET', run.key, 'owner') == call.owner and status_of(run)
  return (status == 'queued' or status == 'cancelled') and status or nil
end

-- Store an epoch and renew the lease. A stored epoch stays as it is. Return 1, or nil also if earlier epochs are missing.
define_for_owner('commit', { lease = 'number', epoch = 'number', metrics = 'text' }, function(run, call)
  if disown_ahead(run, call.epoch) then
    return nil
  end
  redis.call('ZADD', LEASES, 'XX', whole(now() + call.lease), run.id)
  if call.epoch == redis.call('LLEN', run.epochs) then
    redis.call('RPUSH', run.epochs, call.metrics)
    emit(run.sweep, 'epoch', run.index, call.metrics)
  end
  return 1
end)

-- Store a checkpoint in place of the previous one. Return 1, or nil also if epochs before its position are missing.
define_for_owner('checkpoint', { position = 'text', checkpoint = 'text' }, function(run, call)
  if disown_ahead(run, call.position:match('%d+')) then
    return nil
  end
  keep_checkpoint(run, call.position, call.checkpoint)
  return 1
end)

-- Store the trained model for a duration. Return 1.
define_for_owner('model', { model = 'text', duration = 'number' }, function(run, call)
  redis.call('SET', run.model, call.model)
  redis.call('ZADD', MODELS, whole(now() + call.duration), run.id)
  if redis.call('HDEL', run.key, 'model_warning') == 1 then
    change_version(run.sweep)
  end
  return 1
end)

-- Record why the 'checkpoint' or 'model' could not be stored. Return 1. A full store accepts it: it is short, and
-- replaces the previous one.
define_for_owner('warn', { kind = 'text', message = 'text' }, function(run, call)
  redis.call('HSET', run.key, call.kind .. '_warning', call.message)
  change_version(run.sweep)
  return 1
end, { 'allow-oom' })

-- End a run that has trained that many epochs; one that a client cancelled ends as cancelled. Return the outcome, or nil
-- also if some of its epochs are missing. Repeated by the same owner, return the same outcome. A run with a holdout has
-- the epoch whose weights are kept, and its result on the test images. Only such a run can end early. Its submitter then
-- gets back the work of the other epochs.
define_for_owner('succeed', {
  weights_sha256 = 'text', evaluation = 'text', epochs = 'number',
  kept_epoch = 'number?', test_loss = 'text?', test_accuracy = 'text?',
}, function(run, call)
  if redis.call('HEXISTS', run.key, 'cancel_requested') == 1 then
    conclude(run, 'cancelled')
    return 'cancelled'
  elseif disown_ahead(run, call.epochs) then
    return nil
  end
  redis.call('SET', run.evaluation, call.evaluation)
  redis.call('HSET', run.key, 'weights_sha256', call.weights_sha256)
  if call.kept_epoch then
    redis.call('HSET', run.key, 'kept_metrics', redis.call('LINDEX', run.epochs, call.kept_epoch))
    redis.call('HSET', run.key, 'test_loss', call.test_loss, 'test_accuracy', call.test_accuracy)
    local config = redis.call('HMGET', run.record, 'epochs', 'epoch_work')
    local untrained = tonumber(config[1]) - redis.call('LLEN', run.epochs)
    charge(redis.call('HGET', run.key, 'line'), -untrained * tonumber(config[2]))
    return_compute(run, untrained)
  end
  conclude(run, 'succeeded')
  return 'succeeded'
end, {}, ended_by)

-- End a run with an error, or without one as cancelled. A run that a client cancelled ends as cancelled. Return the
-- outcome. Repeated by the same owner, return the same outcome. A full store accepts it.
define_for_owner('stop', { error_code = 'text?', error_message = 'text?' }, function(run, call)
  if call.error_code and redis.call('HEXISTS', run.key, 'cancel_requested') == 0 then
    fail(run, call.error_code, call.error_message or '')
    return 'failed'
  end
  conclude(run, 'cancelled')
  return 'cancelled'
end, { 'allow-oom' }, ended_by)

-- Return a run to the queue, with a checkpoint if one is given. It does not count as an attempt. A run that a client
-- cancelled ends instead. Return 'queued' or 'cancelled', or nil also if epochs before the position are missing. Repeated
-- by the same owner, return the same. A full store accepts it, because a worker that stops must lose no work.
define_for_owner('release', { position = 'text', checkpoint = 'text?' }, function(run, call)
  if redis.call('HEXISTS', run.key, 'cancel_requested') == 1 then
    conclude(run, 'cancelled')
    return 'cancelled'
  elseif disown_ahead(run, call.position:match('%d+')) then
    return nil
  end
  if call.checkpoint then
    keep_checkpoint(run, call.position, call.checkpoint)
  end
  redis.call('HINCRBY', run.key, 'attempts', -1)
  if got_further(run) then
    redis.call('HDEL', run.key, 'attempts_without_progress')
  end
  requeue(run)
  return 'queued'
end, { 'allow-oom' }, released_by)

-- Reaper ------------------------------------------------------------------------------------------------------------

local function expire_models(before)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', MODELS, '-inf', whole(before), 'LIMIT', 0, EXPIRED_MODELS_PER_ROUND)) do
    local run = run_of(id)
    redis.call('ZREM', MODELS, id)
    if redis.call('DEL', run.model) == 1 then
      count_bytes(run.sweep, redis.call('HGET', run.key, 'submitter'), 0 - redis.call('HGET', run.record, 'model_bytes'))
    end
  end
end

-- Begin a round of a reaper. If no reaper has reached the store for `longest_gap`, the store may have been unavailable,
-- so owners could not renew their leases. For `grace`, rounds then ignore leases that expired since the last round,
-- because live owners renew them in that time. A step of the clock has the same effect. Return {the server's time, the
-- time before which a lease must have expired to be reaped}.
define('begin_round', { longest_gap = 'number', grace = 'number' }, function(call)
  local moment = now()
  local fields = redis.call('HMGET', REAPER, 'at', 'spared_since', 'spared_until')
  local last, since, spared_until = tonumber(fields[1] or moment), tonumber(fields[2] or 0), tonumber(fields[3] or 0)
  if math.abs(moment - last) > call.longest_gap then
    if last >= spared_until or spared_until > moment + call.grace then
      since = math.min(last, moment)
    end
    spared_until = moment + call.grace
    redis.call('HSET', REAPER, 'spared_since', whole(since), 'spared_until', whole(spared_until))
  end
  redis.call('HSET', REAPER, 'at', whole(moment))
  expire_models(moment)
  return { whole(moment), whole(moment < spared_until and since or moment) }
end, { 'allow-oom' })

-- Take a run from its owner. It returns to the queue, or ends if a client cancelled it or `max_attempts` owners in a row
-- were lost without progress. A run without an owner was taken from it by disown_ahead, so no owner was lost.
local function reap(run, max_attempts)
  refuse_newer(run.sweep)
  local owner = redis.call('HGET', run.key, 'owner')
  local without_progress = tonumber(redis.call('HGET', run.key, 'attempts_without_progress') or 0)
  if got_further(run) then
    without_progress = 0
  elseif owner then
    without_progress = without_progress + 1
  end
  redis.call('HDEL', run.key, 'owner')
  if redis.call('HEXISTS', run.key, 'cancel_requested') == 1 then
    conclude(run, 'cancelled')
    return 'cancelled'
  elseif without_progress >= max_attempts then
    fail(run, 'worker_lost', 'The worker was lost ' .. without_progress .. ' times in a row while it trained this run, each time '
      .. 'before it stored a new epoch or a later checkpoint. The usual cause is too little memory: '
      .. "see the worker's log. Fix the cause, then retry the sweep.")
    return 'lost'
  end
  redis.call('HSET', run.key, 'attempts_without_progress', without_progress, 'lost_owner', owner or '')
  requeue(run)
  return 'requeued'
end

-- Reap up to `limit` leases that expired before a given time, and shorten leases beyond their full length, after the
-- clock was set back. A run that cannot be reaped gets a new lease, so that it does not block the others. Runs of a newer
-- schema stay as they are. Return {leases found, runs requeued, runs failed, runs cancelled, messages about the runs that
-- could not be reaped}.
define('reap', { max_attempts = 'number', before = 'number', lease = 'number', limit = 'number' }, function(call)
  local moment = now()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '(' .. whole(moment + call.lease), '+inf')) do
    local longest = moment + tonumber(try_hget(run_of(id).key, 'lease') or call.lease)
    if tonumber(redis.call('ZSCORE', LEASES, id)) > longest then
      redis.call('ZADD', LEASES, whole(longest), id)
    end
  end
  local expired = redis.call('ZRANGEBYSCORE', LEASES, '-inf', whole(math.min(moment, call.before)), 'LIMIT', 0, call.limit)
  local count, messages = { requeued = 0, lost = 0, cancelled = 0 }, {}
  for _, id in ipairs(expired) do
    local reaped, result = pcall(reap, run_of(id), call.max_attempts)
    if reaped then
      count[result] = count[result] + 1
    else
      local message = type(result) == 'table' and result.err or tostring(result)
      if message:sub(1, 11) ~= 'NEWERSCHEMA' then
        redis.call('ZADD', LEASES, whole(moment + call.lease), id)
        messages[#messages + 1] = id .. ': ' .. message
      end
    end
  end
  return { #expired, count.requeued, count.lost, count.cancelled, messages }
end, { 'allow-oom' })

-- Workers -----------------------------------------------------------------------------------------------------------

-- Write a worker's heartbeat, and remove workers without one for `listed`. Heartbeats in the future were written before
-- the clock was set back: they are moved to now, so that a lost worker does not look alive until then. A full store
-- accepts it, because a worker is alive even then.
define('beat', { worker = 'text', profile = 'text', listed = 'number' }, function(call)
  local moment = now()
  redis.call('SET', 'ns:worker:' .. call.worker, call.profile, 'PX', math.ceil(call.listed / 1000))
  redis.call('ZADD', WORKERS, whole(moment), call.worker)
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, '(' .. whole(moment), '+inf')) do
    redis.call('ZADD', WORKERS, whole(moment), worker)
  end
  redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', whole(moment - call.listed))
end, { 'allow-oom' })
