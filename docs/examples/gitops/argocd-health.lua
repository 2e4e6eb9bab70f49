-- The health of a ModelDeployment for Argo CD, from the conditions that the operator writes (docs/gitops.md).
-- Argo CD runs it with the base library and `table` only.
local health = {status = "Progressing", message = "the operator has not seen this version of the spec yet"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "being deleted"
  return health
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Ready" then
    health.message = condition.reason .. ": " .. condition.message
    if condition.status == "True" then
      -- A model at zero by its own spec is as wanted; one that a person has stopped is, too.
      health.status = "Healthy"
    end
  elseif condition.type == "Stalled" and condition.status == "True" then
    health.status = "Degraded"
  end
end
return health
