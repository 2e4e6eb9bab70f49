"""When an answer ends, and what of its end is kept."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

ENDS_AT_ONCE: dict[str, Any] = {"logit_bias": {str(vocabulary.TURN_END_ID): 100}}


def stop_string(endpoint: Endpoint) -> tuple[str, str]:
    """What the greedy answer says before a string in its middle, and that string."""
    said = endpoint.greedy().text
    # Bytes that are no text show as U+FFFD, which no token says.
    places = (at for at in range(3, len(said)) if "\ufffd" not in said[: at + 4])
    middle = next(at for at in places if said.index(said[at : at + 4]) == at)
    return said[:middle], said[middle : middle + 4]


@effect("max_tokens")
def max_tokens(endpoint: Endpoint) -> None:
    """The answer is cut after so many tokens."""
    answer = endpoint.ask(**{endpoint.limit: None} | {"max_tokens": 3})

    assert (answer.output_tokens, answer.only.finish) == (3, "length")
    assert endpoint.greedy().text.startswith(answer.text)


@effect("max_completion_tokens", apis=(ApiKind.CHAT,))
def max_completion_tokens(endpoint: Endpoint) -> None:
    """Bounds the answer, and wins over max_tokens whichever is smaller."""
    assert endpoint.ask(max_completion_tokens=3, max_tokens=None).output_tokens == 3
    assert endpoint.ask(max_completion_tokens=3, max_tokens=6).output_tokens == 3
    assert endpoint.ask(max_completion_tokens=6, max_tokens=3).output_tokens == 6


@effect("max_output_tokens", apis=(ApiKind.RESPONSES,))
def max_output_tokens(endpoint: Endpoint) -> None:
    """The answer is cut after so many tokens, and says so."""
    answer = endpoint.ask(max_output_tokens=3)

    assert answer.output_tokens == 3
    assert answer.document["status"] == "incomplete"
    assert answer.document["incomplete_details"] == {"reason": "max_output_tokens"}
    assert answer.document["max_output_tokens"] == 3


@effect("stop")
def stop(endpoint: Endpoint) -> None:
    """The answer ends before the string, given alone or among others."""
    before, string = stop_string(endpoint)
    for value in (string, ["never said", string]):
        answer = endpoint.ask(stop=value)
        assert (answer.text, answer.only.finish) == (before, "stop")
    assert endpoint.refused(stop=["1", "2", "3", "4", "5"]).param == "stop"


@effect("include_stop_str_in_output")
def include_stop_str_in_output(endpoint: Endpoint) -> None:
    """The string that ended the answer is part of it."""
    before, string = stop_string(endpoint)

    assert endpoint.ask(stop=[string], include_stop_str_in_output=True).text == before + string
    assert endpoint.ask(stop=[string], include_stop_str_in_output=False).text == before


@effect("stop_token_ids")
def stop_token_ids(endpoint: Endpoint) -> None:
    """The answer ends with the token, which is not in the text."""
    greedy = endpoint.greedy()
    answer = endpoint.ask(stop_token_ids=[greedy.only.ids[3]])

    assert (answer.output_tokens, answer.only.finish) == (4, "stop")
    assert answer.text == vocabulary.text(greedy.only.ids[:3])


@effect("ignore_eos")
def ignore_eos(endpoint: Endpoint) -> None:
    """The end of the turn does not end the answer."""
    ended = endpoint.ask(**ENDS_AT_ONCE, ignore_eos=False)
    assert (ended.output_tokens, ended.only.finish) == (1, "stop")

    answer = endpoint.ask(**ENDS_AT_ONCE, ignore_eos=True)
    assert (answer.output_tokens, answer.only.finish) == (8, "length")


@effect("min_tokens")
def min_tokens(endpoint: Endpoint) -> None:
    """An answer that would end at once first has so many tokens."""
    assert endpoint.ask(**ENDS_AT_ONCE, min_tokens=0).output_tokens == 1

    answer = endpoint.ask(**ENDS_AT_ONCE, min_tokens=4)

    # The last one is the token that ends the turn.
    assert (answer.output_tokens, answer.only.finish) == (5, "stop")
    assert answer.text == vocabulary.text(endpoint.greedy().only.ids[:4])
    assert endpoint.refused(min_tokens=9).param == "min_tokens"
