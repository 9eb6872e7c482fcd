"""A finding, and the first difference between two observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

ORACLES = ("step", "crash", "result", "promise", "invariant", "observation", "content", "race")
"""The oracles in the order in which they look at an operation; the first that objects names the failure."""

_MISSING = "nothing"


@frozen
class Failure:
    """What an oracle objected to, at which operation of the sequence."""

    oracle: str
    operation: int
    fingerprint: str
    message: str
    expected: Any = None
    actual: Any = None


def fingerprint(oracle: str, kind: str, operation: str) -> str:
    """Identity of a failure across runs: it has no ids, sizes or counts, so that minimising keeps it."""
    return f"{oracle}:{kind}:{operation}"


def plain(value: Any) -> Any:
    """JSON-able data in one form: string keys, lists, plain integers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return value


def first_difference(expected: Any, actual: Any) -> tuple[tuple[Any, ...], Any, Any] | None:
    """The place, and both sides, of the first difference of two plain values; None when they are equal."""
    if expected == actual and type(expected) is type(actual):
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in [*expected, *(key for key in actual if key not in expected)]:
            if key not in expected or key not in actual:
                return (key,), expected.get(key, _MISSING), actual.get(key, _MISSING)
            inner = first_difference(expected[key], actual[key])
            if inner is not None:
                return (key, *inner[0]), inner[1], inner[2]
    if isinstance(expected, list) and isinstance(actual, list):
        for index, (left, right) in enumerate(zip(expected, actual, strict=False)):
            if left != right:
                inner = first_difference(left, right) if isinstance(left, dict) else None
                return ((index,), left, right) if inner is None else ((index, *inner[0]), inner[1], inner[2])
        if len(expected) != len(actual):
            index = min(len(expected), len(actual))
            return (index,), [*expected, _MISSING][index], [*actual, _MISSING][index]
    return None if expected == actual else ((), expected, actual)


def place_kind(place: tuple[Any, ...]) -> str:
    """A difference's place without ids: the named keys on the way, up to the first index or number."""
    words: list[str] = []
    for part in place:
        if not isinstance(part, str) or part.lstrip("-").isdigit():
            break
        words.append(part)
    return ".".join(words) or "whole"


def place_text(place: tuple[Any, ...]) -> str:
    """A difference's place for a reader: `free.PRIMARY[0]`."""
    return inside_text(place).lstrip(".") or "the whole"


def inside_text(place: tuple[Any, ...]) -> str:
    """A place as it follows the name of what it is in: `[1].reused`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
