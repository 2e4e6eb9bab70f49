"""Checks of a form: the engine's structured-output backends must be able to enforce it.

Pure functions. Everything here was measured with vLLM 0.32, xgrammar 0.2.8, llguidance 1.7.6, outlines-core
0.2.14 and lm-format-enforcer 0.11.3.
"""

from __future__ import annotations

from .backends import Backend, backend_of
from .fault import Fault
from .form import fault_in_form
from .schema import fault_in_schema

__all__ = ["Backend", "Fault", "backend_of", "fault_in_form", "fault_in_schema"]
