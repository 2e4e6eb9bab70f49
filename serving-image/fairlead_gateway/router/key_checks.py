"""API keys in the router: the gateways check them, and the router counts their answers.

It counts by model: a key that the pods of one tenant accept is not valid for the models of others.
"""

from __future__ import annotations

from fairlead_gateway.admission.failed_key_attempts import FailedKeyAttempts

from .models import RoutedModel


def require_attempt(
    attempts: FailedKeyAttempts, address: str, authorization: bytes, model: RoutedModel
) -> None:
    """Raises ApiError 429 if this address has sent too many wrong keys for the model."""
    if model.needs_key and authorization:
        attempts.require(_place(address, model), authorization, model.key)


def count_attempt(
    attempts: FailedKeyAttempts, address: str, authorization: bytes, model: RoutedModel, valid: bool
) -> None:
    """Counts that a gateway has found a request's key valid or not."""
    if not model.needs_key or not authorization:
        return
    if valid:
        attempts.succeeded(authorization, model.key)
    else:
        attempts.failed(_place(address, model))


def _place(address: str, model: RoutedModel) -> str:
    return f"{address} {model.key}"
