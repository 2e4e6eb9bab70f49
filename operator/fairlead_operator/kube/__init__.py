"""The only package that sends requests to the API server: dicts in and out, six exceptions."""
