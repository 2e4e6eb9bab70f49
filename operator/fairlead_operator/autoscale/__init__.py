"""How many replicas a model should have: what was seen and the time in, a decision with its reasons out.

Pure: no clock, no I/O, no framework. The operator and the simulator run the same class.
"""
