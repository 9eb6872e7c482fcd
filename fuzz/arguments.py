"""Drawing parameters and arguments so that the interesting cases are common, not lucky.

Arguments come from the reference's state: a sequence argument mostly begins like a sequence that the state holds, so
that prefixes are shared; the value of an index is chosen among those for which the operation is enabled. What is
recorded is always absolute: the drawn values, never a position in what happened to be enabled.

Two engines draw through the same code by way of a `Chooser`: Hypothesis, and a plain seeded generator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from kvproof.fuzz.shapes import Maybe, Named, Run, Shape, Truth, Whole
from kvproof.fuzz.subject import MachineError, Parameters, Reference, Subject
from kvproof.fuzz.target import Operation, Value

T = TypeVar("T")

CANDIDATES = 4
"""Argument tuples drawn for an operation until one is enabled; more finds little more and costs time."""

EMPTY_ONE_IN = 16
"""One in so many sequences without a prefix may be empty: rarely allowed, so worth little."""

INDEX_CANDIDATES = 8
"""Values of one index tried per candidate."""

VARIED_BELOW = 13
"""A parameter that is smaller in a preset varies around it; larger ones (a number of priorities, a threshold) are
kept, since other values of them show nothing new."""

PARAMETER_ATTEMPTS = 8
"""Variations of a preset that are tried until the machine allows one; then the preset itself is taken."""


class Chooser(Protocol):
    """A source of decisions."""

    def integer(self, low: int, high: int) -> int:
        """Any integer of `low..high`."""


class RandomChooser:
    """Decisions from a seed, at a microsecond each."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low + 1))


def choice(chooser: Chooser, items: Sequence[T]) -> T:
    """One of `items`."""
    return items[chooser.integer(0, len(items) - 1)]


def draw_parameters(subject: Subject, chooser: Chooser, fixed: Mapping[str, int] | None = None) -> dict[str, int]:
    """Parameters for one run: a preset of the machine, with about half of its small ones moved by one.

    `fixed` ones are kept as given.

    Raises:
        MachineError: the machine does not allow the fixed ones together with a preset.
    """
    given = dict(fixed or {})
    preset = {**choice(chooser, subject.presets), **given}
    subject.reference(preset)
    free = [name for name, value in preset.items() if name not in given and value < VARIED_BELOW]
    for _ in range(PARAMETER_ATTEMPTS):
        drawn = dict(preset)
        for name in free:
            drawn[name] += (0, 0, -1, 1)[chooser.integer(0, 3)]
        try:
            subject.reference(drawn)
        except MachineError:
            continue
        return drawn
    return preset


class ArgumentSource:
    """Draws operations for one run, guided by the state of its reference. Tell it `moved` after every operation."""

    def __init__(self, subject: Subject, parameters: Parameters, reference: Reference) -> None:
        self._shapes = subject.make_shapes(parameters)
        self._reference = reference
        self._sequence_state = subject.sequence_state
        self._known_sequences: dict[str, list[tuple[Any, ...]]] = {}
        self._barren: set[str] = set()  # operations without an enabled candidate in this state, not to be tried again
        self._indexed = {
            name: any(isinstance(shape, Whole) and shape.is_index for shape in shapes.values())
            for name, shapes in self._shapes.items()
        }

    def moved(self) -> None:
        """The reference's state may have changed."""
        self._known_sequences.clear()
        self._barren.clear()

    def draw(self, name: str, chooser: Chooser) -> Operation:
        """One operation called `name`, an enabled one if a few candidates have one."""
        return self.draw_enabled(name, chooser) or self.draw_any(name, chooser)

    def draw_any(self, name: str, chooser: Chooser) -> Operation:
        """One operation called `name` whether or not it is enabled: refusals are behaviour too."""
        return Operation(name, self._arguments(self._shapes[name], chooser))

    def draw_enabled(self, name: str, chooser: Chooser) -> Operation | None:
        """One enabled operation called `name`; None when no candidate was."""
        if name in self._barren:
            return None
        shapes = self._shapes[name]
        errors: set[str | None] = set()
        for attempt in range(CANDIDATES if shapes else 1):
            arguments = self._arguments(shapes, chooser)
            error = self._enable(name, arguments, shapes)
            if error is None:
                return Operation(name, arguments)
            errors.add(error)
            if attempt == 1 and len(errors) == 1 and self._indexed[name]:
                break  # whatever the index, the same refusal twice: there is nothing of the kind to be found
        self._barren.add(name)
        return None

    def _arguments(self, shapes: Mapping[str, Shape], chooser: Chooser) -> dict[str, Value]:
        return {key: self._value(shape, chooser) for key, shape in shapes.items()}

    def _enable(self, name: str, arguments: dict[str, Value], shapes: Mapping[str, Shape]) -> str | None:
        """Turn the indices among `arguments` until the operation is enabled; the first error when it never is."""
        enabled = self._reference.enabled
        error = enabled(name, arguments)
        if error is None:
            return None
        for key, shape in shapes.items():
            if isinstance(shape, Whole) and shape.is_index:
                drawn, size = arguments[key], shape.high - shape.low + 1
                for turn in range(1, min(size, INDEX_CANDIDATES)):
                    arguments[key] = shape.low + (drawn - shape.low + turn) % size
                    if enabled(name, arguments) is None:
                        return None
                arguments[key] = drawn
        return error

    def _sequences(self, kind: str) -> Sequence[tuple[Any, ...]]:
        """The sequences of such items that the state holds."""
        found = self._known_sequences.get(kind)
        if found is None:
            found = self._known_sequences[kind] = []
            for variable, items in self._sequence_state.items():
                if items == kind:
                    _collect(getattr(self._reference, variable), found)
        return found

    def _value(self, shape: Shape, chooser: Chooser) -> Value:
        if isinstance(shape, Whole):
            return _whole(shape, chooser)
        if isinstance(shape, Run):
            return self._run(shape, chooser)
        if isinstance(shape, Truth):
            return chooser.integer(0, 1) == 1
        if isinstance(shape, Named):
            return choice(chooser, shape.values)
        if isinstance(shape, Maybe):
            return None if chooser.integer(0, 2) == 0 else self._value(shape.inner, chooser)
        raise TypeError(f"no way to draw {shape.describe()}")

    def _run(self, shape: Run, chooser: Chooser) -> tuple[Value, ...]:
        """A prefix of a sequence in the state and a suffix; either may be missing."""
        limit, inner = shape.limit, shape.inner
        prefix = self._prefix(inner, chooser)[:limit] if isinstance(inner, Whole) else ()
        if shape.exact:
            extra = limit - len(prefix)
        else:
            room = limit - len(prefix)
            least = 0 if prefix or chooser.integer(0, EMPTY_ONE_IN - 1) == 0 else 1
            kind = chooser.integer(0, 3)
            extra = least if kind == 0 else chooser.integer(least, max(least, room if kind == 1 else min(room, 3)))
            extra = min(extra, room)
        if isinstance(inner, Whole) and not inner.favourites:
            return prefix + tuple([chooser.integer(inner.low, inner.high) for _ in range(extra)])
        return prefix + tuple([self._value(inner, chooser) for _ in range(extra)])

    def _prefix(self, inner: Whole, chooser: Chooser) -> tuple[Value, ...]:
        """The beginning of a sequence in the state, mostly of a long one, half of the time the whole of it."""
        sequences = self._sequences(inner.kind)
        if not sequences or chooser.integer(0, 7) == 0:
            return ()
        source = max(choice(chooser, sequences), choice(chooser, sequences), key=len)
        return source if chooser.integer(0, 1) == 0 else source[: chooser.integer(0, len(source))]


def _whole(shape: Whole, chooser: Chooser) -> int:
    if shape.favourites and chooser.integer(0, 9) < 8:
        return choice(chooser, shape.favourites)
    return chooser.integer(shape.low, shape.high)


def _collect(value: Any, found: list[tuple[Any, ...]]) -> None:
    """Every non-empty tuple that holds no container, at any depth of a state variable's value."""
    if isinstance(value, tuple):
        if not value:
            return
        if not isinstance(value[0], tuple | list | dict):
            if value[0] is not None:
                found.append(value)
            return
        _collect_all(value, found)
    elif isinstance(value, Mapping):
        _collect_all(value.values(), found)
    elif isinstance(value, list):
        _collect_all(value, found)


def _collect_all(values: Iterable[Any], found: list[tuple[Any, ...]]) -> None:
    for value in values:
        _collect(value, found)
