"""Drawing parameters and operations so that most of what is drawn is allowed.

Values come from `values`, and an operation that would be refused is mended (`repair`). What is recorded is always
absolute: the drawn values, never a position in what happened to be enabled.

Two engines draw through the same code by way of a `Chooser`: Hypothesis, and a plain seeded generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kvproof.fuzz.chooser import Chooser, choice
from kvproof.fuzz.drawing.boundary import beyond
from kvproof.fuzz.drawing.repair import Mender
from kvproof.fuzz.drawing.values import ValueSource
from kvproof.fuzz.subject import MachineError, Parameters, Reference, Subject
from kvproof.fuzz.target import Operation

CANDIDATES = 4
"""Argument tuples drawn for an operation until one is enabled; more finds little more and costs time.

One less for each state in a row in which none was.
"""

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
        self._reference = reference
        self._values = ValueSource(subject, self._shapes, reference)
        self._mender = Mender(reference, self._shapes)
        self._barren: set[str] = set()  # operations without an enabled candidate in this state, not to be tried again
        self._failures = dict.fromkeys(self._shapes, 0)  # states in a row without an enabled candidate

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

    def draw_beyond(self, name: str, chooser: Chooser) -> Operation | None:
        """One operation called `name` just beyond what is allowed; None when nothing near an enabled one is."""
        operation = self.draw_enabled(name, chooser)
        if operation is None:
            return None
        return beyond(operation, self._shapes[name], self._values, self._reference, chooser)

    def draw_enabled(self, name: str, chooser: Chooser) -> Operation | None:
        """One enabled operation called `name`; None when no candidate was."""
        if name in self._barren:
            return None
        errors: set[str] = set()
        candidates = CANDIDATES - self._failures[name] if self._shapes[name] else 1
        for attempt in range(max(1, candidates)):
            arguments = self._values.arguments(name, chooser)
            error = self._mender.mend(name, arguments)
            if error is None:
                self._failures[name] = 0
                return Operation(name, arguments)
            errors.add(error)
            if attempt == 1 and len(errors) == 1 and self._mender.parts[name].name_things():
                break  # whatever it is about, the same refusal twice: there is nothing of the kind to be found
        self._barren.add(name)
        self._failures[name] += 1
        return None
