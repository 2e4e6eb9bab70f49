"""The objects of a model: what is done with each of them."""
