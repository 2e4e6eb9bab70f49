"""The command line for people: what a model becomes, whether it is right, and what it waits for."""
