-- Store the trained model of a run before its end. It expires. A run that does not succeed loses it.
-- ARGV: index, owner, model (bytes), seconds to keep it. Returns 1 if it is stored, 0 if the owner has lost the run.
local index, owner, model, seconds = unpack(ARGV)
if not owns(index, owner) then
  return 0
end
redis.call('SET', model_prefix .. index, model, 'EX', seconds)
redis.call('HDEL', run_prefix .. index, 'model_warning')
return 1
