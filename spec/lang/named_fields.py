"""Which field of a record gets which expression, where records are made and changed by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence


def given(node: ast.Call, fields: Sequence[str]) -> Iterator[tuple[str, ast.expr]]:
    """Each field with what it is given, in the order in which Python evaluates it; `fields` are those by position."""
    yield from zip(fields, node.args, strict=False)
    yield from named(node)


def named(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The fields that are given by name."""
    for keyword in node.keywords:
        yield str(keyword.arg), keyword.value
