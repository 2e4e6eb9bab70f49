"""What the chat template gets to see. Chat only."""

from __future__ import annotations

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.checks.prompting import turn
from tests.effects.endpoint import PROMPT, Endpoint
from tests.effects.registry import effect

CHAT = (ApiKind.CHAT,)


@effect("documents", apis=CHAT)
def documents(endpoint: Endpoint) -> None:
    """The template writes them into the prompt."""
    shown = turn("system", "Document Rome: A city.")
    found = endpoint.ask(documents=[{"title": "Rome", "text": "A city."}])
    assert found.prompt_tokens == endpoint.greedy().prompt_tokens + shown
    assert found.text != endpoint.greedy().text

    # A value that is no string is shown as JSON.
    shown = turn("system", 'Document 7: {"a":1}')
    found = endpoint.ask(documents=[{"title": 7, "text": {"a": 1}}])
    assert found.prompt_tokens == endpoint.greedy().prompt_tokens + shown
    assert (endpoint.refused(documents=["Rome"]).param or "").startswith("documents")


@effect("chat_template", apis=CHAT)
def chat_template(endpoint: Endpoint) -> None:
    """Refused unless the deployment allows it; then it makes the prompt, inside a sandbox."""
    template = "{{ messages[0].content }}!"
    refusal = endpoint.refused(chat_template=template)
    assert refusal.param == "chat_template"

    allowed = endpoint.allowing_templates()
    answer = allowed.ask(chat_template=template)
    assert answer.prompt_tokens == len(vocabulary.ids(f"{PROMPT}!"))
    for hostile in ("{{ messages", "{{ ''.__class__.__mro__[1].__subclasses__() }}"):
        assert allowed.refused(chat_template=hostile).param == "chat_template"


@effect("chat_template_kwargs", apis=CHAT)
def chat_template_kwargs(endpoint: Endpoint) -> None:
    """The template sees the variables; a template among them is none."""
    skipped = len(vocabulary.ids("<think>\n\n</think>\n\n"))

    answer = endpoint.ask(chat_template_kwargs={"enable_thinking": False})

    assert answer.prompt_tokens == endpoint.greedy().prompt_tokens + skipped
    smuggled = endpoint.refused(chat_template_kwargs={"chat_template": "{{ 1 }}"})
    assert (smuggled.param or "").startswith("chat_template")
