"""The cluster that demo and cluster cases run on: kind where it is at hand, made on the spot where not.

Runs with the system's Python before any virtual environment exists, so it imports the standard library
only. `python3 -m e2e.cluster --help` lists the commands.
"""
