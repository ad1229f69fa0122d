#!lua flags=allow-oom
-- Record why the checkpoint or the model of a run could not be stored. A full store accepts it: it replaces the previous
-- warning of this kind, and is short.
-- ARGV: index, owner, 'checkpoint' or 'model', message. Returns 1, or 0 if the owner has lost the run.
local index, owner, kind, message = unpack(ARGV)
if not owns(index, owner) then
  return 0
end
redis.call('HSET', run_prefix .. index, kind .. '_warning', message)
redis.call('HINCRBY', record, 'version', 1)
return 1
