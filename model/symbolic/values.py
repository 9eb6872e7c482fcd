"""Symbolic scalars over a circuit: booleans, integers, optional values and bounded sequences.

All forms are canonical (unused places are zero), so that equal values have equal bits: equality of states is bitwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.integers import Int, Integers, Value, width
from kvproof.model.symbolic.shapes import BoolShape, IntegerShape, IntShape, OptionShape, RecordShape, SeqShape, Shape


@attrs.frozen(eq=False)
class Bool(Value):
    """A truth value: one literal."""

    bit: int


@attrs.frozen(eq=False)
class Option(Value):
    """`value` where `present` holds, else None. `value` is None (of Python) when no inner value was ever seen."""

    present: int
    value: Value | None


@attrs.frozen(eq=False)
class Seq(Value):
    """A sequence: the first `length` of `items`; the others are zero."""

    length: Int
    items: tuple[Value, ...]


@attrs.frozen(eq=False)
class Rec(Value):
    """A record: `items[i]` is the field `names[i]`."""

    names: tuple[str, ...]
    items: tuple[Value, ...]

    def field(self, name: str) -> Value:
        """The value of one field."""
        return self.items[self.names.index(name)]


NONE = Option(FALSE, None)
EMPTY = Seq(Int((), 0, 0), ())


class Algebra(Integers):
    """Operations on symbolic scalars of every kind."""

    def constant(self, value: Any) -> Value:
        """The symbolic form of a Python constant (bool, int, enumeration member, None or tuple of such)."""
        if isinstance(value, bool):
            return Bool(TRUE if value else FALSE)
        if isinstance(value, int):
            return self.number(int(value))
        if value is None:
            return NONE
        if isinstance(value, tuple):
            return Seq(self.number(len(value)), tuple(self.constant(element) for element in value))
        raise TypeError(f"{value!r} has no symbolic form")

    def as_int(self, value: Value) -> Int:
        """`value` as a number; booleans count 0 and 1."""
        if isinstance(value, Int):
            return value
        if isinstance(value, Bool):
            return self.integer((value.bit,), 0, 1)
        raise TypeError(f"{type(value).__name__} is not a number")

    def equal(self, a: Value, b: Value) -> int:
        """The literal a == b, with Python's meaning (None equals only None; sequences elementwise)."""
        circuit = self.circuit
        if a is b:
            return TRUE
        if isinstance(a, Option) or isinstance(b, Option):
            return self._equal_options(a, b)
        if isinstance(a, Seq) and isinstance(b, Seq):
            common = min(len(a.items), len(b.items))
            parts = [self.equal(a.length, b.length)]
            parts += [self.equal(a.items[i], b.items[i]) for i in range(common)]
            return circuit.all(parts)
        if isinstance(a, Rec) and isinstance(b, Rec):
            return circuit.all([self.equal(x, y) for x, y in zip(a.items, b.items, strict=True)])
        if isinstance(a, Bool) and isinstance(b, Bool):
            return circuit.equal(a.bit, b.bit)
        if isinstance(a, Bool | Int) and isinstance(b, Bool | Int):
            return self.equal_int(self.as_int(a), self.as_int(b))
        raise TypeError(f"{type(a).__name__} and {type(b).__name__} cannot be compared")

    def _equal_options(self, a: Value, b: Value) -> int:
        circuit = self.circuit
        a_present, a_value = (a.present, a.value) if isinstance(a, Option) else (TRUE, a)
        b_present, b_value = (b.present, b.value) if isinstance(b, Option) else (TRUE, b)
        same = TRUE
        if a_value is not None and b_value is not None:
            same = self.equal(a_value, b_value)
        both_absent = circuit.both(a_present ^ 1, b_present ^ 1)
        both_present = circuit.both(a_present, b_present)
        if a_value is None or b_value is None:
            return both_absent
        return circuit.either(both_absent, circuit.both(both_present, same))

    def mux(self, condition: int, then: Value, otherwise: Value) -> Value:
        """`then` where `condition` holds, else `otherwise`; kinds that differ are joined (a number and None, say)."""
        if then is otherwise or condition == TRUE:
            return then
        if condition == FALSE:
            return otherwise
        circuit = self.circuit
        if isinstance(then, Bool) and isinstance(otherwise, Bool):
            return Bool(circuit.mux(condition, then.bit, otherwise.bit))
        if isinstance(then, Bool | Int) and isinstance(otherwise, Bool | Int):
            return self.mux_int(condition, self.as_int(then), self.as_int(otherwise))
        if isinstance(then, Option) or isinstance(otherwise, Option):
            x_option = then if isinstance(then, Option) else Option(TRUE, then)
            y_option = otherwise if isinstance(otherwise, Option) else Option(TRUE, otherwise)
            present = circuit.mux(condition, x_option.present, y_option.present)
            if x_option.value is None and y_option.value is None:
                return Option(present, None)
            filler = x_option.value if x_option.value is not None else y_option.value
            assert filler is not None
            zero = self.zero_like(filler)
            x_value = x_option.value if x_option.value is not None else zero
            y_value = y_option.value if y_option.value is not None else zero
            return Option(present, self.mux(condition, x_value, y_value))
        if isinstance(then, Seq) and isinstance(otherwise, Seq):
            length = self.mux(condition, then.length, otherwise.length)
            assert isinstance(length, Int)
            items = []
            for i in range(length.high):
                x_item = then.items[i] if i < len(then.items) else self.zero_like(otherwise.items[i])
                y_item = otherwise.items[i] if i < len(otherwise.items) else self.zero_like(x_item)
                items.append(self.mux(condition, x_item, y_item))
            return Seq(length, tuple(items))
        if isinstance(then, Rec) and isinstance(otherwise, Rec):
            pairs = zip(then.items, otherwise.items, strict=True)
            return Rec(then.names, tuple(self.mux(condition, x, y) for x, y in pairs))
        raise TypeError(f"{type(then).__name__} and {type(otherwise).__name__} have no common form")

    def zero_like(self, value: Value) -> Value:
        """What stands in a place for such a value that holds none: all bits zero."""
        if isinstance(value, Bool):
            return Bool(FALSE)
        if isinstance(value, Int):
            return self.number(0)
        if isinstance(value, Option):
            return NONE
        if isinstance(value, Rec):
            return Rec(value.names, tuple(self.zero_like(item) for item in value.items))
        assert isinstance(value, Seq)
        return EMPTY

    def zero(self, shape: Shape) -> Value:
        """What stands in a place for values of `shape` that holds none."""
        if isinstance(shape, BoolShape):
            return Bool(FALSE)
        if isinstance(shape, IntShape | IntegerShape):
            return self.number(0)
        if isinstance(shape, OptionShape):
            return NONE
        if isinstance(shape, RecordShape):
            return Rec(shape.names, tuple(self.zero(field) for _, field in shape.fields))
        assert isinstance(shape, SeqShape)
        return EMPTY

    def masked(self, condition: int, value: Value) -> Value:
        """`value` where `condition` holds, else zero."""
        return self.mux(condition, value, self.zero_like(value))

    def select(self, conditions: Sequence[int], values: Sequence[Value]) -> Value:
        """The value whose condition holds; exactly one does (or the result does not matter)."""
        pairs = [(c, v) for c, v in zip(conditions, values, strict=True) if c != FALSE]
        if not pairs:
            return values[0]
        if len(pairs) == 1 or pairs[0][0] == TRUE:
            return pairs[0][1]
        first = pairs[0][1]
        if all(value is first for _, value in pairs):
            return first
        if all(isinstance(value, Bool) for _, value in pairs):
            return Bool(self.select_bit([(c, v.bit) for c, v in pairs if isinstance(v, Bool)]))
        if all(isinstance(value, Int) for _, value in pairs):
            return self.select_int([(c, v) for c, v in pairs if isinstance(v, Int)])
        if all(isinstance(value, Option) for _, value in pairs):
            options = [(c, v) for c, v in pairs if isinstance(v, Option)]
            present = self.select_bit([(c, v.present) for c, v in options])
            inner = [(c, v.value) for c, v in options if v.value is not None]
            if not inner:
                return Option(present, None)
            if len(inner) < len(options):
                zero = self.zero_like(inner[0][1])
                inner = [(c, v.value if v.value is not None else zero) for c, v in options]
            return Option(present, self.select([c for c, _ in inner], [v for _, v in inner]))
        if isinstance(first, Rec) and all(isinstance(value, Rec) for _, value in pairs):
            records = [(c, v) for c, v in pairs if isinstance(v, Rec)]
            chosen = [c for c, _ in records]
            columns = zip(*(v.items for _, v in records), strict=True)
            return Rec(first.names, tuple(self.select(chosen, column) for column in columns))
        result = pairs[-1][1]
        for condition, value in reversed(pairs[:-1]):
            result = self.mux(condition, value, result)
        return result

    def matches(self, value: Value, constant: Any) -> int:
        """The literal `value` == a Python constant, with shared decoders: for keys of containers."""
        if isinstance(value, Option):
            if constant is None:
                return value.present ^ 1
            if value.value is None:
                return FALSE
            return self.circuit.both(value.present, self.matches(value.value, constant))
        if constant is None:
            return FALSE
        if isinstance(value, Bool):
            return value.bit ^ (0 if constant else 1)
        if isinstance(value, Int):
            return self.decode(value).get(int(constant), FALSE)
        assert isinstance(value, Seq)
        if len(constant) > len(value.items):
            return FALSE
        parts = [self.matches(value.length, len(constant))]
        parts += [self.matches(value.items[i], element) for i, element in enumerate(constant)]
        return self.circuit.all(parts)

    def fitted(self, value: Value, shape: Shape) -> tuple[Value, int]:
        """`value` in the form of a declared type, and the literal that it belongs to the type."""
        if isinstance(shape, BoolShape) and isinstance(value, Bool):
            return value, TRUE
        if isinstance(value, Option) and not isinstance(shape, OptionShape):
            if value.value is None:
                return self.zero(shape), FALSE
            inner, fits = self.fitted(value.value, shape)
            return inner, self.circuit.both(value.present, fits)
        if isinstance(shape, IntShape) and isinstance(value, Int):
            low, high = self.number(shape.low), self.number(shape.high)
            fits = self.circuit.both(self.at_most(low, value), self.at_most(value, high))
            if shape.low <= value.low and value.high <= shape.high:
                return value, TRUE
            bits = self.extended(value, width(shape.low, shape.high))
            return self.integer(bits, shape.low, shape.high), fits
        if isinstance(shape, OptionShape):
            if not isinstance(value, Option):
                inner, fits = self.fitted(value, shape.inner)
                return Option(TRUE, inner), fits
            if value.value is None:
                return value, TRUE
            inner, fits = self.fitted(value.value, shape.inner)
            return Option(value.present, self.masked(value.present, inner)), self.circuit.either(
                value.present ^ 1, fits
            )
        if isinstance(shape, SeqShape) and isinstance(value, Seq):
            return self._fitted_sequence(value, shape)
        if isinstance(shape, RecordShape) and isinstance(value, Rec):
            parts = [self.fitted(item, field) for item, (_, field) in zip(value.items, shape.fields, strict=True)]
            return Rec(value.names, tuple(part for part, _ in parts)), self.circuit.all([fits for _, fits in parts])
        if isinstance(shape, IntegerShape) and isinstance(value, Int):
            return value, TRUE
        raise TypeError(f"a {type(value).__name__.lower()} cannot be stored as {shape}")

    def _fitted_sequence(self, value: Seq, shape: SeqShape) -> tuple[Value, int]:
        circuit = self.circuit
        length, fits = self.fitted(value.length, IntShape(shape.limit if shape.exact else 0, shape.limit))
        assert isinstance(length, Int)
        items = []
        for i, item in enumerate(value.items[: shape.limit]):
            stored, item_fits = self.fitted(item, shape.inner)
            used = self.less(self.number(i), value.length)
            items.append(self.masked(used, stored))
            fits = circuit.both(fits, circuit.either(used ^ 1, item_fits))
        items += [self.zero(shape.inner)] * (length.high - len(items))  # of a length that does not fit
        return Seq(length, tuple(items[: length.high])), fits
