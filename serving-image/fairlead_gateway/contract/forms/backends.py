"""The structured-output backends of vLLM."""

from __future__ import annotations

from enum import Enum


class Backend(Enum):
    """A backend, by its name in vLLM's `--structured-outputs-config`."""

    XGRAMMAR = "xgrammar"
    GUIDANCE = "guidance"
    OUTLINES = "outlines"
    LM_FORMAT_ENFORCER = "lm-format-enforcer"


def backend_of(configured: str) -> Backend:
    """The backend that compiles a form, for the configured name.

    "auto" is xgrammar: vLLM validates with another backend what xgrammar refuses, but an engine compiles all
    forms with the backend of its first one. So such a form fails, or is enforced in part.
    """
    return Backend.XGRAMMAR if configured == "auto" else Backend(configured)
