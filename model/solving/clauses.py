"""Clauses for the nodes of a circuit, made on demand: only what a query depends on reaches the solver.

Multiplexers and exclusive-ors are recognised and get their own short clauses, and conjunctions whose inner nodes nobody
else uses become one conjunction of many; both halve the variables that the solver sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_INPUT = -1


class Clauses:
    """The growing translation of one circuit. Variable numbers are node numbers plus 1 (0 is no variable)."""

    def __init__(self) -> None:
        self.left: list[int] = []
        self.right: list[int] = []
        self._uses: list[int] = []
        self._done: set[int] = {0}
        self.count = 0
        """Clauses made so far."""
        self.defined: list[int] = []
        """The nodes that have clauses of their own, in the order in which they got them."""

    def extend(self, left: Sequence[int], right: Sequence[int]) -> None:
        """More nodes of the circuit."""
        self.left.extend(left)
        self.right.extend(right)
        uses = self._uses
        uses.extend([0] * len(left))
        for a, b in zip(left, right, strict=True):
            if a != _INPUT:
                uses[a >> 1] += 1
                uses[b >> 1] += 1

    @staticmethod
    def literal(literal: int) -> int:
        """The solver's literal for a literal of the circuit. The constant is variable 1, which `base` makes false."""
        variable = (literal >> 1) + 1
        return -variable if literal & 1 else variable

    def base(self) -> list[list[int]]:
        """What must be asserted once: the constant node is false."""
        return [[-1]]

    def needed(self, roots: Iterable[int]) -> Iterator[list[int]]:
        """The clauses that define the literals `roots`, less those that were made before."""
        stack = [root >> 1 for root in roots]
        done = self._done
        while stack:
            node = stack.pop()
            if node in done:
                continue
            done.add(node)
            if self.left[node] == _INPUT:
                continue
            self.defined.append(node)
            for clause in self._definition(node, stack):
                self.count += 1
                yield clause

    def gate(self, node: int) -> list[list[int]]:
        """What a node is, in the simplest clauses: those that `_definition` follows from and makes superfluous."""
        this, a, b = node + 1, self.literal(self.left[node]), self.literal(self.right[node])
        return [[-this, a], [-this, b], [this, -a, -b]]

    def _definition(self, node: int, stack: list[int]) -> Iterator[list[int]]:
        left, right = self.left, self.right
        a, b = left[node], right[node]
        this = node + 1
        if a & 1 and b & 1 and left[a >> 1] != _INPUT and left[b >> 1] != _INPUT:
            # ~(p & q) & ~(~p & r): the negation of a multiplexer on p.
            for p, q in ((left[a >> 1], right[a >> 1]), (right[a >> 1], left[a >> 1])):
                for r, s in ((left[b >> 1], right[b >> 1]), (right[b >> 1], left[b >> 1])):
                    if p == r ^ 1:
                        stack.extend((p >> 1, q >> 1, s >> 1))
                        yield from self._multiplexer(-this, self.literal(p), self.literal(q), self.literal(s))
                        return
        literals = self._conjunction(node)
        stack.extend(literal >> 1 for literal in literals)
        inputs = [self.literal(literal) for literal in literals]
        for literal in inputs:
            yield [-this, literal]
        yield [this, *(-literal for literal in inputs)]

    @staticmethod
    def _multiplexer(out: int, select: int, then: int, otherwise: int) -> Iterator[list[int]]:
        yield [-out, -select, then]
        yield [out, -select, -then]
        yield [-out, select, otherwise]
        yield [out, select, -otherwise]
        if then != -otherwise:  # Redundant, but lets the solver propagate without knowing the selector.
            yield [-out, then, otherwise]
            yield [out, -then, -otherwise]

    def _conjunction(self, node: int) -> list[int]:
        """The inputs of the largest conjunction rooted at `node` whose inner nodes have no other use."""
        left, right, uses = self.left, self.right, self._uses
        found: dict[int, None] = {}
        stack = [left[node], right[node]]
        while stack:
            literal = stack.pop()
            inner = literal >> 1
            if literal & 1 or left[inner] == _INPUT or uses[inner] > 1 or self._is_multiplexer(inner):
                found[literal] = None
            else:
                stack.append(left[inner])
                stack.append(right[inner])
        return list(found)

    def _is_multiplexer(self, node: int) -> bool:
        left, right = self.left, self.right
        a, b = left[node], right[node]
        if not (a & 1 and b & 1) or left[a >> 1] == _INPUT or left[b >> 1] == _INPUT:
            return False
        inputs = (left[b >> 1] ^ 1, right[b >> 1] ^ 1)
        return left[a >> 1] in inputs or right[a >> 1] in inputs
