"""gateway.json: what the operator writes for the gateways of a model, and the gateways read.

Keys that a gateway does not know are ignored, because an operator may be newer than a running gateway; keys
that are missing have the defaults of the CRD.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from fairlead_contract import defaults
from fairlead_contract.document import OperatorDocument

RequestLogMode = Literal["None", "Failed", "All"]
"""Which requests have a line in the request log: none, those that failed or were slow, or all. A request with
labels always has one.
"""


class RequestLogSettings(OperatorDocument):
    """The request log. A request is slow if its first token, or an answer that is not streamed, takes longer
    than `slow_seconds`.
    """

    mode: RequestLogMode = "Failed"
    slow_seconds: float = Field(default=defaults.SLOW_REQUEST_SECONDS, gt=0)


class ResourceSettings(OperatorDocument):
    """The ModelDeployment that the gateway belongs to; empty where the operator does not say it."""

    namespace: str = ""
    name: str = ""


class ModelSettings(OperatorDocument):
    """The names under which the engine's model is served, and those of its LoRA adapters."""

    served_name: str
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Served name first, then aliases, then adapters: all that a request may ask for."""
        return (self.served_name, *self.aliases, *self.adapters)


class ApiSettings(OperatorDocument):
    """The provider document that the API keeps, and what the model's owner changed of it."""

    dialect: str = "OpenAI"
    defaults: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = Field(default_factory=dict)
    unknown_fields: Literal["Ignore", "Reject"] = "Ignore"


class AuthSettings(OperatorDocument):
    """The authentication of callers. The keys themselves are files of a mounted Secret."""

    mode: Literal["None", "APIKey"] = "None"


class IdentitySettings(OperatorDocument):
    """What the routers of the installation say about the clients of requests, as a signed token. With
    `required` a request needs one, or a key of the model's own. `public_keys` are Ed25519 keys, 32 bytes in
    base64.
    """

    required: bool = False
    public_keys: tuple[str, ...] = ()


class AccessSettings(OperatorDocument):
    """Keys of which namespaces may use the model, beside those of its own."""

    source: Literal["Same", "Namespaces", "All"] = Field(default="Same", alias="from")
    namespaces: tuple[str, ...] = ()


class EngineSettings(OperatorDocument):
    """The engine's configuration, as far as it decides which parameters can be honoured."""

    scheduling_policy: Literal["FirstComeFirstServed", "Priority"] = "FirstComeFirstServed"
    structured_outputs_backend: str = "auto"
    request_chat_templates: Literal["Deny", "Allow"] = "Deny"
    media_domains: tuple[str, ...] = ()
    max_logprobs: int = defaults.MAX_LOGPROBS


class PinnedSettings(OperatorDocument):
    """The part of gateway.json that is true only for the pods of one revision. The file is the same for old
    and new pods of a rollout, so each pod's environment has this part too, and that wins.
    """

    model: ModelSettings
    auth: AuthSettings = AuthSettings()
    engine: EngineSettings = EngineSettings()


class GatewaySettings(PinnedSettings):
    """The whole of gateway.json. Seconds, bytes and numbers of requests."""

    resource: ResourceSettings = ResourceSettings()
    identity: IdentitySettings = IdentitySettings()
    access: AccessSettings = AccessSettings()
    # Unix seconds: when the ModelDeployment was created, as the router reports it too. 0 if unknown.
    created: int = Field(default=0, ge=0)
    api: ApiSettings = ApiSettings()
    request_log: RequestLogSettings = RequestLogSettings()
    drain_timeout_seconds: int = Field(default=defaults.DRAIN_TIMEOUT_SECONDS, ge=0)
    max_body_bytes: int = Field(default=defaults.MAX_BODY_BYTES, gt=0)
    max_running_requests: int = Field(default=defaults.UNBOUNDED_REQUESTS, gt=0)
    max_queued_requests: int = Field(default=defaults.MAX_QUEUED_REQUESTS, ge=0)
    queue_timeout_seconds: int = Field(default=defaults.QUEUE_TIMEOUT_SECONDS, gt=0)
    engine_silence_timeout_seconds: int = Field(default=defaults.ENGINE_SILENCE_TIMEOUT_SECONDS, gt=0)
    unresponsive_after_seconds: int = Field(default=defaults.UNRESPONSIVE_AFTER_SECONDS, gt=0)
