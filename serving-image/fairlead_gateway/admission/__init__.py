"""Which requests run now: counting, waiting in order, draining."""
