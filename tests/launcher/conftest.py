"""Makes the launcher importable: it is a single file outside any package, as the engine's image gets it."""

from __future__ import annotations

import sys

from tests.support.engine import LAUNCHER

sys.path.insert(0, str(LAUNCHER.parent))
