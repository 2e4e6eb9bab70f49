"""The router: one base URL for all models, which holds requests while their model starts.

`policy`, `peek`, `catalogue`, `directory` (with `claims`, `namespaces` and `nearest`), `slices`, `queue` and
`pods` are pure; the simulator runs `policy` too. `desk` and `fleet` keep what happens now, `forwarding` is
one request as a state machine, and the others talk to clients, pods and the API server.
"""
