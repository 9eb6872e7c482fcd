"""Shapes of arguments at given parameters: which values there are, how JSON says them, and which are simpler.

A shape is what remains of a type of the specification once the parameters are known. Drawing, checking a trace and
minimising all go through shapes, so none of them knows a machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Protocol

from attrs import frozen

from kvproof.fuzz.target import Value, render


class Shape(Protocol):
    """A set of values."""

    def contains(self, value: Value) -> bool:
        """Is `value` one of them?"""

    def describe(self) -> str:
        """The set in words, for a message: `an integer from 0 to 3`."""

    def parse(self, text: Value) -> Value:
        """The value that JSON data stand for.

        Raises:
            ValueError: it is none of this shape; the message says what was found and what is allowed.
        """

    def simpler(self, value: Value) -> Iterator[Value]:
        """Values that a reader finds simpler than `value`, the simplest first, deterministically."""


def _refuse(shape: Shape, text: Value) -> ValueError:
    told = json.dumps(text, ensure_ascii=False) if isinstance(text, str) else render(text)  # "0" is no number
    return ValueError(f"{told} is not {shape.describe()}")


@frozen
class Truth:
    """True or false."""

    def contains(self, value: Value) -> bool:
        return isinstance(value, bool)

    def describe(self) -> str:
        return "true or false"

    def parse(self, text: Value) -> Value:
        if not isinstance(text, bool):
            raise _refuse(self, text)
        return text

    def simpler(self, value: Value) -> Iterator[Value]:
        if value:
            yield False


@frozen
class Whole:
    """The integers `low..high`, both included. `kind` names the type, `is_index` says that values name things."""

    low: int
    high: int
    kind: str = "integer"
    is_index: bool = False
    favourites: tuple[int, ...] = ()
    """Values at which behaviour changes (bounds, and parameters that fall inside), most ordinary first."""

    def contains(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def describe(self) -> str:
        return f"an integer from {self.low} to {self.high}"

    def parse(self, text: Value) -> Value:
        if not self.contains(text):
            raise _refuse(self, text)
        return text

    def simpler(self, value: Value) -> Iterator[Value]:
        if value in self.favourites:
            yield from self.favourites[: self.favourites.index(value)]
            return
        smaller = (each for each in (self.low, value // 2, value - 1) if self.low <= each < value)
        yield from dict.fromkeys((*self.favourites, *smaller))


@frozen
class Named:
    """One of several named integers; JSON has the name."""

    names: tuple[str, ...]
    values: tuple[int, ...]

    def contains(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value in self.values

    def describe(self) -> str:
        return "one of " + ", ".join(self.names)

    def parse(self, text: Value) -> Value:
        if not isinstance(text, str) or text not in self.names:
            raise _refuse(self, text)
        return self.values[self.names.index(text)]

    def simpler(self, value: Value) -> Iterator[Value]:
        yield from self.values[: self.values.index(value)]


@frozen
class Maybe:
    """Nothing, or a value of the inner shape."""

    inner: Shape

    def contains(self, value: Value) -> bool:
        return value is None or self.inner.contains(value)

    def describe(self) -> str:
        return f"null or {self.inner.describe()}"

    def parse(self, text: Value) -> Value:
        return None if text is None else self.inner.parse(text)

    def simpler(self, value: Value) -> Iterator[Value]:
        if value is not None:
            yield None
            yield from self.inner.simpler(value)


@frozen
class Run:
    """A sequence of at most `limit` values of the inner shape (exactly `limit` when `exact`)."""

    inner: Shape
    limit: int
    exact: bool = False

    def contains(self, value: Value) -> bool:
        if not isinstance(value, tuple) or not self._allows(len(value)):
            return False
        return all(self.inner.contains(item) for item in value)

    def _allows(self, length: int) -> bool:
        return length == self.limit if self.exact else length <= self.limit

    def describe(self) -> str:
        count = f"{self.limit}" if self.exact else f"at most {self.limit}"
        return f"a list of {count} items, each {self.inner.describe()}"

    def parse(self, text: Value) -> Value:
        if not isinstance(text, list) or not self._allows(len(text)):
            found = f"a list of {len(text)} items" if isinstance(text, list) else render(text)
            raise ValueError(f"{found} is not {self.describe()}")
        if not isinstance(self.inner, Fields):
            return tuple(self.inner.parse(item) for item in text)
        records = []
        for index, item in enumerate(text):
            try:
                records.append(self.inner.parse(item))
            except ValueError as error:
                raise ValueError(f"[{index}]: {error}") from error
        return tuple(records)

    def simpler(self, value: Value) -> Iterator[Value]:
        if not self.exact:
            yield from self._shorter(value)
        # the first of each plain item is enough, since simplifying is repeated; a record has fields of its own to try
        most = None if isinstance(self.inner, Fields) else 1
        for index, item in enumerate(value):
            for candidate in islice(self.inner.simpler(item), most):
                yield (*value[:index], candidate, *value[index + 1 :])

    def _shorter(self, value: tuple[Value, ...]) -> Iterator[Value]:
        length = len(value)
        for kept in sorted({0, length // 2, length - 1}):
            if 0 <= kept < length:
                yield value[:kept]
        for index in range(length - 1):
            yield (*value[:index], *value[index + 1 :])


@frozen
class Fields:
    """A record: a dict with just these fields, in this order, each of its own shape. JSON has an object."""

    name: str
    """What the machine calls such a record."""
    fields: Mapping[str, Shape]

    def contains(self, value: Value) -> bool:
        if not isinstance(value, dict) or list(value) != list(self.fields):
            return False
        return all(shape.contains(value[name]) for name, shape in self.fields.items())

    def describe(self) -> str:
        return f"a {self.name} with the fields {', '.join(self.fields)}"

    def parse(self, text: Value) -> Value:
        if not isinstance(text, Mapping):
            raise _refuse(self, text)
        for name in text:
            if name not in self.fields:
                raise ValueError(f"a {self.name} has no field {name!r}; it has {', '.join(self.fields)}")
        found = {}
        for name, shape in self.fields.items():
            if name not in text:
                raise ValueError(f"a {self.name} needs the field {name!r}, {shape.describe()}")
            try:
                found[name] = shape.parse(text[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return found

    def simpler(self, value: Value) -> Iterator[Value]:
        for name, shape in self.fields.items():
            for candidate in shape.simpler(value[name]):
                yield {**value, name: candidate}


def to_json(shape: Shape | None, value: Value) -> Value:
    """The JSON form of a value; without a shape, tuples become lists and names of enumerations stay numbers."""
    if isinstance(shape, Named):
        return shape.names[shape.values.index(value)]
    if isinstance(shape, Maybe):
        return None if value is None else to_json(shape.inner, value)
    if isinstance(value, Mapping):
        known = shape.fields if isinstance(shape, Fields) else {}
        return {name: to_json(known.get(name), item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        inner = shape.inner if isinstance(shape, Run) else None
        return [to_json(inner, item) for item in value]
    return value


def from_json(text: Value) -> Value:
    """JSON data as the specification's values, where no shape is known: lists become tuples, at any depth."""
    if isinstance(text, dict):
        return {name: from_json(item) for name, item in text.items()}
    return tuple(from_json(item) for item in text) if isinstance(text, list) else text
