"""spec.api: what clients of the model see, and who may be one.

Nothing here restarts a pod, but for auth.mode, auth.secretName and mediaDomains: the gateway reads its
configuration again when it changes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from fairlead_contract.defaults import (
    ENGINE_SILENCE_TIMEOUT_SECONDS,
    MAX_BODY_BYTES,
    MAX_QUEUED_REQUESTS,
    QUEUE_TIMEOUT_SECONDS,
)
from fairlead_operator.api.markers import (
    FORBIDDEN,
    REQUIRED,
    Extra,
    items,
    length,
    properties,
    rule,
    validations,
)
from fairlead_operator.api.part import ApiObject

# A value of any JSON type. Kubernetes' schemas know no union, and what a parameter takes, often a number with
# a fraction, is known to the dialect's table: the operator checks it there.
AnyJson = Annotated[Any, Extra((("x-kubernetes-preserve-unknown-fields", True),))]
_FREE_FORM = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "maxProperties": 64}


# No value is larger than the largest request.
_Size = Annotated[int | None, Field(ge=1, le=1_073_741_824)]


class ParameterLimit(ApiObject):
    """The bounds of one parameter; which ones it has is in the reference of parameters."""

    minimum: AnyJson = None
    """minimum that a request may set."""
    maximum: AnyJson = None
    """maximum that a request may set; for `max_tokens` also the value of requests without the parameter."""
    max_items: _Size = None
    """maxItems of a list."""
    max_length: _Size = None
    """maxLength is the most characters that all texts in the value have."""
    max_values: _Size = None
    """maxValues is the most JSON values in a schema."""
    max_states: _Size = None
    """maxStates is the most states of the automaton that a schema, an expression or a grammar may need, as
    estimated from its source.
    """
    max_media: _Size = None
    """maxMedia is the most images, audio and video in the messages."""


class Auth(ApiObject):
    """Who may call the model."""

    # The API server checks the rules against the default {} too, before it fills in that one's own defaults.
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.mode) || self.mode != 'APIKey' || has(self.secretName)",
                    "spec.api.auth.mode APIKey needs spec.api.auth.secretName, the Secret with the digests "
                    "of the keys",
                    at=".secretName",
                    reason=REQUIRED,
                ),
                rule(
                    "!has(self.secretName) || (has(self.mode) && self.mode == 'APIKey')",
                    "spec.api.auth.secretName has no effect with mode None; set spec.api.auth.mode to "
                    "APIKey, or remove it",
                    at=".secretName",
                    reason=FORBIDDEN,
                ),
            ]
        }
    )

    mode: Literal["APIKey", "None"] = "None"
    """mode of authentication: `APIKey` requires `Authorization: Bearer KEY`, `None` admits every client that
    reaches the Service.
    """
    secret_name: Annotated[str | None, length(1, 253)] = None
    """secretName is the name of a Secret in the model's namespace with one entry for each API key; the
    entry's name says whose key it is, its value is `{"sha256": "<hex digest of the key>", "models": [...]}`
    with `models` absent for all. Changes take effect within a minute or two, without a restart.
    """


class Api(ApiObject):
    """What clients see."""

    dialect: Literal["OpenAI", "IG1", "IOIntelligence", "PolarGrid", "RAG"] = "OpenAI"
    """dialect is the provider document that the API keeps: its defaults, ranges, extra path and response
    shape. Every dialect accepts the parameters of all.
    """
    defaults: Annotated[dict[str, Any], WithJsonSchema(_FREE_FORM)] = Field(default_factory=dict)
    """defaults of request parameters by name, over the dialect's, for example `temperature: 0.2`. Checked
    against the dialect's table; a wrong one makes the model not Ready and changes nothing that runs.
    """
    limits: Annotated[dict[str, ParameterLimit], properties(64)] = Field(default_factory=dict)
    """limits of request parameters by name, for example `max_tokens: {maximum: 4096}`. A request outside is
    refused with an error that names the limit. `minimum` and `maximum` narrow the range of a number; the
    others replace a bound of the table, by a smaller one or by a larger one that costs the engine more.
    """
    unknown_fields: Literal["Ignore", "Reject"] = "Ignore"
    """unknownFields of a request are dropped and named in the response header `x-fairlead-ignored-params`,
    or refused.
    """
    auth: Auth = Auth()
    """auth says who may call the model."""
    max_queued_requests: Annotated[int, Field(ge=0, le=1_000_000)] = MAX_QUEUED_REQUESTS
    """maxQueuedRequests wait at once in each replica's gateway; what comes on top is refused with 429."""
    queue_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = QUEUE_TIMEOUT_SECONDS
    """queueTimeoutSeconds is how long a request waits for its turn, then it is refused with 503."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = MAX_BODY_BYTES
    """maxBodyBytes is the size of the largest request body; images come as text in the body."""
    engine_silence_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = ENGINE_SILENCE_TIMEOUT_SECONDS
    """engineSilenceTimeoutSeconds without a byte from the engine end a request with an error."""
    media_domains: Annotated[
        tuple[
            Annotated[
                str,
                length(1, 253),
                validations(
                    rule(
                        "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                        "an item of spec.api.mediaDomains must be a host name in lower case, without scheme, "
                        "port and path",
                    )
                ),
            ],
            ...,
        ],
        items(64, "set"),
    ] = ()
    """mediaDomains are the hosts from which the engine may fetch images that a request names by URL; without
    any, images come only inside the request (`data:` URLs). Redirects are not followed.
    """
