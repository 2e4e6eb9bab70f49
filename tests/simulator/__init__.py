"""Autoscalers compared on the same requests, replicas and cluster: `python -m tests.simulator`, `make sim`.

The operator's own decision class runs in it with a clock of the simulator's; docs/simulator.md says what is
modelled and what is not.
"""
