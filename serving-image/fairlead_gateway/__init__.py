"""Fairlead's gateway: the sidecar with OpenAI's APIs in front of a vLLM engine.

`contract` and `responses` are pure (bytes in, bytes out). `upstream` has the connections to the engine,
`admission` the limits, `exchange` one request. `app` and `admin` are the HTTP applications of the two ports.
"""
