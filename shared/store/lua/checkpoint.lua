-- Store a run's checkpoint in place of the previous one. Repeated, it changes nothing.
-- ARGV: index, owner, position (epoch:step), checkpoint (bytes). Returns 1 if it is stored, 0 if the owner has lost the
-- run, which includes that the store lacks epochs before that position.
local index, owner, position, checkpoint = unpack(ARGV)
if not owns(index, owner) or disown_ahead(index, position:match('%d+')) then
  return 0
end
keep_checkpoint(index, position, checkpoint)
return 1
