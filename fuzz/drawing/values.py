"""Drawing values of any shape so that the interesting ones are common, not lucky.

A value is drawn with the state of the reference in view, and with what was drawn for the same operation before it:

- A sequence mostly begins like one that the state holds, so that prefixes are shared, or like another sequence of the
  same operation.
- An integer is often an end of its range, often one that the machine itself names: the answer of a query (an operation
  that takes no step) about values drawn already, or the length of a sequence drawn already, or of a part of it.
- Within a list of records, fields that name things (an index) name different ones.

Nothing here knows a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kvproof.fuzz.chooser import Chooser, choice
from kvproof.fuzz.shapes import Fields, Maybe, Named, Run, Shape, Truth, Whole
from kvproof.fuzz.subject import Reference, Shapes, Subject
from kvproof.fuzz.target import Value

EMPTY_ONE_IN = 16
"""One in so many sequences without a prefix may be empty: rarely allowed, so worth little. So may lists of records."""

SIBLING_ONE_IN = 4
"""One in so many prefixes is of another sequence of the same operation, where there is one."""

ALIKE_ONE_IN = 16
"""One in so many indices of a list's records may be one that another record has."""


class Drawn:
    """What has been drawn so far: for one operation, and within it for one record."""

    __slots__ = ("depth", "named", "sequences", "taken")

    def __init__(
        self, named: dict[str, Value], sequences: list[tuple[Value, ...]], taken: set[tuple[str, Value]], depth: int
    ) -> None:
        self.named = named
        """Arguments, and the fields of the record that is being drawn, by name."""
        self.sequences = sequences
        """All plain sequences of the operation."""
        self.taken = taken
        """Fields and values that records of the same list have; each list has its own."""
        self.depth = depth
        """Records around this one."""


class ValueSource:
    """Draws values for one run. Tell it `moved` when the state of its reference may have changed."""

    def __init__(self, subject: Subject, shapes: Shapes, reference: Reference) -> None:
        self._shapes = shapes
        self._reference = reference
        self._errors = (subject.rejected, subject.rule_broken)
        self._sequence_state = subject.sequence_state
        self._queries = [(name, shapes[name]) for name in shapes if name in subject.queries]
        self._known_sequences: dict[str, list[tuple[Any, ...]]] = {}

    def moved(self) -> None:
        """Forget what is known of the state."""
        self._known_sequences.clear()

    def arguments(self, name: str, chooser: Chooser) -> dict[str, Value]:
        """Arguments for the operation called `name`."""
        drawn = Drawn({}, [], set(), 0)
        for key, shape in self._shapes[name].items():
            drawn.named[key] = self._value(shape, chooser, drawn)
        return drawn.named

    def value(self, shape: Shape, chooser: Chooser) -> Value:
        """One value of a shape, with no other in view."""
        return self._value(shape, chooser, Drawn({}, [], set(), 0))

    def _value(self, shape: Shape, chooser: Chooser, drawn: Drawn) -> Value:
        if isinstance(shape, Whole):
            return chooser.integer(shape.low, shape.high) if shape.is_index else self._number(shape, chooser, drawn)
        if isinstance(shape, Run):
            if isinstance(shape.inner, Fields):
                return self._records(shape, shape.inner, chooser, drawn)
            found = self._run(shape, chooser, drawn)
            drawn.sequences.append(found)
            return found
        if isinstance(shape, Truth):
            return chooser.integer(0, 1) == 1
        if isinstance(shape, Named):
            return choice(chooser, shape.values)
        if isinstance(shape, Maybe):
            return None if chooser.integer(0, 2) == 0 else self._value(shape.inner, chooser, drawn)
        if isinstance(shape, Fields):
            return self._record(shape, chooser, drawn, set())
        raise TypeError(f"no way to draw {shape.describe()}")

    def _number(self, shape: Whole, chooser: Chooser, drawn: Drawn) -> int:
        """A number at which something may change, more often than any."""
        low, high = shape.low, shape.high
        if low == high:
            return low
        kind = chooser.integer(0, 7)
        if kind < 3:
            return chooser.integer(low, high)
        if kind < 6 and drawn.sequences:
            told = self._told(chooser, drawn)
            if told is not None and low <= told <= high:
                return told
        return choice(chooser, shape.favourites or (low, low + 1, high))

    def _told(self, chooser: Chooser, drawn: Drawn) -> int | None:
        """What the machine answers about the values drawn so far, how long a sequence among them is, or a part of it."""
        named = drawn.named
        if not self._queries or chooser.integer(0, 2) == 0:
            length = len(choice(chooser, drawn.sequences))
            return length if length < 2 or chooser.integer(0, 1) == 0 else chooser.integer(1, length - 1)
        query, shapes = choice(chooser, self._queries)
        arguments = {
            name: named[name] for name, shape in shapes.items() if name in named and shape.contains(named[name])
        }
        return self._ask(query, arguments) if len(arguments) == len(shapes) else None

    def _ask(self, query: str, arguments: Mapping[str, Value]) -> int | None:
        """A query's answer; asking leaves no mark, not even in the coverage."""
        reference = self._reference
        hook, coverage, events = reference.on_step, reference.coverage, reference.events
        reference.on_step, reference.coverage, reference.events = None, set(), {}
        try:
            answer = reference.apply(query, arguments)
        except self._errors:
            return None
        finally:
            reference.on_step, reference.coverage, reference.events = hook, coverage, events
        return answer if isinstance(answer, int) else None

    def _record(self, shape: Fields, chooser: Chooser, drawn: Drawn, taken: set[tuple[str, Value]]) -> dict[str, Value]:
        within = Drawn(dict(drawn.named), drawn.sequences, set(), drawn.depth + 1)
        record = {}
        for name, inner in shape.fields.items():
            value = self._value(inner, chooser, within)
            if isinstance(inner, Whole) and inner.is_index:
                value = _different(name, value, inner, taken, chooser)
                taken.add((name, value))
            record[name] = within.named[name] = value
        return record

    def _records(self, shape: Run, inner: Fields, chooser: Chooser, drawn: Drawn) -> tuple[Value, ...]:
        """Some records, none of them rarely; a list inside a record is empty half of the time."""
        limit = shape.limit
        if not shape.exact and limit:
            empty = chooser.integer(0, 1) if drawn.depth else chooser.integer(0, EMPTY_ONE_IN - 1)
            limit = 0 if empty == 0 else choice(chooser, (limit, limit, chooser.integer(1, limit)))
        taken: set[tuple[str, Value]] = set()
        return tuple([self._record(inner, chooser, drawn, taken) for _ in range(limit)])

    def _run(self, shape: Run, chooser: Chooser, drawn: Drawn) -> tuple[Value, ...]:
        """A prefix of a known sequence and a suffix; either may be missing."""
        limit, inner = shape.limit, shape.inner
        prefix = self._prefix(inner, chooser, drawn)[:limit] if isinstance(inner, Whole) else ()
        if shape.exact:
            extra = limit - len(prefix)
        else:
            room = limit - len(prefix)
            least = 0 if prefix or chooser.integer(0, EMPTY_ONE_IN - 1) == 0 else 1
            kind = chooser.integer(0, 3)
            extra = least if kind == 0 else chooser.integer(least, max(least, min(room, 3) if kind == 3 else room))
            extra = min(extra, room)
        if isinstance(inner, Whole) and not inner.favourites:
            return prefix + tuple([chooser.integer(inner.low, inner.high) for _ in range(extra)])
        return prefix + tuple([self._value(inner, chooser, drawn) for _ in range(extra)])

    def _prefix(self, inner: Whole, chooser: Chooser, drawn: Drawn) -> tuple[Value, ...]:
        """The beginning of a sequence in the state, mostly of a long one, half of the time the whole of it."""
        if drawn.sequences and chooser.integer(0, SIBLING_ONE_IN - 1) == 0:
            source = choice(chooser, drawn.sequences)
            if all(map(inner.contains, source)):
                return source[: chooser.integer(0, len(source))]
        sequences = self._sequences(inner.kind)
        if not sequences or chooser.integer(0, 7) == 0:
            return ()
        source = max(choice(chooser, sequences), choice(chooser, sequences), key=len)
        return source if chooser.integer(0, 1) == 0 else source[: chooser.integer(0, len(source))]

    def _sequences(self, kind: str) -> Sequence[tuple[Any, ...]]:
        """The sequences of such items that the state holds."""
        found = self._known_sequences.get(kind)
        if found is None:
            found = self._known_sequences[kind] = []
            for variable, items in self._sequence_state.items():
                if items == kind:
                    _collect(getattr(self._reference, variable), found)
        return found


def _different(name: str, value: int, shape: Whole, taken: set[tuple[str, Value]], chooser: Chooser) -> int:
    """The value, or mostly the next one that no other record of the list has in this field."""
    if (name, value) not in taken or chooser.integer(0, ALIKE_ONE_IN - 1) == 0:
        return value
    size = shape.high - shape.low + 1
    others = (shape.low + (value - shape.low + turn) % size for turn in range(1, size))
    return next((other for other in others if (name, other) not in taken), value)


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
