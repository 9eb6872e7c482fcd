"""Operations just beyond what the specification allows.

A target that counts wrongly refuses too much or too little, and either shows only where a little more changes the answer.
So an enabled operation is taken, and one thing of it is moved, a list longer by an item or a number by one, until the
specification refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kvproof.fuzz.chooser import Chooser, choice
from kvproof.fuzz.drawing.values import ValueSource
from kvproof.fuzz.edits import Place, value_at, with_value
from kvproof.fuzz.shapes import Fields, Run, Shape, Whole
from kvproof.fuzz.subject import Reference
from kvproof.fuzz.target import Operation, Value

PLACES = 3
"""Things of an operation that are moved, one after the other, until one is refused."""

STEPS = 8
"""Items or ones by which each is moved at most."""


def beyond(
    operation: Operation, shapes: Mapping[str, Shape], values: ValueSource, reference: Reference, chooser: Chooser
) -> Operation | None:
    """A refused operation next to the enabled `operation`; None when there is none near."""
    places = [found for name, shape in shapes.items() for found in _places(shape, operation.arguments[name], (name,))]
    for _ in range(min(PLACES, len(places))):
        place, shape = choice(chooser, places)
        up = chooser.integer(0, 1) == 1
        value = value_at(operation, place)
        for _ in range(STEPS):
            value = _moved(shape, value, up, values, chooser)
            if not shape.contains(value):
                break
            moved = with_value(operation, place, value)
            if reference.enabled(moved.name, moved.arguments) is not None:
                return moved
    return None


def _moved(shape: Run | Whole, value: Value, up: bool, values: ValueSource, chooser: Chooser) -> Value:
    if isinstance(shape, Run):
        return (*value, values.value(shape.inner, chooser))
    return value + 1 if up else value - 1


def _places(shape: Shape, value: Value, place: Place) -> Iterator[tuple[Place, Run | Whole]]:
    """Lists, and numbers that are arguments or fields."""
    if isinstance(shape, Run):
        if not shape.exact:
            yield place, shape
        if isinstance(shape.inner, Fields):
            for at, item in enumerate(value):
                yield from _places(shape.inner, item, (*place, at))
    elif isinstance(shape, Fields):
        for name, inner in shape.fields.items():
            yield from _places(inner, value[name], (*place, name))
    elif isinstance(shape, Whole) and not shape.is_index:
        yield place, shape
