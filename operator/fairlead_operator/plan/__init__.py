"""The pure planner: spec and observed state in, actions and status out."""
