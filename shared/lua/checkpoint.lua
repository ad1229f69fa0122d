-- Keep a checkpoint of a run in place of the one before, and where it stands.
-- ARGV: index, owner, position (epoch:step), checkpoint (bytes). Returns 1 if it stands, 0 if the owner has lost the run.
local index, owner, position, checkpoint = unpack(ARGV)
if not owns(index, owner) then
  return 0
end
redis.call('SET', checkpoint_prefix .. index, checkpoint)
redis.call('HSET', run_prefix .. index, 'checkpoint_at', position)
return 1
