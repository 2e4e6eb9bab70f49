"""Fairlead's gateway: the sidecar that speaks OpenAI's APIs in front of a vLLM engine.

`contract` and `responses` are pure (bytes in, bytes out), `upstream` talks to the engine, `admission` counts
and drains, `serving` puts them together for one request, `app` and `admin` are the two HTTP faces.
"""
