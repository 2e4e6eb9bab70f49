"""What the gateway promises on the wire, as pure functions: request checks, error envelopes, SSE framing.

Nothing here does I/O or knows a framework, so that tests and fuzzers can drive it with arbitrary bytes.
"""
