"""The only part that talks to the API server: dicts in and out, six exceptions."""
