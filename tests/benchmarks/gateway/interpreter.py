"""Which Python the measured programs run on.

The images are made of a distribution's Python, which is built with profile-guided optimisation. What a
version manager has compiled often is not, and costs a Python program a quarter more. So the distribution's is
measured where the machine has it in the version of this environment, whose packages it can then load.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path


def interpreter() -> Path:
    """The program."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    distributions = Path("/usr/bin") / version
    return distributions if distributions.exists() else Path(sys.executable)


def python_path(source: Path) -> str:
    """What makes `source` and this environment's packages importable for it."""
    return os.pathsep.join([str(source), sysconfig.get_path("purelib")])
