"""Functions of the language that a reference has when its machine uses them: `kvproof generate` copies those that it needs.

They are ordinary code so that lint, types and tests see them.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

from kvproof.model.writing.methods import converted_to
from kvproof.model.writing.parts import OutOfDomain
from kvproof.spec.lang.definition import FREE_FORM, Method


def known(value: Any) -> Any:
    """The value, where it is sure to be one."""
    if value is None:
        raise OutOfDomain("defined", "None is not known")
    return value


def replace(record: Any, /, **fields: Any) -> Any:
    """The record with other values in some of its fields."""
    if record is None:
        raise OutOfDomain("defined", "None is no record")
    return record._replace(**fields)


def _converted(value: Any, values: Any, at: str) -> Any:
    """A number as one of the values of an index class, or as the member of an enumeration that it is."""
    if value is None:
        raise OutOfDomain(f"defined: {at}", "None is no number")
    if value not in range(len(values)):
        raise OutOfDomain(f"bound: {at}", f"{value!r} is none of them")
    return values(value) if isinstance(values, type) else values[value]


WORDS = {function.__name__: function for function in (known, replace, _converted)}


def words_in(method: Method) -> set[str]:
    """The functions that the reference of a machine needs for a method."""
    found = set()
    for node in ast.walk(method.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in WORDS:
                found.add(node.func.id)
            elif method.kind not in FREE_FORM and converted_to(node, method) is not None:
                found.add("_converted")
    return found


def words_text(names: set[str]) -> str:
    """The source of these functions."""
    return "".join(f"\n\n{inspect.getsource(WORDS[name])}" for name in sorted(names))
