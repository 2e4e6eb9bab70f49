"""The router: one base URL for all models, which holds requests while their model starts.

`balancing`, `body_scan`, `models`, `resolver` (with `claims`, `namespaces` and `nearest`), `endpoint_slices`,
`hold_queue`, `circuit_breaker` and `pods` are pure; the simulator runs `balancing` too. `dispatcher` and
`registry` keep the present state, `forwarding` is one request as a state machine, and the others do I/O with
clients, pods and the API server.
"""
