"""The pure planner: what is asked for and what is observed in, what to do and to report out."""
