"""The router: its decisions as pure functions, and the process on the wire."""
