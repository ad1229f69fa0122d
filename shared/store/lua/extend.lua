-- Add runs to a sweep's grid, unless its number of runs has changed since the caller read it.
-- ARGV: how many runs it is to have now, then the new ones (see runs_from). Returns 1 if they were added, 0 if it has
-- another number of runs, nil if there is no such sweep.
local run_count = tonumber(redis.call('HGET', record, 'run_count'))
if not run_count then
  return nil
end
if run_count ~= tonumber(ARGV[1]) then
  return 0
end
local new = runs_from(2)
for offset, run in ipairs(new) do
  if run.trained == '' then
    emit('run.queued', run_count + offset - 1, '{}')
  end
end
add_runs(run_count, new)
return 1
