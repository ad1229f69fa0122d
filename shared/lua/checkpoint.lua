-- Keep a checkpoint of a run in place of the one before.
-- ARGV: index, owner, checkpoint (bytes). Returns 1 if it stands, 0 if the owner has lost the run.
local index, owner, checkpoint = unpack(ARGV)
if not owns(index, owner) then
  return 0
end
redis.call('SET', checkpoint_prefix .. index, checkpoint)
return 1
