"""Checks the text of a chat template without rendering it.

A template is a program of the model's owner: the operator parses it and runs no part of it, also no constant
expression, which Jinja's compiler would compute. What is accepted is what transformers accepts, whose
environment vLLM uses: Jinja with `break` and `continue`, the `generation` block and a `tojson` filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from fairlead_operator.api.engine import Engine
from fairlead_operator.bounds import REMEMBERED_CHAT_TEMPLATES

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

FIELD = "spec.engine.chatTemplate.inline"


def check_chat_template(engine: Engine) -> list[str]:
    """Returns the fault of the template in the spec: no text, or one with the field, line and column."""
    template = engine.chat_template
    problem = _problem(template.inline) if template and template.inline else None
    return [f"{FIELD} is not a valid Jinja template: {problem}"] if problem else []


@lru_cache(maxsize=REMEMBERED_CHAT_TEMPLATES)
def _problem(text: str) -> str | None:
    # Only models with a template need Jinja.
    from jinja2 import TemplateSyntaxError

    from fairlead_operator.api.jinja import ChatTemplateEnvironment

    environment = ChatTemplateEnvironment()
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        return f"{environment.position(error.lineno)}: {error.message}"
    except RecursionError:
        return f"{environment.position()}: it is nested too deeply"
    except ValueError as error:  # a number with more digits than Python reads
        return f"{environment.position()}: {error}"
    return next(_unknown_names(environment, tree), None)


def _unknown_names(environment: Environment, tree: nodes.Template) -> Iterator[str]:
    """Filters and tests that do not exist, where that fails whatever the conversation is.

    Below a condition Jinja complains only once it gets there.
    """
    from jinja2 import nodes

    left: list[nodes.Node] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, nodes.If | nodes.CondExpr):
            continue
        for kind, known, word in (
            (nodes.Filter, environment.filters, "filter"),
            (nodes.Test, environment.tests, "test"),
        ):
            if isinstance(node, kind) and node.name not in known:
                yield f"line {node.lineno}: there is no {word} named {node.name!r}"
        left += reversed(list(node.iter_child_nodes()))
