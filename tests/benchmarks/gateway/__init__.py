"""What the gateway and the router cost, measured beside other proxies in one run: `make bench-gateway`."""
