"""Random runs of a machine: for tests that hold several ways of executing it against each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from kvproof.spec.lang import Definition
from kvproof.spec.lang.types import BoolType, EnumType, IndexType, OptionType, RangeType, RecordType, SeqType, Type


def random_value(kind: Type, parameters: Any, source: random.Random, seen: dict[Type, list[tuple[Any, ...]]]) -> Any:
    """A value of an argument's type, records as dicts; sequences often begin like one of their type seen before."""
    if isinstance(kind, IndexType):
        return source.randrange(kind.size(parameters))
    if isinstance(kind, RangeType):
        return source.randint(*kind.ends(parameters))
    if isinstance(kind, BoolType | EnumType):
        return source.choice(list(kind.values(parameters)))
    if isinstance(kind, OptionType):
        return None if source.random() < 0.3 else random_value(kind.inner, parameters, source, seen)
    if isinstance(kind, RecordType):
        return {name: random_value(field, parameters, source, seen) for name, field in kind.fields}
    assert isinstance(kind, SeqType)
    known = seen.setdefault(kind.inner, [])
    start = source.choice(known) if known and source.random() < 0.7 else ()
    start = start[: source.randint(0, len(start))]
    room = kind.length(parameters) - len(start)
    more = max(0, room) if kind.exact else source.randint(0, max(0, room))
    rest = tuple(random_value(kind.inner, parameters, source, seen) for _ in range(more))
    value = (start + rest)[: kind.length(parameters)]
    known[:] = [*known[-5:], value]
    return value


def random_calls(
    definition: Definition, parameters: Any, source: random.Random, length: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Operations with random arguments, one after the other."""
    operations = list(definition.of_kind("operation").items())
    seen: dict[Type, list[tuple[Any, ...]]] = {}
    for _ in range(length):
        name, method = source.choice(operations)
        arguments = {}
        for argument, kind in method.arguments:
            assert kind is not None
            arguments[argument] = random_value(kind, parameters, source, seen)
        yield name, arguments
