"""How long one request keeps a real vLLM from others, for the bounds in `parameters.bounds`."""
