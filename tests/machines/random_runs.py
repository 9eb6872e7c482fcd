"""Random runs of a machine: for tests that hold several ways of executing it against each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from kvproof.spec.lang import Definition
from kvproof.spec.lang.types import IndexType, OptionType, RangeType, SeqType, Type


def random_value(kind: Type, parameters: Any, source: random.Random, seen: list[tuple[Any, ...]]) -> Any:
    """A value of an argument's type; sequences often begin like one seen before."""
    if isinstance(kind, IndexType):
        return source.randrange(kind.size(parameters))
    if isinstance(kind, RangeType):
        return source.randint(*kind.ends(parameters))
    if isinstance(kind, OptionType):
        return None if source.random() < 0.3 else random_value(kind.inner, parameters, source, seen)
    assert isinstance(kind, SeqType)
    start = source.choice(seen) if seen and source.random() < 0.7 else ()
    start = start[: source.randint(0, len(start))]
    room = kind.length(parameters) - len(start)
    rest = tuple(random_value(kind.inner, parameters, source, seen) for _ in range(source.randint(0, max(0, room))))
    return (start + rest)[: kind.length(parameters)]


def random_calls(
    definition: Definition, parameters: Any, source: random.Random, length: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Operations with random arguments, one after the other."""
    operations = list(definition.of_kind("operation").items())
    seen: list[tuple[Any, ...]] = []
    for _ in range(length):
        name, method = source.choice(operations)
        arguments = {}
        for argument, kind in method.arguments:
            assert kind is not None
            arguments[argument] = random_value(kind, parameters, source, seen)
            if isinstance(kind, SeqType):
                seen = [*seen[-5:], arguments[argument]]
        yield name, arguments
