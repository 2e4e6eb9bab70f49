"""Rules for several candidates: beam search, best_of, n."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_gateway.contract.errors import invalid
from fairlead_gateway.contract.response_transform import Selection

from .constraints import constraint_names
from .draft import Draft, conflict

# vLLM samples greedily below this temperature, and then makes all choices equal.
GREEDY_BELOW = 1e-5
# How wide to search for a single answer.
BEAMS = 4
# Parameters that vLLM's beam search ignores, with the values that mean "off".
_IGNORED_BY_BEAMS = {
    name: parameter.beam_search_neutral
    for name, parameter in PARAMETERS[ApiKind.CHAT].items()
    if parameter.beam_search_neutral is not None
}


def search_with_beams(draft: Draft) -> None:
    """Sets the number of beams: one for each wanted answer, up to BEAMS for a single one.

    Raises the 400 for a parameter that the search would ignore, and for more beams than the engine allows.
    """
    if not draft.document["use_beam_search"]:
        return
    _refuse_what_beams_ignore(draft)
    # The search needs two log probabilities per beam from the engine.
    most = draft.policy.engine.max_logprobs
    widest = BEAMS if most < 0 else most // 2
    width = draft.value("n", 1)
    if 0 <= most < 2 * width:
        message = f"'n' must be at most {widest} with 'use_beam_search' on this deployment (got {width})."
        raise invalid(message, "n")
    if width == 1:
        width = min(BEAMS, widest)
        # The engine's first beam is the best, and beams have no log probabilities that could change this.
        draft.want(choices=width, selection=Selection(1, keep_logprobs=False))
        draft.put("n", width)
        draft.rename("n", "use_beam_search")


def _refuse_what_beams_ignore(draft: Draft) -> None:
    for name, neutral in _IGNORED_BY_BEAMS.items():
        if draft.has(name) and draft.value(name) not in neutral:
            raise conflict(name, "use_beam_search", "beam search ignores it")
    constraints = constraint_names(draft)
    if constraints:
        raise conflict(constraints[0], "use_beam_search", "beam search ignores it")
    if draft.value("tools") and draft.value("tool_choice", "auto") not in ("auto", "none"):
        raise conflict("tool_choice", "use_beam_search", "beam search cannot be forced to call a function")


def rank_candidates(draft: Draft) -> None:
    """Has the engine make best_of choices, of which the best n are returned: vLLM 0.32 has no best_of."""
    candidates, n = draft.take("best_of"), draft.value("n", 1)
    if candidates < n:
        message = f"'best_of' must be at least 'n', which is {n} (got {candidates})."
        raise invalid(message, "best_of")
    if candidates == n:
        return
    if draft.value("stream", False):
        raise conflict("best_of", "stream", "the best answer is only known at the end")
    if _greedy(draft):
        return
    draft.want(selection=Selection(n, draft.value("logprobs", False)))
    draft.put("n", candidates)
    draft.put("logprobs", True)
    draft.rename("n", "best_of")


def count_choices(draft: Draft) -> None:
    """Raises the 400 for several choices that would be equal: vLLM refuses them too, but late."""
    n = draft.document["n"]
    if n == 1:
        return
    if _greedy(draft) and not draft.value("use_beam_search", False):
        raise conflict("n", "temperature", "at temperature 0 all choices would be equal")
    draft.want(choices=n)


def _greedy(draft: Draft) -> bool:
    temperature: Any = draft.value("temperature", 1)
    return bool(temperature < GREEDY_BELOW)
