"""The status of a model, from what is observed."""
