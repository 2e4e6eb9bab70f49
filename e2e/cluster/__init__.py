"""The cluster that demo and cluster cases run on: kind where it is at hand, made on the spot where not.

Runs with the system's Python before any virtual environment exists, so it imports the standard library, and
the modules of `fairlead_operator.local` that need no more. `python3 -m e2e.cluster --help` lists the
commands.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("fairlead_operator") is None:
    # No environment has it yet.
    root = Path(__file__).resolve().parents[2]
    sys.path += [str(root / "operator"), str(root / "serving-image")]
