"""Random states and arguments of a machine, and a machine put into a state."""

from __future__ import annotations

import random
from typing import Any

from kvproof.spec.lang.containers import fresh
from kvproof.spec.lang.types import (
    BoolType,
    EnumType,
    IndexType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RangeType,
    RecordType,
    SeqType,
    SetType,
    Type,
)


def random_part(kind: Type, parameters: Any, rng: random.Random, named: bool = False) -> Any:
    """Any value of a type, in the form of a snapshot; with `named` records are dicts, as in arguments."""
    match kind:
        case BoolType():
            return rng.random() < 0.5
        case EnumType():
            return rng.choice(list(kind.values(parameters)))
        case IndexType():
            return rng.randrange(kind.size(parameters))
        case RangeType():
            return rng.randint(*kind.ends(parameters))
        case OptionType(inner=inner):
            return None if rng.random() < 0.35 else random_part(inner, parameters, rng, named)
        case SeqType(inner=inner, exact=exact):
            limit = kind.length(parameters)
            count = limit if exact else rng.randint(0, limit)
            return tuple(random_part(inner, parameters, rng, named) for _ in range(count))
        case RecordType(fields=fields):
            values = [random_part(field, parameters, rng, named) for _, field in fields]
            return dict(zip((name for name, _ in fields), values, strict=True)) if named else tuple(values)
        case MapType(key=key, value=value):
            return tuple(random_part(value, parameters, rng) for _ in key.values(parameters))
        case PartialMapType(key=key, value=value):
            density = rng.random()
            keys = [each for each in key.values(parameters) if rng.random() < density]
            return tuple((each, random_part(value, parameters, rng)) for each in keys)
        case SetType(inner=inner):
            density = rng.random()
            return tuple(each for each in inner.values(parameters) if rng.random() < density)
        case QueueType(item=item, priority=priority):
            items = list(item.values(parameters))
            queued = rng.sample(items, rng.randint(0, len(items)))
            placed = [(one, rng.randint(*priority.ends(parameters))) for one in queued]
            return tuple(sorted(placed, key=lambda pair: pair[1]))
    raise TypeError(kind)


def filled(kind: Type, part: Any, parameters: Any) -> Any:
    """The value, or a container, that a part of a snapshot stands for."""
    match kind:
        case OptionType(inner=inner):
            return None if part is None else filled(inner, part, parameters)
        case SeqType(inner=inner):
            return tuple(filled(inner, each, parameters) for each in part)
        case RecordType(cls=cls, fields=fields):
            return cls(*(filled(field, each, parameters) for (_, field), each in zip(fields, part, strict=True)))
        case MapType(key=key, value=value):
            total = fresh(kind, parameters)
            for at, each in zip(key.values(parameters), part, strict=True):
                if isinstance(value, MapType | PartialMapType | SetType | QueueType):
                    total._values[at] = filled(value, each, parameters)
                else:
                    total[at] = filled(value, each, parameters)
            return total
        case PartialMapType(value=value):
            partial = fresh(kind, parameters)
            for at, each in part:
                partial[at] = filled(value, each, parameters)
            return partial
        case SetType():
            members = fresh(kind, parameters)
            for each in part:
                members.add(each)
            return members
        case QueueType():
            queue = fresh(kind, parameters)
            for item, priority in part:
                queue.push_back(item, priority)
            return queue
    return part


def put_into(machine: Any, snapshot: tuple[Any, ...]) -> None:
    """Give a machine that is run directly the state of a snapshot."""
    for (name, kind), part in zip(machine._state.items(), snapshot, strict=True):
        object.__setattr__(machine, name, filled(kind, part, machine.params))
