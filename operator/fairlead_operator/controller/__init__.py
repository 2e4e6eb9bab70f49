"""The control loop. It takes the keys of models from a queue; for each it observes, plans, applies and
reports."""
