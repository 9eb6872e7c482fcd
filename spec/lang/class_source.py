"""The source of the classes that machines and their records are made of."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import Any, cast

import attrs

from kvproof.spec.lang.record import Record
from kvproof.spec.lang.refusals import Refusal


@attrs.frozen(eq=False)
class ClassSource:
    """The syntax of one class and where it stands."""

    file: str
    node: ast.ClassDef


@functools.cache
def class_source(cls: Any) -> ClassSource:
    """Where a class stands, with absolute line numbers.

    Raises:
        LanguageError: its source cannot be read.
    """
    try:
        file = inspect.getsourcefile(cls) or "<unknown>"
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError) as error:  # TypeError: its module has no file, as at the prompt
        raise Refusal.NO_SOURCE.at(f"<{cls.__module__}>", 0, name=cls.__name__) from error
    node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    assert isinstance(node, ast.ClassDef)
    ast.increment_lineno(node, first - 1)
    return ClassSource(file, node)


@attrs.frozen(eq=False)
class RecordSource:
    """How the fields of a record class are written."""

    annotations: dict[str, str]
    docs: dict[str, str]
    """The string literal that follows a field, where there is one."""


def record_source(cls: type[Record]) -> RecordSource:
    """The fields of a record class in its source."""
    docs, annotations = annotations_of(class_source(cast(Any, cls)).node)
    return RecordSource({name: ast.unparse(node) for name, node in annotations.items()}, docs)


def annotations_of(node: ast.ClassDef) -> tuple[dict[str, str], dict[str, ast.expr]]:
    """The string literals that follow annotated names in a class body, and the annotations, by name."""
    docs: dict[str, str] = {}
    annotations: dict[str, ast.expr] = {}
    for position, statement in enumerate(node.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            annotations[statement.target.id] = statement.annotation
            following = node.body[position + 1] if position + 1 < len(node.body) else None
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                docs[statement.target.id] = inspect.cleandoc(str(following.value.value))
    return docs, annotations
