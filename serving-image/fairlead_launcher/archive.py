"""The launcher as one file that any Python runs: `python3 FILE`, a zip application.

The Python that runs the engine is not the one that has this package, so the file brings the whole package
with it. `python -m fairlead_launcher.archive FILE` writes it, too.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_FILE_MODE = 0o644  # the engine's container may have another user


def write_archive(target: Path) -> None:
    """Puts the launcher at `target`, complete or not at all. Raises OSError."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".launcher-", delete=False) as scratch:
        scratch.write(_zipped())
    Path(scratch.name).chmod(_FILE_MODE)
    os.replace(scratch.name, target)


def _zipped() -> bytes:
    """The package and its entry point. Not compressed: a Python without zlib can read it. Without times: the
    same sources give the same bytes.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for source in sorted(_PACKAGE.glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"{_PACKAGE.name}/{source.name}"), source.read_bytes())
        archive.writestr(zipfile.ZipInfo("__main__.py"), (_PACKAGE / "__main__.py").read_bytes())
    return content.getvalue()


if __name__ == "__main__":
    write_archive(Path(sys.argv[1]))
