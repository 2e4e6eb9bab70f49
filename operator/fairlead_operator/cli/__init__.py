"""The command line for users: validates and renders models, and explains what a model waits for."""
