"""`make bench-operator`: what it costs the operator, and the API server, to look after very many models."""
