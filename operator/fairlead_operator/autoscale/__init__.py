"""Computes how many replicas a model should have: observations in, decisions with reasons out.

Pure: no clock, no I/O, no framework. The operator and the simulator run the same class.
"""
