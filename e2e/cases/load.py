"""Continuous requests of the official SDK while the body runs, and their results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e.cases.sdk import Client

# Three callers at a time: one that streams and one that does not, each over one kept connection, and one
# that opens a new connection for each request. Every answer is looked at whole.
_SCRIPT = """
import threading, time

answers, errors, over = {"stream": 0, "plain": 0, "new_connection": 0}, [], threading.Event()

def ask(client, stream):
    asked = dict(model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=24,
                 extra_body={"ignore_eos": True})
    usage = {"include_usage": True}
    if not stream:
        answer = client.chat.completions.create(**asked)
        return answer.usage.completion_tokens, answer.choices[0].finish_reason
    chunks = list(client.chat.completions.create(stream=True, stream_options=usage, **asked))
    finish = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    return chunks[-1].usage.completion_tokens, *finish

def call(name):
    while not over.wait(0.1):
        try:
            alone = name == "new_connection"
            fresh = OpenAI(base_url=URL, api_key="none", max_retries=0) if alone else client
            got = ask(fresh, name == "stream")
            if got != (24, "length"):
                raise ValueError(f"answered {got}")
            answers[name] += 1
        except Exception as error:
            errors.append(f"{name}: {error!r} {error.__cause__!r}")

callers = [threading.Thread(target=call, args=(name,)) for name in answers]
for caller in callers:
    caller.start()
print("calling")
while not stopped():
    time.sleep(0.05)
over.set()
for caller in callers:
    caller.join()
print(json.dumps({"answers": answers, "errors": errors}))
"""


# Of each caller, so that the load was there at all.
LEAST_ANSWERS = 5


@dataclass
class Outcome:
    """Whole answers by kind of caller, and the errors of all; filled in when the load is over."""

    answers: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@contextmanager
def load(client: Client, name: str, *, address: str = "") -> Iterator[Outcome]:
    """Requests to the model without a pause and without retries. They end with the body; then the outcome
    is known. They go to the model's Service, or to an ADDRESS, see Client.spawn.
    """
    outcome = Outcome()
    calling = client.spawn(name, _SCRIPT, address=address)
    calling.wait_output("calling")
    try:
        yield outcome
    finally:
        calling.stop()
        result: dict[str, Any] = calling.result()
        outcome.answers, outcome.errors = result["answers"], result["errors"]


def assert_nothing_lost(*outcomes: Outcome) -> None:
    """Every request has its whole answer, and each kind of caller had answers at all."""
    for outcome in outcomes:
        assert outcome.errors == []
        assert all(count > LEAST_ANSWERS for count in outcome.answers.values()), outcome.answers
