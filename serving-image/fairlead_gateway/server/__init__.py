"""The API port's HTTP: uvicorn's protocol with a short way for the generation routes."""
