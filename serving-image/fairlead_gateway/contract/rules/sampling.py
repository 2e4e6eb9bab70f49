"""Rules for sampling, log probabilities, streams, and the envelope of an answer."""

from __future__ import annotations

from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.response_transform import Reasoning

from .draft import Draft, conflict, unsupported

# vLLM's top_p is above 0; this keeps the likeliest token alone, which is what 0 means.
SMALLEST_TOP_P = 1e-6
_STREAM_OPTIONS = ("include_usage", "continuous_usage_stats")


def keep_one_token(draft: Draft) -> None:
    """Replaces top_p 0, which PolarGrid and OpenAI document and vLLM refuses."""
    if draft.document["top_p"] == 0:
        draft.put("top_p", SMALLEST_TOP_P)


def check_logprobs(draft: Draft) -> None:
    """Raises the 400 for log probabilities that vLLM would only refuse in its engine, too late for a stream's
    status.
    """
    most = draft.policy.engine.max_logprobs
    for name in ("top_logprobs", "prompt_logprobs"):
        requested = draft.value(name, 0)
        if 0 <= most < requested:
            raise invalid(f"'{name}' must be at most {most} on this deployment (got {requested}).", name)
    if draft.value("top_logprobs", 0) > 0 and not draft.value("logprobs", False):
        raise invalid("'top_logprobs' needs 'logprobs' to be true.", "top_logprobs")
    if "prompt_logprobs" in draft.document and draft.value("stream", False):
        raise conflict("prompt_logprobs", "stream", "a stream has no place for them")


def check_stream_options(draft: Draft) -> None:
    """Raises the 400 for options without a stream; an empty object is accepted."""
    options = draft.document["stream_options"]
    if options and not draft.value("stream", False):
        raise invalid("'stream_options' needs 'stream' to be true.", "stream_options")
    for name in _STREAM_OPTIONS:
        if options.get(name) not in (None, True, False):
            path = f"stream_options.{name}"
            raise invalid(f"'{path}' must be a boolean.", path, "invalid_type")


def check_priority(draft: Draft) -> None:
    """Raises the 400 for a priority if the engine does not schedule by it: vLLM would ignore it."""
    if draft.document["priority"] != 0 and not draft.policy.engine.schedules_by_priority:
        why = "this deployment serves requests in the order of their arrival. Leave it out or send 0."
        raise unsupported("priority", why)


def place_reasoning(draft: Draft) -> None:
    """Has the reasoning renamed or left out of the answer.

    The engine keeps `include_reasoning` on: without it a constraint would apply from the first token, and a
    reasoning model could not think.
    """
    included = draft.take("include_reasoning")
    renamed = draft.take("reasoning_content")
    if included is False and renamed and draft.has("reasoning_content"):
        raise conflict("reasoning_content", "include_reasoning", "one enables reasoning, the other does not")
    if renamed and included is not False:
        draft.want(reasoning=Reasoning.RENAMED)
    elif included is False or renamed is False:
        draft.want(reasoning=Reasoning.DROPPED)


def take_request_id(draft: Draft) -> None:
    """Has the id put into the answer. The engine does not get it: two requests with one id would collide
    there.
    """
    requested = draft.take("request_id")
    if not (requested.isascii() and requested.isprintable() and " " not in requested):
        raise invalid("'request_id' must have printable ASCII characters only, without spaces.", "request_id")
    draft.want(request_id=requested)


def take_chat_id(draft: Draft) -> None:
    """Removes the id, which is for the request log alone."""
    draft.take("chat_id")
