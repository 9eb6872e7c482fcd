"""Changes to sequences of operations, wherever in their arguments a value stands: in a list, in a record, in both.

An edit keeps to the shapes of the arguments: what it gives is legal when its input is, except that a longer list may be
too long.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import combinations
from typing import Any

from attrs import evolve

from kvproof.fuzz.shapes import Fields, Maybe, Run, Shape, Whole
from kvproof.fuzz.subject import Shapes
from kvproof.fuzz.target import Operation, Value

Operations = tuple[Operation, ...]

Place = tuple[str | int, ...]
"""The way to a value inside of an operation's arguments: names of arguments and fields, and positions in lists."""

RENAMED_BELOW = 8
"""Values of an index above this one are not tried as a new name."""


def frozen(value: Value) -> Hashable:
    """A value as something that a set may hold."""
    if isinstance(value, Mapping):
        return tuple(frozen(item) for item in value.values())
    return tuple(frozen(item) for item in value) if isinstance(value, tuple) else value


def length(value: Value) -> int:
    """Items of all the lists in a value, at any depth."""
    if isinstance(value, Mapping):
        return sum(map(length, value.values()))
    return len(value) + sum(map(length, value)) if isinstance(value, tuple) else 0


def numbers(value: Value) -> list[int]:
    """All numbers of a value in order, -1 where there is none: of two values of one length, the lower is the simpler."""
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, tuple):
        return [number for item in value for number in numbers(item)]
    return [-1 if value is None else int(value)]


def longest(operations: Operations) -> int:
    """Items of the longest list of plain values in any operation; 1 when there are no lists at all."""
    return max((each for operation in operations for each in _lengths(operation.arguments)), default=1)


def _lengths(value: Value) -> Iterator[int]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _lengths(item)
    elif isinstance(value, tuple):
        yield 0 if value and isinstance(value[0], Mapping) else len(value)
        for item in value:
            yield from _lengths(item)


def fits(operation: Operation, shapes: Shapes) -> bool:
    """Are all arguments of their shapes?"""
    known = shapes[operation.name]
    return all(known[name].contains(value) for name, value in operation.arguments.items())


def cut(operations: Operations, shapes: Shapes, limit: int) -> Operations:
    """Lists of plain values cut to `limit` items, lists of records to what their shape allows."""

    def shorten(shape: Run, value: Value) -> Value:
        return value if shape.exact else value[: shape.limit if isinstance(shape.inner, Fields) else limit]

    return _changed(operations, shapes, on_run=shorten)


def without_position(operations: Operations, shapes: Shapes, position: int) -> Operations:
    """Every list of plain values without its item at `position`."""

    def shorten(shape: Run, value: Value) -> Value:
        plain = not shape.exact and not isinstance(shape.inner, Fields)
        return value[:position] + value[position + 1 :] if plain else value

    return _changed(operations, shapes, on_run=shorten)


def merged(operations: Operations, shapes: Shapes) -> Iterator[Operations]:
    """One operation left out, a list of it appended to a list of an earlier one."""
    places = [(i, place, run) for i, o in enumerate(operations) for place, run in _runs(o, shapes)]
    for (one, place, run), (other, other_place, _) in combinations(places, 2):
        if one == other:
            continue
        longer = value_at(operations[one], place) + value_at(operations[other], other_place)
        if run.contains(longer):
            changed = with_value(operations[one], place, longer)
            yield (*operations[:one], changed, *operations[one + 1 : other], *operations[other + 1 :])


def renamed(operations: Operations, shapes: Shapes) -> Iterator[Operations]:
    """One index swapped with a smaller one of its kind throughout."""
    for kind, used in _used(operations, shapes).items():
        for value in sorted(used, reverse=True):
            for other in range(min(value, RENAMED_BELOW)):
                yield _changed(operations, shapes, on_whole=_swap(kind, value, other))


def numbered(operations: Operations, shapes: Shapes) -> Operations:
    """The indices of each kind numbered by their first appearance."""
    numbers: dict[str, dict[int, int]] = {}

    def change(shape: Whole, value: int) -> int:
        if not shape.is_index:
            return value
        known = numbers.setdefault(shape.kind, {})
        return known.setdefault(value, len(known))

    return _changed(operations, shapes, on_whole=change)


def value_at(operation: Operation, place: Place) -> Value:
    """The value at a place."""
    value: Any = operation.arguments
    for part in place:
        value = value[part]
    return value


def with_value(operation: Operation, place: Place, new: Value) -> Operation:
    """The operation with another value at a place."""
    return evolve(operation, arguments=_replaced(operation.arguments, place, new))


def _replaced(value: Any, place: Place, new: Value) -> Any:
    if not place:
        return new
    part, rest = place[0], place[1:]
    inner = _replaced(value[part], rest, new)
    if isinstance(value, Mapping):
        return {**value, part: inner}
    assert isinstance(part, int)
    return (*value[:part], inner, *value[part + 1 :])


def _runs(operation: Operation, shapes: Shapes) -> Iterator[tuple[Place, Run]]:
    for name, shape in shapes[operation.name].items():
        yield from _runs_in(shape, operation.arguments[name], (name,))


def _runs_in(shape: Shape, value: Value, place: Place) -> Iterator[tuple[Place, Run]]:
    if isinstance(shape, Run):
        yield place, shape
        for at, item in enumerate(value):
            yield from _runs_in(shape.inner, item, (*place, at))
    elif isinstance(shape, Fields):
        for name, inner in shape.fields.items():
            yield from _runs_in(inner, value[name], (*place, name))


def _used(operations: Operations, shapes: Shapes) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}

    def note(shape: Whole, value: int) -> int:
        if shape.is_index:
            found.setdefault(shape.kind, set()).add(value)
        return value

    _changed(operations, shapes, on_whole=note)
    return found


def _swap(kind: str, one: int, other: int) -> Callable[[Whole, int], int]:
    def change(shape: Whole, value: int) -> int:
        if not shape.is_index or shape.kind != kind:
            return value
        return other if value == one else one if value == other else value

    return change


def _whole_as_is(shape: Whole, value: int) -> int:
    return value


def _run_as_is(shape: Run, value: Value) -> Value:
    return value


def _changed(
    operations: Operations,
    shapes: Shapes,
    on_whole: Callable[[Whole, int], int] = _whole_as_is,
    on_run: Callable[[Run, Value], Value] = _run_as_is,
) -> Operations:
    """Every integer and every list passed through a function, lists before their items."""

    def change(shape: Shape, value: Value) -> Value:
        if isinstance(shape, Whole):
            return on_whole(shape, value)
        if isinstance(shape, Run):
            return tuple([change(shape.inner, item) for item in on_run(shape, value)])
        if isinstance(shape, Fields):
            return {name: change(inner, value[name]) for name, inner in shape.fields.items()}
        return change(shape.inner, value) if isinstance(shape, Maybe) and value is not None else value

    return tuple(
        evolve(o, arguments={name: change(shapes[o.name][name], value) for name, value in o.arguments.items()})
        for o in operations
    )
