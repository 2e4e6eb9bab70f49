"""How pods are replaced, and which of them are deleted first."""
