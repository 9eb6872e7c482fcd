"""And-inverter graph: the form in which every symbolic check of this project is built.

A circuit is a list of nodes; a node is an input, or the conjunction of two literals. A **literal** is ``2 * node + sign``
(sign 1 = negated), so negation is ``literal ^ 1``; node 0 is the constant, hence ``FALSE == 0`` and ``TRUE == 1``.
Equal nodes are built once (structural hashing), constants fold, and the two-level rules of Brummayer and Biere (local
two-level and-inverter graph minimisation without blow-up, 2006) are applied where they do not add nodes. Multiplexers are
remembered, because the merge of two branches of a program makes long chains of them which collapse: writing one array
element under a condition costs one multiplexer a bit, not two.

Literals are plain ints and the hot functions are written flat: circuits of some 10^5 nodes are built in Python for each
operation that is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

FALSE = 0
TRUE = 1

_INPUT = -1


class NameTaken(ValueError):
    """A name that a circuit's input has already: whoever goes by names would take the two for one."""


class Circuit:
    """A growing and-inverter graph over named inputs."""

    def __init__(self) -> None:
        # Node 0 is the constant false; left[n] == -1 marks an input.
        self.left: list[int] = [_INPUT]
        self.right: list[int] = [_INPUT]
        self.names: dict[int, str] = {}
        self._nodes: dict[str, int] = {}
        self._table: dict[tuple[int, int], int] = {}
        self._mux: dict[int, tuple[int, int, int]] = {}
        self._mux_table: dict[tuple[int, int, int], int] = {}
        self._xor_table: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """The number of nodes, inputs and the constant included."""
        return len(self.left)

    def input(self, name: str) -> int:
        """A fresh input; returns its positive literal.

        Raises:
            NameTaken: an input has this name already.
        """
        node = len(self.left)
        if self._nodes.setdefault(name, node) != node:
            raise NameTaken(
                f"two inputs are called {name!r} (nodes {self._nodes[name]} and {node}): name each bit apart"
            )
        self.left.append(_INPUT)
        self.right.append(_INPUT)
        self.names[node] = name
        return 2 * node

    def is_input(self, node: int) -> bool:
        """Whether `node` is an input (the constant is none)."""
        return node != 0 and self.left[node] == _INPUT

    def both(self, a: int, b: int) -> int:
        """The conjunction of `a` and `b`."""
        if a > b:
            a, b = b, a
        if a < 2:
            return b if a else FALSE
        if a == b:
            return a
        if a ^ 1 == b:
            return FALSE
        key = (a, b)
        known = self._table.get(key)
        if known is not None:
            return known
        result = self._simplified(a, b)
        if result < 0:
            result = 2 * len(self.left)
            self.left.append(a)
            self.right.append(b)
        self._table[key] = result
        return result

    def _simplified(self, a: int, b: int) -> int:
        """The conjunction of `a` and `b` by the two-level rules, or -1 when none applies."""
        left, right = self.left, self.right
        node_a, node_b = a >> 1, b >> 1
        p, q = left[node_a], right[node_a]
        r, s = left[node_b], right[node_b]
        if r >= 0:
            if b & 1:
                if a ^ 1 == r or a ^ 1 == s:  # a & ~(~a & s) = a
                    return a
                if a == r:  # a & ~(a & s) = a & ~s
                    return self.both(a, s ^ 1)
                if a == s:
                    return self.both(a, r ^ 1)
            else:
                if a in (r, s):  # a & (a & s)
                    return b
                if a ^ 1 == r or a ^ 1 == s:  # a & (~a & s)
                    return FALSE
        if p >= 0:
            if a & 1:
                if b ^ 1 == p or b ^ 1 == q:
                    return b
                if b == p:
                    return self.both(b, q ^ 1)
                if b == q:
                    return self.both(b, p ^ 1)
            else:
                if b in (p, q):
                    return a
                if b ^ 1 == p or b ^ 1 == q:
                    return FALSE
        if p < 0 or r < 0:
            return -1
        if not a & 1 and not b & 1:
            if p ^ 1 == r or p ^ 1 == s or q ^ 1 == r or q ^ 1 == s:
                return FALSE
        elif a & 1 and b & 1:
            # Resolution: ~(p & q) & ~(p & ~q) = ~p.
            if p == r and q ^ 1 == s:
                return p ^ 1
            if p == s and q ^ 1 == r:
                return p ^ 1
            if q == r and p ^ 1 == s:
                return q ^ 1
            if q == s and p ^ 1 == r:
                return q ^ 1
        else:
            if a & 1:  # Make a the positive one, with inputs p and q; b is ~(r & s).
                a, b, p, q, r, s = b, a, r, s, p, q
            if r ^ 1 in (p, q) or s ^ 1 in (p, q):
                return a
            if r in (p, q):
                return self.both(a, s ^ 1)
            if s in (p, q):
                return self.both(a, r ^ 1)
        return -1

    def either(self, a: int, b: int) -> int:
        """The disjunction of `a` and `b`."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Whether exactly one of `a` and `b` holds."""
        sign = (a ^ b) & 1
        a &= ~1
        b &= ~1
        if a > b:
            a, b = b, a
        if a == 0:
            return b ^ sign
        if a == b:
            return sign
        key = (a, b)
        result = self._xor_table.get(key)
        if result is None:
            result = self.both(self.both(a, b ^ 1) ^ 1, self.both(a ^ 1, b) ^ 1) ^ 1
            self._xor_table[key] = result
        return result ^ sign

    def equal(self, a: int, b: int) -> int:
        """Whether `a` and `b` have the same value."""
        return self.xor(a, b) ^ 1

    def mux(self, condition: int, then: int, otherwise: int) -> int:
        """`then` where `condition` holds, else `otherwise`."""
        if then == otherwise:
            return then
        if condition < 2:
            return then if condition else otherwise
        if condition & 1:
            condition, then, otherwise = condition ^ 1, otherwise, then
        if then < 2:
            return self.either(condition, otherwise) if then else self.both(condition ^ 1, otherwise)
        if otherwise < 2:
            return self.either(condition ^ 1, then) if otherwise else self.both(condition, then)
        if then >> 1 == condition >> 1:
            return self.either(condition, otherwise) if then == condition else self.both(condition ^ 1, otherwise)
        if otherwise >> 1 == condition >> 1:
            return self.both(condition, then) if otherwise == condition else self.either(condition ^ 1, then)
        if then ^ 1 == otherwise:
            return self.xor(condition, otherwise)
        sign = otherwise & 1
        then ^= sign
        otherwise ^= sign
        key = (condition, then, otherwise)
        result = self._mux_table.get(key)
        if result is None:
            result = self._new_mux(condition, then, otherwise)
            self._mux_table[key] = result
        return result ^ sign

    def _new_mux(self, condition: int, then: int, otherwise: int) -> int:
        inner = self._mux.get(then >> 1)
        if inner is not None:
            select, x, y = inner
            sign = then & 1
            x ^= sign
            y ^= sign
            if y == otherwise:
                return self.mux(self.both(condition, select), x, otherwise)
            if x == otherwise:
                return self.mux(self.both(condition, select ^ 1), y, otherwise)
            if select >> 1 == condition >> 1:
                return self.mux(condition, x if select == condition else y, otherwise)
        inner = self._mux.get(otherwise >> 1)
        if inner is not None:
            select, x, y = inner
            sign = otherwise & 1
            x ^= sign
            y ^= sign
            if x == then:
                return self.mux(self.either(condition, select), then, y)
            if y == then:
                return self.mux(self.either(condition, select ^ 1), then, x)
            if select >> 1 == condition >> 1:
                return self.mux(condition, then, y if select == condition else x)
        result = self.both(self.both(condition, then) ^ 1, self.both(condition ^ 1, otherwise) ^ 1) ^ 1
        # An older node may come out: written as a choice between newer ones, its rewriting could come back to itself.
        newest = result >> 1 > max(condition >> 1, then >> 1, otherwise >> 1)
        if newest and self.left[result >> 1] >= 0 and result >> 1 not in self._mux:
            sign = result & 1
            self._mux[result >> 1] = (condition, then ^ sign, otherwise ^ sign)
        return result

    def all(self, literals: Iterable[int]) -> int:
        """The conjunction of all `literals` (true for none), as a balanced tree."""
        layer = list(dict.fromkeys(literals))
        both = self.both
        while len(layer) > 1:
            if FALSE in layer:
                return FALSE
            pairs = [both(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
            if len(layer) & 1:
                pairs.append(layer[-1])
            layer = pairs
        return layer[0] if layer else TRUE

    def any(self, literals: Iterable[int]) -> int:
        """The disjunction of all `literals` (false for none)."""
        return self.all(literal ^ 1 for literal in literals) ^ 1

    def evaluate(self, inputs: Mapping[int, int], mask: int = 1) -> list[int]:
        """The value of every node, given those of the inputs by node (absent inputs are 0).

        With a `mask` of k ones, each value is a word of k independent assignments, evaluated together.
        """
        values = [0] * len(self.left)
        right = self.right
        for node, a in enumerate(self.left):
            if a < 0:
                values[node] = inputs.get(node, 0) & mask
                continue
            b = right[node]
            x = values[a >> 1]
            y = values[b >> 1]
            if a & 1:
                x ^= mask
            if b & 1:
                y ^= mask
            values[node] = x & y
        return values

    def cone(self, roots: Iterable[int]) -> list[int]:
        """The nodes on which the literals `roots` depend, in order (a node after its inputs)."""
        left, right = self.left, self.right
        needed = bytearray(len(left))
        for root in roots:
            needed[root >> 1] = 1
        # Inputs of a node come before it: one sweep from the last node that is needed to the first.
        node = needed.rfind(1)
        while node >= 0:
            if left[node] >= 0:
                needed[left[node] >> 1] = 1
                needed[right[node] >> 1] = 1
            node = needed.rfind(1, 0, node)
        return [node for node, is_needed in enumerate(needed) if is_needed]

    def substitute(self, roots: Sequence[int], inputs: Mapping[int, int], target: Circuit | None = None) -> list[int]:
        """The literals `roots` rebuilt in `target` (this circuit by default) with `inputs` (node to literal) replaced.

        Folds constants on the way: this is how a transition is unrolled from a constant initial state. An input that
        is not replaced stays itself, so the target must be this circuit then.
        """
        into = self if target is None else target
        translated = [FALSE] * len(self.left)
        left, right, both = self.left, self.right, into.both
        for node in self.cone(roots):
            a = left[node]
            if a >= 0:
                b = right[node]
                x = translated[a >> 1] ^ (a & 1)
                y = translated[b >> 1] ^ (b & 1)
                # what folds to a constant or to one side needs no call
                if x < 2:
                    translated[node] = y if x else FALSE
                elif y < 2:
                    translated[node] = x if y else FALSE
                else:
                    translated[node] = x if x == y else both(x, y)
            elif node:
                replacement = inputs.get(node)
                if replacement is None:
                    if into is not self:
                        raise KeyError(f"input {self.names[node]!r} has no replacement in the target circuit")
                    replacement = 2 * node
                translated[node] = replacement
        return [translated[root >> 1] ^ (root & 1) for root in roots]


def value_of(values: Sequence[int], literal: int, mask: int = 1) -> int:
    """The value of `literal`, given the node values that `Circuit.evaluate` returned."""
    value = values[literal >> 1]
    return value ^ mask if literal & 1 else value
