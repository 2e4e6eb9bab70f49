"""What the gateway costs, measured beside other proxies in one run: `make bench-gateway`."""
