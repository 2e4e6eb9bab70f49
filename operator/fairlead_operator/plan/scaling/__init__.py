"""How many replicas a model should have, and what the status says about it."""
