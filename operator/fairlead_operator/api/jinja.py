"""Jinja as chat templates are written in it, with the column of a syntax error, which Jinja does not give."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension, LoopControlExtension
from jinja2.lexer import Lexer, newline_re
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """The block with which templates mark the assistant's text."""

    tags: set[str] = {"generation"}  # noqa: RUF012 (as Jinja declares it)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """The statements of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class PositionedLexer(Lexer):
    """A lexer that knows where the token begins that it found last. The parser is never ahead of it."""

    source, start, end = "", 0, 0

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        """Line, kind and text of each token."""
        self.source, self.start, self.end = "\n".join(newline_re.split(source)[::2]), 0, 0
        try:
            for token in super().tokeniter(source, name, filename, state):
                # Between two tokens there is at most white space, which a tag has stripped.
                self.start = max(self.source.find(token[2], self.end), self.end)
                self.end = self.start + len(token[2])
                yield token
        except TemplateSyntaxError:
            self.start = self.end
            raise
        self.start = self.end


class ChatTemplateEnvironment(ImmutableSandboxedEnvironment):
    """The environment of transformers, as far as parsing goes."""

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, LoopControlExtension])
        self._lexer = PositionedLexer(self)

    @property
    def lexer(self) -> PositionedLexer:
        """The lexer of the template that was parsed last."""
        return self._lexer

    def position(self, line: int | None = None) -> str:
        """Where parsing stopped. The column is left out if Jinja blames another `line`."""
        lexer = self._lexer
        here = lexer.source.count("\n", 0, lexer.start) + 1
        if line not in (None, here):
            return f"line {line}"
        return f"line {here}, column {lexer.start - lexer.source.rfind(chr(10), 0, lexer.start)}"
