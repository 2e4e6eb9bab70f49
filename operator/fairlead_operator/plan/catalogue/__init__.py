"""The reasons by what they are about, each module in the order of importance."""
