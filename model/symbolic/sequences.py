"""Python's sequence operations on symbolic sequences: concatenation, subscripts, slices, membership."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.values import EMPTY, Algebra, Seq


def concatenated(algebra: Algebra, a: Seq, b: Seq) -> Seq:
    """a + b."""
    length = algebra.add(a.length, b.length)
    offsets = algebra.decode(a.length)
    items = []
    for j in range(length.high):
        cases: list[Value] = []
        for n in offsets:
            if j < n:
                cases.append(a.items[j])
            elif j - n < len(b.items):
                cases.append(b.items[j - n])
            else:
                cases.append(algebra.zero_like((a.items + b.items)[0]))
        items.append(algebra.select(list(offsets.values()), cases))
    return Seq(length, tuple(items))


def gathered(algebra: Algebra, cases: Sequence[tuple[int, Value]]) -> Seq:
    """The values whose conditions hold, in order."""
    found = EMPTY
    for condition, value in cases:
        if condition != FALSE:
            one = algebra.integer((condition,), 0, 1) if condition != TRUE else algebra.number(1)
            found = concatenated(algebra, found, Seq(one, (algebra.masked(condition, value),)))
    return found


def element(algebra: Algebra, sequence: Seq, index: Int) -> tuple[Value | None, int]:
    """sequence[index] and the literal that it exists. A negative index counts from the end."""
    if index.low < 0:
        from_end = algebra.add(sequence.length, index)
        negative = algebra.less(index, algebra.number(0))
        index = algebra.mux_int(negative, from_end, algebra.maximum(index, algebra.number(0)))
    exists = algebra.circuit.both(algebra.less(index, sequence.length), algebra.at_most(algebra.number(0), index))
    cases = {n: literal for n, literal in algebra.decode(index).items() if 0 <= n < len(sequence.items)}
    if not cases:
        return None, exists
    return algebra.select(list(cases.values()), [sequence.items[n] for n in cases]), exists


def sliced(algebra: Algebra, sequence: Seq, start: Int | None, stop: Int | None) -> Seq:
    """sequence[start:stop]: both ends are positions in `sequence`, from its end when they are negative."""
    first = None if start is None else _position(algebra, sequence, start)
    if stop is not None:
        sequence = prefix(algebra, sequence, stop)
    return sequence if first is None else suffix(algebra, sequence, first)


def prefix(algebra: Algebra, sequence: Seq, stop: Int) -> Seq:
    """sequence[:stop]; a negative stop counts from the end."""
    stop = _position(algebra, sequence, stop)
    if sequence.length.high <= stop.low:
        return sequence
    length = algebra.minimum(sequence.length, stop)
    items = sequence.items[: length.high]
    return Seq(length, tuple(algebra.masked(algebra.less(algebra.number(i), stop), v) for i, v in enumerate(items)))


def suffix(algebra: Algebra, sequence: Seq, start: Int) -> Seq:
    """sequence[start:]; a negative start counts from the end."""
    start = _position(algebra, sequence, start)
    if start.low == start.high == 0:
        return sequence
    zero = algebra.number(0)
    length = algebra.maximum(algebra.subtract(sequence.length, start), zero)
    offsets = algebra.decode(start)
    items: list[Value] = []
    for j in range(length.high):
        cases = [
            sequence.items[j + n] if j + n < len(sequence.items) else algebra.zero_like(sequence.items[j])
            for n in offsets
        ]
        items.append(algebra.select(list(offsets.values()), cases))
    return Seq(length, tuple(items)) if items else EMPTY


def _position(algebra: Algebra, sequence: Seq, index: Int) -> Int:
    """A slice's end as a position: from the end when it is negative, cut at 0."""
    if index.low >= 0:
        return index
    zero = algebra.number(0)
    negative = algebra.less(index, zero)
    from_end = algebra.maximum(algebra.add(sequence.length, index), zero)
    return algebra.mux_int(negative, from_end, algebra.maximum(index, zero))


def contains(algebra: Algebra, sequence: Seq, value: Value) -> int:
    """The literal `value in sequence`."""
    circuit = algebra.circuit
    return circuit.any([circuit.both(used, algebra.equal(item, value)) for used, item in occupied(algebra, sequence)])


def occupied(algebra: Algebra, sequence: Seq) -> Iterable[tuple[int, Value]]:
    """Each place with the literal that it is within the sequence."""
    for i, item in enumerate(sequence.items):
        used = algebra.less(algebra.number(i), sequence.length) if i >= sequence.length.low else TRUE
        yield used, item
