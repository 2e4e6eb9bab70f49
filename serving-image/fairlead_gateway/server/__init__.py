"""The API port's HTTP: uvicorn's protocol with a fast path for the generation routes."""
