"""Drawing parameters and operations so that most of what is drawn is allowed.

Values come from `kvproof.fuzz.values`, and an operation that would be refused is mended (`kvproof.fuzz.mend`). What is
recorded is always absolute: the drawn values, never a position in what happened to be enabled.

Two engines draw through the same code by way of a `Chooser`: Hypothesis, and a plain seeded generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from kvproof.fuzz.chooser import Chooser, choice
from kvproof.fuzz.mend import Mender
from kvproof.fuzz.shapes import Fields, Run, Shape, Whole
from kvproof.fuzz.subject import MachineError, Parameters, Reference, Subject
from kvproof.fuzz.target import Operation
from kvproof.fuzz.values import ValueSource

CANDIDATES = 4
"""Argument tuples drawn for an operation until one is enabled; more finds little more and costs time."""

VARIED_BELOW = 13
"""A parameter that is smaller in a preset varies around it; larger ones (a number of priorities, a threshold) are
kept, since other values of them show nothing new."""


def draw_parameters(subject: Subject, chooser: Chooser, fixed: Mapping[str, int] | None = None) -> dict[str, int]:
    """Parameters for one run: a preset of the machine, with about a third of its small ones moved by one.

    One after the other, where the machine allows it; `fixed` ones are kept as given.

    Raises:
        MachineError: the machine does not allow the fixed ones together with a preset.
    """
    given = dict(fixed or {})
    preset = {**choice(chooser, subject.presets), **given}
    subject.reference(preset)
    free = [name for name, value in preset.items() if name not in given and value < VARIED_BELOW]
    drawn = dict(preset)
    for name in free:
        move = (0, 0, 0, 0, -1, 1)[chooser.integer(0, 5)]
        if move:
            drawn[name] += move
            with suppress(MachineError):
                subject.reference(drawn)
                continue
            drawn[name] -= move
    return drawn


class ArgumentSource:
    """Draws operations for one run, guided by the state of its reference. Tell it `moved` after every operation."""

    def __init__(self, subject: Subject, parameters: Parameters, reference: Reference) -> None:
        self._shapes = subject.make_shapes(parameters)
        self._values = ValueSource(subject, self._shapes, reference)
        self._mender = Mender(reference)
        self._barren: set[str] = set()  # operations without an enabled candidate in this state, not to be tried again
        self._indexed = {
            name: any(isinstance(shape, Whole) and shape.is_index for shape in _flat(shapes))
            for name, shapes in self._shapes.items()
        }

    def moved(self) -> None:
        """The reference's state may have changed."""
        self._values.moved()
        self._barren.clear()

    def draw(self, name: str, chooser: Chooser) -> Operation:
        """One operation called `name`, an enabled one if a few candidates have one."""
        return self.draw_enabled(name, chooser) or self.draw_any(name, chooser)

    def draw_any(self, name: str, chooser: Chooser) -> Operation:
        """One operation called `name` whether or not it is enabled: refusals are behaviour too."""
        return Operation(name, self._values.arguments(name, chooser))

    def draw_enabled(self, name: str, chooser: Chooser) -> Operation | None:
        """One enabled operation called `name`; None when no candidate was."""
        if name in self._barren:
            return None
        shapes = self._shapes[name]
        errors: set[str] = set()
        for attempt in range(CANDIDATES if shapes else 1):
            arguments = self._values.arguments(name, chooser)
            error = self._mender.mend(name, arguments, shapes)
            if error is None:
                return Operation(name, arguments)
            errors.add(error)
            if attempt == 1 and len(errors) == 1 and self._indexed[name]:
                break  # whatever it is about, the same refusal twice: there is nothing of the kind to be found
        self._barren.add(name)
        return None


def _flat(shapes: Mapping[str, Shape]) -> Iterator[Shape]:
    """The shapes of arguments, and those of the fields of records in lists."""
    for shape in shapes.values():
        yield shape
        if isinstance(shape, Run) and isinstance(shape.inner, Fields):
            yield from shape.inner.fields.values()
