-- End a run. One that was to be cancelled ends so, however far it came. Repeated by the same owner, it changes nothing.
-- ARGV: index, owner, outcome, error code, error message, SHA-256 of the weights, evaluation (JSON), epochs trained; what
-- does not apply is empty. Returns the outcome that stands, nil if the owner has lost the run, as it has when not all of
-- those epochs are known here.
local index, owner, outcome, code, message, weights_sha256, evaluation, epochs = unpack(ARGV)
local run = run_prefix .. index
if not owns(index, owner) then
  return redis.call('HGET', run, 'owner') == owner and redis.call('HGET', run, 'outcome')
end
if redis.call('HEXISTS', run, 'cancel_requested') == 1 then
  outcome, code, message, weights_sha256, evaluation = 'cancelled', '', '', '', ''
elseif epochs ~= '' and disown_ahead(index, epochs) then
  return nil
end
-- First of all, because it may fail: a script that fails keeps what it has written.
if evaluation ~= '' then
  redis.call('SET', evaluation_prefix .. index, evaluation)
end
if weights_sha256 ~= '' then
  redis.call('HSET', run, 'weights_sha256', weights_sha256)
end
conclude(index, outcome, code, message)
return outcome
