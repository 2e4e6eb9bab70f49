"""Values for what a user leaves out, where more than one program fills them in.

The CRD has them as defaults, so that the API server writes them into each object. Gateway and router need
them too: gateway.json and objects may be of a version that does not have the field.
"""

from __future__ import annotations

import math

# spec.api: bytes, requests and seconds.
MAX_BODY_BYTES = 32 << 20
MAX_QUEUED_REQUESTS = 1024
QUEUE_TIMEOUT_SECONDS = 120
# The default read timeout of OpenAI's SDKs: after so long a silence no client listens.
ENGINE_SILENCE_TIMEOUT_SECONDS = 600

# spec.engine. vLLM's own largest default of --max-num-seqs: more can never run at once, so it bounds nothing.
UNBOUNDED_REQUESTS = 1024
UNRESPONSIVE_AFTER_SECONDS = 300
# vLLM's own default of --max-logprobs.
MAX_LOGPROBS = 20

# The request log of gateways and routers. Longer than a first token takes unless the request waits: for a
# place, or for a model that starts.
SLOW_REQUEST_SECONDS = 30.0

# spec.rollout.
DRAIN_TIMEOUT_SECONDS = 300

# spec.autoscaling.scaleFromZero: what one router holds for a model.
MAX_HELD_REQUESTS = 1000
MAX_HELD_BYTES = 256 << 20
# How long it holds a request unless the spec says: so many times a long start, within these bounds.
STARTS_TO_HOLD = 3
SHORTEST_HOLD_SECONDS = 600
LONGEST_HOLD_SECONDS = 3600
# A start that was never measured: a model of some billion parameters from a warm disk.
START_SECONDS = 120


def hold_seconds(start_seconds: float) -> int:
    """Returns how long a router holds a request, in whole seconds.

    `start_seconds` is the duration of the model's long starts. The result is between SHORTEST_HOLD_SECONDS
    and LONGEST_HOLD_SECONDS.
    """
    return math.ceil(min(LONGEST_HOLD_SECONDS, max(SHORTEST_HOLD_SECONDS, STARTS_TO_HOLD * start_seconds)))
