"""Chat templates of requests: checked here, rendered only by the engine in its own sandbox.

The check parses and never renders, so a template that loops cannot stop the gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import invalid

if TYPE_CHECKING:
    from jinja2 import nodes


def check_template(template: str) -> None:
    """Raises a 400 for a template that is not Jinja or reaches for other templates or Python's internals."""
    # Only requests with a template need Jinja.
    from jinja2 import TemplateSyntaxError, nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The block with which Hugging Face templates mark the assistant's text."""

        tags: set[str] = {"generation"}  # noqa: RUF012 (as Jinja declares it)

        def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols", Generation])
    try:
        tree = environment.parse(template)
    except TemplateSyntaxError as error:
        message = f"'chat_template' is not a valid Jinja template: {error.message} (line {error.lineno})."
        raise invalid(message, "chat_template") from None
    except RecursionError:
        raise invalid("'chat_template' is nested too deeply.", "chat_template") from None
    except ValueError as error:  # a number with more digits than Python reads
        raise invalid(f"'chat_template' is not a valid Jinja template: {error}.", "chat_template") from None
    outside = (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)
    if next(tree.find_all(outside), None) is not None:
        message = "'chat_template' must not import, include or extend other templates."
        raise invalid(message, "chat_template")
    # The engine's sandbox stops these too, but its error does not name the parameter.
    internal = next((name for name in _names_reached(tree) if name.startswith("__")), None)
    if internal is not None:
        raise invalid(f"'chat_template' must not reach for '{internal[:64]}'.", "chat_template")


def _names_reached(tree: nodes.Template) -> Iterator[str]:
    """The names of attributes, items and attr filters that are written out in a template."""
    from jinja2 import nodes

    yield from (node.attr for node in tree.find_all(nodes.Getattr))
    written = [node.arg for node in tree.find_all(nodes.Getitem)]
    written += [
        argument
        for node in tree.find_all(nodes.Filter)
        if node.name == "attr"
        for argument in node.args or ()
    ]
    yield from (
        node.value for node in written if isinstance(node, nodes.Const) and isinstance(node.value, str)
    )
