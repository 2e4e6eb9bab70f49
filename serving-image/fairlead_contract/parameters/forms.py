"""The form of an answer: the parameters that constrain its text."""

from __future__ import annotations

from fairlead_contract.values import AnyOf, Array, Object, String

from .measures import FORM, FORM_OF_TEXTS
from .misplaced import Misplaced, has_form, is_form
from .types import CHAT_ONLY, RESPONSES_ONLY, Handling, Parameter

# Far above any sensible use; a request with more is an accident or an attack.
MAX_CHOICES = 1024

_F, _T, _C = Handling.FORWARDED, Handling.TRANSLATED, Handling.CONSUMED

FORMS: tuple[Parameter, ...] = (
    Parameter(
        "response_format",
        Object(),
        _F,
        "json_schema, json_object or text; {} counts as absent.",
        apis=CHAT_ONLY,
        misplaced=Misplaced(
            "the Responses API has it in 'text.format': send {'format': {'type': 'json_schema', 'name': ..., "
            "'schema': ...}} as 'text'.",
            is_form,
        ),
        bounds=FORM,
        allows_default=False,
        path_in_responses="text.format",
    ),
    Parameter(
        "text",
        Object(),
        _T,
        "format: text, json_object or json_schema.",
        apis=RESPONSES_ONLY,
        misplaced=Misplaced(
            "chat completions have it in 'response_format': send {'type': 'json_schema', 'json_schema': "
            "{'name': ..., 'schema': ...}} there.",
            has_form,
        ),
        bounds=FORM,
        same_as="response_format",
    ),
    Parameter(
        "structured_outputs",
        Object(),
        _F,
        "vLLM's constraint: one of json, regex, choice, grammar, ...",
        bounds=FORM,
        allows_default=False,
    ),
    Parameter(
        "guided_json",
        AnyOf((String(1), Object())),
        _T,
        "JSON schema, as an object or text, that the answer follows.",
        bounds=FORM,
        constraint="json",
    ),
    Parameter(
        "guided_regex",
        String(1),
        _T,
        "Regular expression that the answer matches.",
        bounds=FORM_OF_TEXTS,
        constraint="regex",
    ),
    Parameter(
        "guided_choice",
        Array(String(1), 1, MAX_CHOICES),
        _T,
        "The answer is exactly one of these strings.",
        bounds=FORM_OF_TEXTS,
        constraint="choice",
    ),
    Parameter(
        "guided_grammar",
        String(1),
        _T,
        "Context-free grammar (EBNF) that the answer follows.",
        bounds=FORM_OF_TEXTS,
        constraint="grammar",
    ),
    Parameter(
        "guided_decoding_backend",
        String(1),
        _C,
        "Must name the backend that the deployment is configured with; it cannot be chosen per request.",
    ),
    Parameter(
        "guided_whitespace_pattern",
        String(1),
        _T,
        "Regular expression for the whitespace in the JSON of guided_json, without which it is refused.",
    ),
)
