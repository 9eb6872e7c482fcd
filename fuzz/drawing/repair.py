"""Changing the drawn arguments of an operation that would be refused until it is enabled, without knowing why it is not.

Three changes are tried, the least destructive first: an index (of the operation, or of a record in a list) is turned to
another value, a list of records is built up from the records with which the operation is enabled, and a number is set to
an end of its range.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from kvproof.fuzz.shapes import Fields, Run, Shape, Whole
from kvproof.fuzz.subject import Reference, Shapes
from kvproof.fuzz.target import Value

INDEX_CANDIDATES = 8
"""Values of one index tried, the drawn one included."""

PATIENCE = 3
"""Times that a change may fail to help against an error before it is only tried now and then."""

NOW_AND_THEN = 8
"""One in so many occasions on which a change is tried that has not helped of late."""

Holder = dict[str, Value]
"""The arguments, or one record in them: what has a shape for each name."""


@frozen
class Parts:
    """What may be changed in a holder."""

    indices: tuple[tuple[str, Whole], ...]
    numbers: tuple[tuple[str, Whole], ...]
    lists: tuple[tuple[str, Parts], ...]
    """Lists of records, with the parts of a record."""

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Parts:
        """The parts of what has these shapes."""
        whole = [(name, shape) for name, shape in shapes.items() if isinstance(shape, Whole)]
        lists = tuple(
            (name, cls.of(shape.inner.fields))
            for name, shape in shapes.items()
            if isinstance(shape, Run) and isinstance(shape.inner, Fields) and not shape.exact
        )
        indices = tuple((name, shape) for name, shape in whole if shape.is_index)
        return cls(indices, tuple((name, shape) for name, shape in whole if not shape.is_index), lists)

    def name_things(self) -> bool:
        """Is there an index, here or in a record?"""
        return bool(self.indices) or any(inner.name_things() for _, inner in self.lists)


class Mender:
    """Mends operations on one reference. It learns which change helps against which error."""

    def __init__(self, reference: Reference, shapes: Shapes) -> None:
        self._reference = reference
        self.parts = {name: Parts.of(arguments) for name, arguments in shapes.items()}
        """What may be changed in the arguments of each operation."""
        self._vain: dict[tuple[str, str, str], int] = {}  # how often a change of an argument did not help, in a row

    def _is_worth(self, change: tuple[str, str, str]) -> bool:
        """Has it helped, or is its turn now? Takes it for vain until it helps."""
        vain = self._vain.get(change, 0)
        self._vain[change] = vain + 1
        return vain < PATIENCE or vain % NOW_AND_THEN == 0

    def mend(self, name: str, arguments: Holder) -> str | None:
        """Change `arguments` until the operation is enabled; the first error when it never is."""
        error = self._reference.enabled(name, arguments)
        parts = self.parts[name]
        if error is None or (parts.indices and self._turned(name, error, arguments, arguments, parts, {}) is None):
            return None
        for key, inner in parts.lists:
            if self._built(name, error, arguments, key, inner):
                return None
        if parts.numbers:
            if self._ended(name, error, arguments, arguments, parts, highest=True):
                return None
            drawn = dict(arguments)
            arguments.update({key: shape.high for key, shape in parts.numbers})
            for key, inner in parts.lists:
                if self._built(name, f"{error} at most", arguments, key, inner):
                    return None
            arguments.update(drawn)
        return error

    def _turned(
        self,
        name: str,
        error: str,
        arguments: Holder,
        holder: Holder,
        parts: Parts,
        avoid: Mapping[str, set[Value]],
    ) -> Holder | None:
        """Turn the indices in `holder`; None when that enables the operation.

        Otherwise `holder` is as it was; what comes back has the first index with which the error was another one, so
        that something else may be what is wrong now.
        """
        promising = dict(holder)
        for key, shape in parts.indices:
            change = (name, key, error)
            if not self._is_worth(change):
                continue
            drawn = holder[key]
            for value in _others(shape, drawn):
                if value in avoid.get(key, ()):
                    continue
                holder[key] = value
                found = self._reference.enabled(name, arguments)
                if found is None:
                    self._vain[change] = 0
                    return None
                if found != error and promising[key] == drawn:
                    promising[key] = value
                    self._vain[change] = 0
            holder[key] = drawn
        return promising

    def _ended(
        self, name: str, error: str, arguments: Holder, holder: Holder, parts: Parts, highest: bool = False
    ) -> bool:
        """Set one number in `holder` to the low end of its range, or to the `highest`, if that enables the operation."""
        for key, shape in parts.numbers:
            change = (name, key, error)
            if shape.low == shape.high or not self._is_worth(change):
                continue
            drawn = holder[key]
            for end in (shape.high, shape.low) if highest else (shape.low,):
                holder[key] = end
                if end != drawn and self._reference.enabled(name, arguments) is None:
                    self._vain[change] = 0
                    return True
            holder[key] = drawn
        return False

    def _built(self, name: str, error: str, arguments: Holder, key: str, inner: Parts) -> bool:
        """Keep the records with which the operation is enabled, one after the other; False when there are none."""
        change = (name, key, error)
        wanted, kept = arguments[key], ()
        if not wanted or not self._is_worth(change):
            return False
        for record in wanted:
            tried = dict(record)
            arguments[key] = (*kept, tried)
            if self._settled(name, arguments, tried, inner, kept):
                kept = arguments[key]
        if kept:
            self._vain[change] = 0
        arguments[key] = kept or wanted
        return bool(kept)

    def _settled(self, name: str, arguments: Holder, record: Holder, parts: Parts, kept: tuple[Holder, ...]) -> bool:
        """Is the operation enabled with this record as the last of its list, as it is or with a change or two?"""
        error = self._reference.enabled(name, arguments)
        if error is None:
            return True
        avoid = {field: {other[field] for other in kept} for field, _ in parts.indices}
        promising = self._turned(name, error, arguments, record, parts, avoid)
        if promising is None or self._ended(name, error, arguments, record, parts):
            return True
        if promising == record:
            return False
        record.update(promising)
        error = self._reference.enabled(name, arguments)
        return error is None or self._ended(name, error, arguments, record, parts)


def _others(shape: Whole, drawn: int) -> Iterator[int]:
    """The next values after `drawn` in a range, around its end."""
    size = shape.high - shape.low + 1
    for turn in range(1, min(size, INDEX_CANDIDATES)):
        yield shape.low + (drawn - shape.low + turn) % size
