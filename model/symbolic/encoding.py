"""Between concrete values (snapshots and arguments, as the reference gives them) and the bits of a circuit.

`fresh` makes an arbitrary value of a shape from new inputs, with the constraints of its representation; `encoded` makes
the constant of a concrete value; `layout` lists the bits of a value in an order that depends on the shape alone, so that
the bits of two values of one shape correspond; `decoded` reads a concrete value back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import pairwise
from typing import Any

from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.containers import MapValue, PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic.integers import Int, Value, width
from kvproof.model.symbolic.shapes import (
    BoolShape,
    IntegerShape,
    IntShape,
    MapShape,
    OptionShape,
    PartialMapShape,
    QueueShape,
    RecordShape,
    SeqShape,
    SetShape,
    Shape,
)
from kvproof.model.symbolic.values import Algebra, Bool, Option, Rec, Seq

Reading = Callable[[int], bool]
"""The value of a literal under some assignment."""


class Freshness:
    """Makes arbitrary values; `constraints` collects what must hold for them to be values of their shapes.

    The name of a bit is the name of the value and the way to the bit, each step with a mark of its own: ``.field`` of a
    record, ``[key]`` of a map, a set or a partial map, ``[i]`` of a sequence or a queue, ``!`` the value of an optional
    one and ``?`` that there is one, ``#`` the length of a sequence, ``@`` that an entry is there, ``^`` the priority of an
    entry, ``:i`` a bit of a number. Fields are identifiers and keys are written by `label`, so neither holds a mark, the
    way can be read back from the name, and two bits never have one name. What is known of bits is kept by their names,
    and z3 knows them by nothing else: two bits of one name would be one bit there, and what is "proved" false.
    """

    def __init__(self, algebra: Algebra, known: Mapping[str, int | str] | None = None) -> None:
        self.algebra = algebra
        self.circuit = algebra.circuit
        self.constraints: list[int] = []
        self._known = known or {}
        """Bits that are known to be constant (0 or 1), or equal to the bit of another name that was made before."""
        self._made: dict[str, int] = {}

    def value(self, shape: Shape, name: str, used: int = TRUE) -> Value:
        """A value of `shape` from inputs named after `name`; all of its bits are zero where `used` does not hold."""
        either = self.circuit.either
        if isinstance(shape, BoolShape):
            return Bool(self._bit(name, used))
        if isinstance(shape, IntShape):
            return self._integer(shape, name, used)
        if isinstance(shape, OptionShape):
            present = self._bit(f"{name}?", used)
            return Option(present, self.value(shape.inner, f"{name}!", present))
        if isinstance(shape, SeqShape):
            length = self._integer(IntShape(shape.limit if shape.exact else 0, shape.limit), f"{name}#", used)
            items = []
            for i in range(shape.limit):
                within = used if shape.exact else self.algebra.less(self.algebra.number(i), length)
                items.append(self.value(shape.inner, f"{name}[{i}]", within))
            return Seq(length, tuple(items))
        if isinstance(shape, RecordShape):
            return Rec(shape.names, tuple(self.value(field, f"{name}.{of}", used) for of, field in shape.fields))
        if isinstance(shape, MapShape):
            return MapValue(shape, tuple(self.value(shape.value, f"{name}[{label(key)}]") for key in shape.keys))
        if isinstance(shape, PartialMapShape):
            places = [f"{name}[{label(key)}]" for key in shape.keys]
            bits = tuple(self._bit(f"{place}@", TRUE) for place in places)
            values = [self.value(shape.value, place, bit) for place, bit in zip(places, bits, strict=True)]
            return PartialMapValue(shape, bits, tuple(values))
        if isinstance(shape, SetShape):
            return SetValue(shape, tuple(self._bit(f"{name}[{label(key)}]", TRUE) for key in shape.keys))
        assert isinstance(shape, QueueShape)
        valid = tuple(self._bit(f"{name}[{i}]@", TRUE) for i in range(shape.capacity))
        queued = tuple(self._integer(shape.item, f"{name}[{i}]", valid[i]) for i in range(shape.capacity))
        priorities = tuple(self._integer(shape.priority, f"{name}[{i}]^", valid[i]) for i in range(shape.capacity))
        for i, j in pairwise(range(shape.capacity)):
            self.constraints.append(either(valid[j] ^ 1, valid[i]))
            self.constraints.append(either(valid[j] ^ 1, self.algebra.at_most(priorities[i], priorities[j])))
        for j in range(shape.capacity):
            for i in range(j):
                self.constraints.append(either(valid[j] ^ 1, self.algebra.equal_int(queued[i], queued[j]) ^ 1))
        return QueueValue(shape, valid, queued, priorities)

    def _bit(self, name: str, used: int) -> int:
        known = self._known.get(name)
        if known is None:
            bit = self.circuit.input(name)
        else:
            bit = self._made[known] if isinstance(known, str) else known
        self._made[name] = bit
        if used != TRUE:
            self.constraints.append(self.circuit.either(used, bit ^ 1))
        return bit

    def _integer(self, shape: IntShape, name: str, used: int) -> Int:
        size = width(shape.low, shape.high)
        bits = tuple(self._bit(f"{name}:{i}", used) for i in range(size))
        if size == 0:
            return self.algebra.number(shape.low)
        algebra = self.algebra
        raw = Int(bits, -(1 << size - 1), (1 << size - 1) - 1) if shape.low < 0 else Int(bits, 0, (1 << size) - 1)
        fits = self.circuit.both(
            algebra.at_most(algebra.number(shape.low), raw), algebra.at_most(raw, algebra.number(shape.high))
        )
        if fits != TRUE:
            self.constraints.append(self.circuit.either(used ^ 1, fits))
        kept = shape if used == TRUE else shape.with_zero()
        return algebra.integer(bits, kept.low, kept.high)


def label(key: Any) -> str:
    """How a key reads in the name of a bit: different keys of one container differently.

    A member of an enumeration is written by its name where that is an identifier, else by its number, which no name is.
    """
    if isinstance(key, tuple):
        return "(" + "".join(f"{label(element)}," for element in key) + ")"
    if isinstance(key, Enum):
        return key.name if key.name.isidentifier() else str(int(key.value))
    if isinstance(key, bool | int | None):
        return str(key)
    raise TypeError(f"{key!r} is no key: keys are numbers, truth values, enumerations, None and tuples of them")


def encoded(algebra: Algebra, shape: Shape, value: Any) -> Value:
    """The constant for a concrete value: a scalar, or a container in the form that `snapshot` gives."""
    if isinstance(shape, MapShape):
        return MapValue(shape, tuple(encoded(algebra, shape.value, part) for part in value))
    if isinstance(shape, PartialMapShape):
        known = dict(value)
        unknown = set(known) - set(shape.keys)
        if unknown:
            raise ValueError(f"{sorted(unknown)} cannot be keys of {shape}")
        zero = algebra.zero(shape.value)
        items = [encoded(algebra, shape.value, known[key]) if key in known else zero for key in shape.keys]
        return PartialMapValue(shape, tuple(TRUE if key in known else FALSE for key in shape.keys), tuple(items))
    if isinstance(shape, SetShape):
        return SetValue(shape, tuple(TRUE if key in value else FALSE for key in shape.keys))
    if isinstance(shape, QueueShape):
        entries = list(value)
        padding = [algebra.number(0)] * (shape.capacity - len(entries))
        return QueueValue(
            shape,
            tuple(TRUE if i < len(entries) else FALSE for i in range(shape.capacity)),
            tuple([algebra.number(int(item)) for item, _ in entries] + padding),
            tuple([algebra.number(int(priority)) for _, priority in entries] + padding),
        )
    if isinstance(shape, RecordShape):
        parts = [value[name] for name in shape.names] if isinstance(value, dict) else value
        fields = zip(shape.fields, parts, strict=True)
        return Rec(shape.names, tuple(encoded(algebra, field, part) for (_, field), part in fields))
    if isinstance(shape, OptionShape) and value is not None and isinstance(shape.inner, RecordShape | SeqShape):
        return Option(TRUE, encoded(algebra, shape.inner, value))
    if isinstance(shape, SeqShape) and isinstance(shape.inner, RecordShape | OptionShape | SeqShape):
        if not (len(value) == shape.limit if shape.exact else len(value) <= shape.limit):
            raise ValueError(f"{value!r} is not a value of {shape}")
        return Seq(algebra.number(len(value)), tuple(encoded(algebra, shape.inner, part) for part in value))
    stored, fits = algebra.fitted(algebra.constant(value), shape)
    if fits != TRUE:
        raise ValueError(f"{value!r} is not a value of {shape}")
    return stored


def layout(algebra: Algebra, shape: Shape, value: Value) -> list[int]:
    """The literals of `value`, in an order and number that depend on `shape` alone (as `Freshness` makes them)."""
    return list(_bits(algebra, shape, value))


def _bits(algebra: Algebra, shape: Shape, value: Value | None) -> Iterable[int]:
    if isinstance(shape, BoolShape):
        yield value.bit if isinstance(value, Bool) else FALSE
    elif isinstance(shape, IntShape):
        size = width(shape.low, shape.high)
        yield from algebra.extended(value, size) if isinstance(value, Int) else (FALSE,) * size
    elif isinstance(shape, OptionShape):
        option = value if isinstance(value, Option) else Option(FALSE, None) if value is None else Option(TRUE, value)
        yield option.present
        yield from _bits(algebra, shape.inner, option.value)
    elif isinstance(shape, SeqShape):
        sequence = value if isinstance(value, Seq) else None
        length = IntShape(shape.limit if shape.exact else 0, shape.limit)
        yield from _bits(algebra, length, sequence.length if sequence else None)
        for i in range(shape.limit):
            has = sequence is not None and i < len(sequence.items)
            yield from _bits(algebra, shape.inner, sequence.items[i] if sequence is not None and has else None)
    elif isinstance(shape, RecordShape):
        for i, (_, field) in enumerate(shape.fields):
            yield from _bits(algebra, field, value.items[i] if isinstance(value, Rec) else None)
    elif isinstance(shape, MapShape):
        assert isinstance(value, MapValue)
        for item in value.items:
            yield from _bits(algebra, shape.value, item)
    elif isinstance(shape, PartialMapShape):
        assert isinstance(value, PartialMapValue)
        yield from value.present
        for item in value.items:
            yield from _bits(algebra, shape.value, item)
    elif isinstance(shape, SetShape):
        assert isinstance(value, SetValue)
        yield from value.bits
    else:
        assert isinstance(shape, QueueShape)
        assert isinstance(value, QueueValue)
        yield from value.valid
        for item in value.items:
            yield from _bits(algebra, shape.item, item)
        for priority in value.priorities:
            yield from _bits(algebra, shape.priority, priority)


def decoded(algebra: Algebra, shape: Shape, value: Value | None, read: Reading, named: bool = False) -> Any:
    """The concrete value under an assignment: the inverse of `encoded`.

    Records are tuples of their fields, as in a snapshot, or (`named`) dicts, as in the arguments of an operation.
    """
    if isinstance(value, Option) and not isinstance(shape, OptionShape):
        return decoded(algebra, shape, value.value, read, named) if read(value.present) else None
    if isinstance(shape, BoolShape):
        assert isinstance(value, Bool)
        return read(value.bit)
    if isinstance(shape, IntShape):
        assert isinstance(value, Int)
        return number(value, shape, read)
    if isinstance(shape, OptionShape):
        if isinstance(value, Option):
            return decoded(algebra, shape.inner, value.value, read, named) if read(value.present) else None
        return decoded(algebra, shape.inner, value, read, named)
    if isinstance(shape, RecordShape):
        assert isinstance(value, Rec)
        pairs = zip(value.items, shape.fields, strict=True)
        parts = tuple(decoded(algebra, field, item, read, named) for item, (_, field) in pairs)
        return dict(zip(shape.names, parts, strict=True)) if named else parts
    if isinstance(shape, IntegerShape):
        assert isinstance(value, Int)
        return number(value, IntShape(value.low, value.high), read)
    if isinstance(shape, SeqShape):
        assert isinstance(value, Seq)
        length = number(value.length, IntShape(0, shape.limit), read)
        return tuple(decoded(algebra, shape.inner, item, read, named) for item in value.items[:length])
    if isinstance(shape, MapShape):
        assert isinstance(value, MapValue)
        return tuple(decoded(algebra, shape.value, item, read) for item in value.items)
    if isinstance(shape, PartialMapShape):
        assert isinstance(value, PartialMapValue)
        entries = zip(shape.keys, value.present, value.items, strict=True)
        return tuple((key, decoded(algebra, shape.value, item, read)) for key, bit, item in entries if read(bit))
    if isinstance(shape, SetShape):
        assert isinstance(value, SetValue)
        return tuple(key for key, bit in zip(shape.keys, value.bits, strict=True) if read(bit))
    assert isinstance(shape, QueueShape)
    assert isinstance(value, QueueValue)
    return tuple(
        (number(item, shape.item, read), number(priority, shape.priority, read))
        for bit, item, priority in zip(value.valid, value.items, value.priorities, strict=True)
        if read(bit)
    )


def concrete(value: Value, read: Reading) -> Any:
    """The value under an assignment, of whatever type it is: enumerations as numbers, records as dicts."""
    if isinstance(value, Bool):
        return read(value.bit)
    if isinstance(value, Option):
        return None if value.value is None or not read(value.present) else concrete(value.value, read)
    if isinstance(value, Rec):
        return {name: concrete(item, read) for name, item in zip(value.names, value.items, strict=True)}
    if isinstance(value, Seq):
        return tuple(concrete(item, read) for item in value.items[: concrete(value.length, read)])
    assert isinstance(value, Int)
    return number(value, IntShape(value.low, value.high), read)


def number(value: Int, shape: IntShape, read: Reading) -> Any:
    """The concrete integer (or enumeration member) under an assignment."""
    total = sum(1 << i for i, bit in enumerate(value.bits) if read(bit))
    if value.low < 0 and value.bits and read(value.bits[-1]):
        total -= 1 << len(value.bits)
    return shape.enum(total) if shape.enum is not None and total in shape.enum.__members__.values() else total
