"""The options of `fairlead run` that stand for objects of a cluster: `--secret` and `--volume`."""

from __future__ import annotations

from pathlib import Path

from fairlead_operator.bounds import LOCAL_SECRET_BYTES
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.sources import Files


def secret_of_folder(option: str) -> tuple[str, Files]:
    """Name and keys of `--secret NAME=FOLDER`: each file of the folder is a key. Raises LocalError."""
    name, _, place = option.partition("=")
    if not name or not place:
        raise LocalError(f"--secret {option}: must be NAME=FOLDER, with a file for each key in FOLDER")
    folder = Path(place).expanduser()
    found: dict[str, bytes] = {}
    try:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                found[file.name] = _file(file, option)
    except OSError as error:
        raise LocalError(f"--secret {option}: {folder}: {error.strerror}") from None
    if not found:
        raise LocalError(f"--secret {option}: no file is in {folder}; each key of the Secret is a file")
    return name, found


def claim_of_option(option: str) -> tuple[str, str]:
    """Name and folder of `--volume CLAIM=FOLDER`. Raises LocalError."""
    name, _, place = option.partition("=")
    if not name or not place:
        raise LocalError(f"--volume {option}: must be CLAIM=FOLDER")
    folder = Path(place).expanduser().absolute()
    if not folder.is_dir():
        raise LocalError(f"--volume {option}: there is no folder {folder}")
    return name, str(folder)


def _file(file: Path, option: str) -> bytes:
    if file.stat().st_size > LOCAL_SECRET_BYTES:
        raise LocalError(f"--secret {option}: {file} has more than {LOCAL_SECRET_BYTES} bytes")
    # Editors end a file with a line end, which is no part of a token.
    return file.read_bytes().removesuffix(b"\n")
