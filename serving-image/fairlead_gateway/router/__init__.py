"""The router: one base URL for all models, which holds requests while their model starts.

`policy` decides and knows nothing of the rest: the simulator runs it too.
"""
