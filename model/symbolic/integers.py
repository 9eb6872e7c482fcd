"""Symbolic integers over a circuit: binary, each with the interval in which it lies.

Integers never overflow: arithmetic widens the interval and the bits with it, and only storing a value into a declared
type can fail, which the lowering turns into an obligation. A value outside its interval can only arise after an
obligation failed on the same path; what such values become is arbitrary, and nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from kvproof.model.symbolic.circuit import FALSE, TRUE, Circuit


class Value:
    """A symbolic value."""

    __slots__ = ()


@attrs.frozen(eq=False)
class Int(Value):
    """An integer from low to high: binary, least significant bit first, two's complement when low is negative."""

    bits: tuple[int, ...]
    low: int
    high: int


LARGEST_TABLE = 4096
"""The widest interval that is split into its single numbers."""


def width(low: int, high: int) -> int:
    """Bits that an integer from `low` to `high` takes."""
    if low >= 0:
        return high.bit_length()
    return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1


class Integers:
    """Arithmetic, comparison and selection of symbolic integers; all build into one circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._decoded: dict[tuple[tuple[int, ...], int, int], dict[int, int]] = {}
        self._thermometers: dict[tuple[tuple[int, ...], int, int], tuple[int, ...]] = {}

    def number(self, value: int) -> Int:
        """A constant integer."""
        return Int(tuple(value >> i & 1 for i in range(width(value, value))), value, value)

    def integer(self, bits: Sequence[int], low: int, high: int) -> Int:
        """An integer with these bits, known to lie between `low` and `high`; constant bits tighten the interval."""
        if low >= 0:
            known_low = known_high = 0
            for i, bit in enumerate(bits):
                if bit:
                    known_high |= 1 << i
                    if bit == TRUE:
                        known_low |= 1 << i
            low, high = max(low, known_low), min(high, known_high)
            if low > high:
                low, high = known_low, known_high
            return Int(tuple(bits[: high.bit_length()]), low, high)
        size = width(low, high)
        if bits[size - 1] == FALSE:
            return self.integer(bits[: size - 1], 0, max(high, 0))
        if all(bit < 2 for bit in bits[:size]):
            return self.number(sum(bit << i for i, bit in enumerate(bits[: size - 1])) - (1 << size - 1))
        return Int(tuple(bits[:size]), low, high)

    def extended(self, value: Int, size: int) -> tuple[int, ...]:
        """The low `size` bits of `value` in two's complement (or unsigned, when it cannot be negative)."""
        bits = value.bits
        if len(bits) >= size:
            return bits[:size]
        return bits + (bits[-1] if value.low < 0 else FALSE,) * (size - len(bits))

    def add(self, a: Int, b: Int) -> Int:
        """a + b."""
        return self._sum(a, b, FALSE, a.low + b.low, a.high + b.high)

    def subtract(self, a: Int, b: Int) -> Int:
        """a - b."""
        return self._sum(a, b, TRUE, a.low - b.high, a.high - b.low)

    def _sum(self, a: Int, b: Int, minus: int, low: int, high: int) -> Int:
        circuit = self.circuit
        size = max(width(low, high), width(a.low, a.high), width(b.low, b.high)) + 1
        carry = minus
        result = []
        for x, y in zip(self.extended(a, size), self.extended(b, size), strict=True):
            y ^= minus
            half = circuit.xor(x, y)
            result.append(circuit.xor(half, carry))
            carry = circuit.mux(half, carry, x)
        return self.integer(result[: width(low, high)], low, high)

    def multiply(self, a: Int, b: Int) -> Int:
        """a * b; one of them is constant or both are small."""
        if a.low == a.high:
            a, b = b, a
        if b.low == b.high:
            return self._constant_multiple(a, b.low)
        chosen = self.decode(a)
        return self.select_int([(chosen[value], self._constant_multiple(b, value)) for value in chosen])

    def _constant_multiple(self, a: Int, factor: int) -> Int:
        total = self.number(0)
        for i in range(abs(factor).bit_length()):
            if abs(factor) >> i & 1:
                shifted = Int((FALSE,) * i + a.bits, a.low << i, a.high << i) if a.bits else a
                total = self.add(total, shifted)
        return total if factor >= 0 else self.subtract(self.number(0), total)

    def floor_divide(self, a: Int, b: Int) -> Int:
        """a // b for a constant positive b."""
        divisor = self._divisor(b)
        if a.low >= 0 and divisor & (divisor - 1) == 0:
            return self.integer(a.bits[divisor.bit_length() - 1 :], a.low // divisor, a.high // divisor)
        return self._tabulated(a, {v: v // divisor for v in self.decode(a)})

    def modulo(self, a: Int, b: Int) -> Int:
        """a % b for a constant positive b."""
        divisor = self._divisor(b)
        if a.low >= 0 and divisor & (divisor - 1) == 0:
            return self.integer(a.bits[: divisor.bit_length() - 1], 0, min(divisor - 1, a.high))
        return self._tabulated(a, {v: v % divisor for v in self.decode(a)})

    def _divisor(self, b: Int) -> int:
        if b.low != b.high or b.low <= 0:
            raise ValueError(f"a divisor must be a positive constant or parameter, this one lies in {b.low}..{b.high}")
        return b.low

    def _tabulated(self, a: Int, table: Mapping[int, int]) -> Int:
        chosen = self.decode(a)
        return self.select_int([(chosen[v], self.number(result)) for v, result in table.items()])

    def less(self, a: Int, b: Int) -> int:
        """The literal a < b."""
        if a.high < b.low:
            return TRUE
        if a.low >= b.high:
            return FALSE
        circuit = self.circuit
        if self._thermometers:
            marks = self._thermometers.get((a.bits, a.low, a.high))
            if marks is not None and b.low == b.high:
                return marks[b.low] ^ 1
            marks = self._thermometers.get((b.bits, b.low, b.high))
            if marks is not None and a.low == a.high:
                return marks[a.low + 1]
        signed = a.low < 0 or b.low < 0
        size = max(len(a.bits), len(b.bits)) + (1 if signed else 0)
        pairs = list(zip(self.extended(a, size), self.extended(b, size), strict=True))
        if signed:
            pairs[-1] = (pairs[-1][1], pairs[-1][0])
        result = FALSE
        for x, y in pairs:
            result = circuit.mux(circuit.xor(x, y), y, result)
        return result

    def at_most(self, a: Int, b: Int) -> int:
        """The literal a <= b."""
        return self.less(b, a) ^ 1

    def minimum(self, a: Int, b: Int) -> Int:
        """The smaller of a and b."""
        return self._within(self.mux_int(self.less(b, a), b, a), min(a.low, b.low), min(a.high, b.high))

    def maximum(self, a: Int, b: Int) -> Int:
        """The larger of a and b."""
        return self._within(self.mux_int(self.less(a, b), b, a), max(a.low, b.low), max(a.high, b.high))

    def _within(self, value: Int, low: int, high: int) -> Int:
        """`value`, known to lie between `low` and `high`: its bits may be fewer than such an integer has."""
        return self.integer(self.extended(value, width(low, high)), low, high)

    def count(self, literals: Sequence[int]) -> Int:
        """How many of `literals` hold."""
        return self.total([self.integer((literal,), 0, 1) for literal in literals])

    def total(self, numbers: Sequence[Int]) -> Int:
        """The sum of `numbers`."""
        layer = list(numbers)
        while len(layer) > 1:
            pairs = [self.add(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
            layer = pairs + ([layer[-1]] if len(layer) & 1 else [])
        return layer[0] if layer else self.number(0)

    def from_thermometer(self, literals: Sequence[int]) -> Int:
        """How many of `literals` hold, given that those that hold come first: comparisons then look at one of them."""
        both = self.circuit.both
        marks = (TRUE, *literals, FALSE)
        result = self.select_int([(both(marks[n], marks[n + 1] ^ 1), self.number(n)) for n in range(len(literals) + 1)])
        if result.low != result.high:
            key = (result.bits, result.low, result.high)
            self._thermometers[key] = marks
            self._decoded[key] = {n: both(marks[n], marks[n + 1] ^ 1) for n in range(result.low, result.high + 1)}
        return result

    def decode(self, value: Int) -> dict[int, int]:
        """For each number that `value` may be, the literal that it is this one. Built once for equal bits.

        Uses that the value lies in its interval: of 5 in 0..5, two of the three bits are looked at.
        """
        key = (value.bits, value.low, value.high)
        known = self._decoded.get(key)
        if known is None:
            if value.high - value.low >= LARGEST_TABLE:
                raise ValueError(
                    f"an integer of {value.low}..{value.high} would be split into {value.high - value.low + 1} cases, "
                    f"at most {LARGEST_TABLE} are supported: choose smaller parameters"
                )
            known = {}
            self._split(value.bits, len(value.bits) - 1, list(range(value.low, value.high + 1)), TRUE, known)
            known = {number: known[number] for number in range(value.low, value.high + 1)}
            self._decoded[key] = known
        return known

    def _split(self, bits: tuple[int, ...], top: int, numbers: list[int], path: int, into: dict[int, int]) -> None:
        if len(numbers) == 1:
            into[numbers[0]] = path
            return
        ones = [n for n in numbers if n >> top & 1]
        zeros = [n for n in numbers if not n >> top & 1]
        if ones and zeros:
            self._split(bits, top - 1, zeros, self.circuit.both(path, bits[top] ^ 1), into)
            self._split(bits, top - 1, ones, self.circuit.both(path, bits[top]), into)
        else:
            self._split(bits, top - 1, numbers, path, into)

    def select_bit(self, pairs: Sequence[tuple[int, int]]) -> int:
        """The literal whose condition holds: equal literals share a gate, and two distinct ones make a multiplexer."""
        groups: dict[int, list[int]] = {}
        for condition, bit in pairs:
            groups.setdefault(bit, []).append(condition)
        circuit = self.circuit
        if len(groups) == 1:
            return next(iter(groups))
        if len(groups) == 2:
            (x, x_conditions), (y, y_conditions) = groups.items()
            if len(x_conditions) > len(y_conditions):
                x, x_conditions, y = y, y_conditions, x
            return circuit.mux(circuit.any(x_conditions), x, y)
        return circuit.any([circuit.both(circuit.any(c), bit) for bit, c in groups.items() if bit != FALSE])

    def select_int(self, pairs: Sequence[tuple[int, Int]]) -> Int:
        """The number whose condition holds; exactly one does (or the result does not matter)."""
        low, high = min(v.low for _, v in pairs), max(v.high for _, v in pairs)
        size = width(low, high)
        columns = [(c, self.extended(v, size)) for c, v in pairs]
        return self.integer([self.select_bit([(c, v[i]) for c, v in columns]) for i in range(size)], low, high)

    def mux_int(self, condition: int, x: Int, y: Int) -> Int:
        """x where `condition` holds, else y."""
        low, high = min(x.low, y.low), max(x.high, y.high)
        size = width(low, high)
        mux = self.circuit.mux
        pairs = zip(self.extended(x, size), self.extended(y, size), strict=True)
        return self.integer([mux(condition, p, q) for p, q in pairs], low, high)

    def equal_int(self, x: Int, y: Int) -> int:
        """The literal x == y."""
        if x.high < y.low or y.high < x.low:
            return FALSE
        if self._thermometers:
            for one, other in ((x, y), (y, x)):
                if one.low == one.high and (other.bits, other.low, other.high) in self._thermometers:
                    return self.decode(other).get(one.low, FALSE)
        size = max(len(x.bits), len(y.bits)) + (1 if (x.low < 0) != (y.low < 0) else 0)
        equal = self.circuit.equal
        pairs = zip(self.extended(x, size), self.extended(y, size), strict=True)
        return self.circuit.all([equal(p, q) for p, q in pairs])
