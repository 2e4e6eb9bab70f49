"""The reasons by subject; each module is in the order of importance."""
