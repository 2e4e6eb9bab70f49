"""The columns of the table of parameters."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from fairlead_contract.values import ABSENT, Kind

from .measures import UNBOUNDED, Bounds
from .misplaced import Misplaced


class ApiKind(StrEnum):
    """The two APIs; each has its own names."""

    CHAT = "chat"
    RESPONSES = "responses"


class Handling(StrEnum):
    """How the gateway gives a parameter its effect."""

    FORWARDED = "forwarded"
    """The engine has it under the same name."""
    TRANSLATED = "translated"
    """The engine gets something else that has the effect."""
    CONSUMED = "consumed"
    """The gateway has the effect; the engine never sees it."""
    IGNORED = "ignored"
    """Without effect here and harmless: dropped and named in a response header."""
    REFUSED = "refused"
    """Dropping it would change the answer: a 400 says what to do."""


CHAT_ONLY = (ApiKind.CHAT,)
RESPONSES_ONLY = (ApiKind.RESPONSES,)


@dataclass(frozen=True)
class Parameter:
    """One row of the table: all facts about a parameter. What depends on its value is computed by a rule.

    The defaults of the columns are right for a plain parameter that the engine has under the same name.
    """

    name: str
    value: Kind
    """The type and the natural bounds, those of the engine. A dialect may narrow them."""
    handling: Handling
    description: str
    """One sentence for the reference page."""
    _: KW_ONLY
    apis: tuple[ApiKind, ...] = tuple(ApiKind)
    """The APIs that the row is for. A row for both means the same in both: the Responses API hands the
    parameter to chat completions as it is. A name that means something else there has a row for each.
    """
    misplaced: Misplaced | None = None
    """The other API's treatment of a name that only one API has."""
    remedy: str = ""
    """For a refused parameter, the end of the message: why, and what to send instead."""
    bounds: Bounds = UNBOUNDED
    """How large the value may be, beside what its kind says."""
    engine_default: Any = ABSENT
    """The engine's value when it is absent. ABSENT where the model's own configuration decides."""

    same_as: str = ""
    """Another name for the same thing: `spec.api` may have one of them, and a limit of one holds for all."""
    allows_default: bool | None = None
    """Whether `spec.api.defaults` and documents of providers may set it for requests that do not. False for
    what a request must say itself: its content, and what other parameters would conflict with. None: it may
    if it is forwarded.
    """
    default_needs_tools: bool = False
    """Whether a default is only put into requests with tools."""

    response_default: Any = ABSENT
    """The value that a Response object repeats for a request without it, where no default is in effect.
    ABSENT: a Response does not repeat it, or a function writes its key.
    """
    path_in_responses: str = ""
    """Where the Responses API has it, for error messages about a parameter of chat completions only."""
    log_label: bool = False
    """Whether the request log has its value, which is a string."""

    beam_search_neutral: tuple[Any, ...] | None = None
    """For a parameter that vLLM's beam search ignores, the values that mean "off": others are a 400 beside
    `use_beam_search`. None: beam search honours it.
    """
    form_conflict: str = ""
    """Why it is a 400 beside a form of the answer, such as `response_format`. Empty: it is not."""
    bans_tokens: bool = False
    """Whether it may leave a form of the answer no token, an error that the engine finds late."""
    constraint: str = ""
    """For a former name of vLLM, the field of `structured_outputs` that replaced it."""
    copied_per_choice: bool = False
    """Whether it can be large and the engine gets a copy of it for each choice: the copies have a bound."""
    in_prompt: bool = False
    """Whether its texts become part of the prompt, and count as such. `messages` are counted by a rule."""
