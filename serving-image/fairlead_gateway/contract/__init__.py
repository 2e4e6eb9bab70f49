"""The gateway's API as pure functions: request checks, error envelopes, SSE framing.

Nothing here does I/O or knows a framework, so that tests and fuzzers can drive it with arbitrary bytes.
"""
