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

INDEX_CANDIDATES = 8
"""Values of one index tried per candidate."""

VARIED_BELOW = 9
"""A parameter whose default is smaller varies from run to run; larger ones (a number of priorities, a threshold)
are kept, since other values of them show nothing new."""

PARAMETER_ATTEMPTS = 40
"""Parameter sets drawn until the machine allows one; then its defaults are taken."""


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
    """Parameters for one run: small and tight ones first (a chooser's low integers give small sizes).

    `fixed` ones are kept as given.

    Raises:
        MachineError: the machine does not allow the fixed ones together with its defaults.
    """
    given = dict(fixed or {})
    base = {**subject.defaults, **given}
    subject.reference(base)
    free = [name for name in subject.defaults if name not in given and parameter_values(subject, name)]
    for _ in range(PARAMETER_ATTEMPTS):
        drawn = dict(base)
        for name in free:
            drawn[name] = choice(chooser, parameter_values(subject, name))
        try:
            subject.reference(drawn)
        except MachineError:
            continue
        return drawn
    return base


def parameter_values(subject: Subject, name: str) -> tuple[int, ...]:
    """Values worth drawing for a parameter, smallest first; none when it is kept at its default."""
    if name in subject.tuned:
        return subject.tuned[name]
    default = subject.defaults[name]
    return tuple(range(min(default, 1), default + 3)) if default < VARIED_BELOW else ()


class ArgumentSource:
    """Draws operations for one run, guided by the state of its reference."""

    def __init__(self, subject: Subject, parameters: Parameters, reference: Reference) -> None:
        self._shapes = subject.make_shapes(parameters)
        self._reference = reference
        self._sequence_state = subject.sequence_state

    def draw(self, name: str, chooser: Chooser) -> Operation:
        """One operation called `name`: mostly an enabled one, now and then whatever is drawn first."""
        shapes = self._shapes[name]
        sequences = self._sequences() if any(isinstance(shape, Run) for shape in shapes.values()) else []
        arguments: dict[str, Value] = {}
        wants_enabled = chooser.integer(0, 9) > 0
        for _ in range(CANDIDATES if wants_enabled else 1):
            arguments = {key: self._value(shape, chooser, sequences) for key, shape in shapes.items()}
            if not wants_enabled or self._enable(name, arguments, shapes):
                break
        return Operation(name, arguments)

    def _enable(self, name: str, arguments: dict[str, Value], shapes: Mapping[str, Shape]) -> bool:
        """Is the operation enabled, perhaps after turning one index to another value? Changes `arguments`."""
        enabled = self._reference.enabled
        if enabled(name, arguments) is None:
            return True
        for key, shape in shapes.items():
            if isinstance(shape, Whole) and shape.is_index:
                drawn, size = arguments[key], shape.high - shape.low + 1
                for turn in range(1, min(size, INDEX_CANDIDATES)):
                    arguments[key] = shape.low + (drawn - shape.low + turn) % size
                    if enabled(name, arguments) is None:
                        return True
                arguments[key] = drawn
        return False

    def _sequences(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for variable in self._sequence_state:
            _collect(getattr(self._reference, variable), found)
        return found

    def _value(self, shape: Shape, chooser: Chooser, sequences: Sequence[tuple[Any, ...]]) -> Value:
        if isinstance(shape, Whole):
            return _whole(shape, chooser)
        if isinstance(shape, Run):
            return self._run(shape, chooser, sequences)
        if isinstance(shape, Truth):
            return chooser.integer(0, 1) == 1
        if isinstance(shape, Named):
            return choice(chooser, shape.values)
        if isinstance(shape, Maybe):
            return None if chooser.integer(0, 2) == 0 else self._value(shape.inner, chooser, sequences)
        raise TypeError(f"no way to draw {shape.describe()}")

    def _run(self, shape: Run, chooser: Chooser, sequences: Sequence[tuple[Any, ...]]) -> tuple[Value, ...]:
        """A prefix of a sequence in the state and a suffix; either may be missing."""
        limit = shape.limit
        prefix: tuple[Any, ...] = ()
        if sequences and chooser.integer(0, 7) > 0:
            source = choice(chooser, sequences)
            if chooser.integer(0, 1) == 0:
                source = source[: chooser.integer(0, len(source))]
            prefix = tuple(source[:limit]) if all(map(shape.inner.contains, source)) else ()
        if shape.exact:
            extra = limit - len(prefix)
        else:
            room = limit - len(prefix)
            kind = chooser.integer(0, 3) if prefix else chooser.integer(1, 3)
            extra = 0 if kind == 0 else chooser.integer(0, room if kind == 1 else min(room, 3))
        return prefix + tuple(self._value(shape.inner, chooser, ()) for _ in range(extra))


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
