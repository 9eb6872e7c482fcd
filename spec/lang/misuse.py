"""Tells errors that a machine itself runs into from all others: what is not there, in which expression, on which line."""

from __future__ import annotations

import ast
import enum
import linecache
import types
from collections.abc import Iterable

from kvproof.spec.lang.errors import OutOfDomain

MISUSES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What Python raises for an absent key or element, None in place of a value, a wrong length, a division by 0."""


def misuse(error: Exception, classes: Iterable[type]) -> OutOfDomain | None:
    """The error of a method of `classes` as a broken rule with its place; None when it comes from other code."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append((trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno))
        trace = trace.tb_next
    converted = isinstance(error, ValueError) and _leave(places, vars(enum.EnumMeta)["__call__"].__code__.co_filename)
    owners = {(cls.__qualname__, _file(cls)) for cls in classes}
    own = [place for place in places if _belongs(place[0], owners)]
    if not own or not (isinstance(error, OutOfDomain) or own[-1] is places[-1]):
        return None
    code, instruction, line = own[-1]
    kind, told = ("defined", f"{type(error).__name__}: {error}")
    if isinstance(error, OutOfDomain):
        kind, told = error.rule, str(error)
    elif converted:
        kind, told = "bound", str(error)  # a number that no member has
    found = OutOfDomain(f"{code.co_filename}:{line}: {told}", kind)
    if ":" not in kind:
        found.rule = f"{kind}: {_expression(code, instruction) or code.co_name}"
    return found


def _leave(places: list[tuple[types.CodeType, int, int]], file: str) -> bool:
    """Leave out the innermost places that are in `file`; whether there are any."""
    there = bool(places) and places[-1][0].co_filename == file
    while places and places[-1][0].co_filename == file:
        places.pop()
    return there


def _file(cls: type) -> str:
    method = next((m for m in vars(cls).values() if isinstance(m, types.FunctionType)), None)
    while method is not None and hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    return method.__code__.co_filename if method is not None else ""


def _belongs(code: types.CodeType, owners: set[tuple[str, str]]) -> bool:
    """Whether a method of one of the owners is running, or a generator inside it."""
    return any(code.co_filename == file and code.co_qualname.startswith(f"{name}.") for name, file in owners)


def _expression(code: types.CodeType, instruction: int) -> str:
    """The expression that was being evaluated, on one line; "" when the source is not to be had."""
    first, last, start, end = list(code.co_positions())[instruction // 2]
    if first is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, line).encode() for line in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    text = b"".join(lines).decode(errors="replace").strip()
    try:
        return ast.unparse(ast.parse(f"({text})", mode="eval"))
    except SyntaxError:
        return " ".join(text.split())
