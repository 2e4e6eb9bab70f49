"""The pods of a model: what counts of them, and why they are not ready."""
