"""Why the scheduler has placed a pod nowhere, and whether any node could take it."""
