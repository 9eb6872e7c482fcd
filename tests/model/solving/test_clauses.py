"""The clauses of a circuit, which both engines are given, say exactly what the circuit computes.

Every assignment of small random circuits is tried: given the inputs, what the clauses leave possible for each node that has
a variable is its value, and nothing else. No engine takes part.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest

from kvproof.model.solving.clauses import Clauses
from kvproof.model.symbolic.circuit import Circuit, value_of

INPUTS = 5


def random_circuit(rng: random.Random) -> tuple[Circuit, list[int]]:
    """Gates of every kind over a few inputs, some used once and some often, and the literals that were made."""
    circuit = Circuit()
    made = [circuit.input(f"x{i}") for i in range(INPUTS)]
    for _ in range(rng.randrange(4, 25)):
        a, b, c = (rng.choice(made[-8:] if rng.random() < 0.7 else made) ^ rng.randrange(2) for _ in range(3))
        kind = rng.randrange(8)
        if kind == 0:
            made.append(circuit.xor(a, b))
        elif kind in (1, 2):
            made.append(circuit.mux(a, b, c))
        elif kind == 3:
            made.append(circuit.all(literal ^ rng.randrange(2) for literal in rng.sample(made, min(len(made), 7))))
        elif kind in (6, 7):  # a choice between b and c, or nearly
            made.append(circuit.both(circuit.both(a, b) ^ 1, circuit.both(a ^ kind & 1, c) ^ 1))
        else:
            made.append(circuit.both(a, b) if kind == 4 else circuit.either(a, b))
    return circuit, made


def propagated(clauses: list[list[int]], values: dict[int, bool]) -> dict[int, bool] | None:
    """What unit propagation makes of an assignment (of variables); None on a conflict."""
    values = dict(values)
    changed = True
    while changed:
        changed = False
        for clause in clauses:
            if any(values.get(abs(literal)) == (literal > 0) for literal in clause):
                continue
            open_literals = [literal for literal in clause if abs(literal) not in values]
            if not open_literals:
                return None
            if len(open_literals) == 1:
                values[abs(open_literals[0])] = open_literals[0] > 0
                changed = True
    return values


def disagreements(circuit: Circuit, roots: list[int], clauses: list[list[int]]) -> Iterator[str]:
    """Where the clauses leave something open, contradict the circuit, or fix a root at another value."""
    variables = {abs(literal) for clause in clauses for literal in clause}
    for word in range(1 << INPUTS):
        inputs = {node: word >> node - 1 & 1 for node in range(1, INPUTS + 1)}
        values = circuit.evaluate(inputs)
        found = propagated(clauses, {node + 1: bool(bit) for node, bit in inputs.items()})
        if found is None:
            yield f"{word:b}: the clauses contradict each other"
            continue
        wrong = [variable for variable in variables if found.get(variable) != bool(values[variable - 1])]
        wrong += [root for root in roots if found.get((root >> 1) + 1) != bool(value_of(values, root & ~1))]
        if wrong:
            yield f"{word:b}: {wrong}"


def translated(circuit: Circuit, batches: Iterable[list[int]], rng: random.Random) -> tuple[list[list[int]], list[int]]:
    """The clauses for roots that are asked for one batch after the other, the circuit coming in two parts."""
    clauses = Clauses()
    made = clauses.base()
    asked: list[int] = []
    part = rng.randrange(INPUTS + 1, len(circuit.left) + 1)
    clauses.extend(circuit.left[:part], circuit.right[:part])
    early = [root for batch in batches for root in batch if root >> 1 < part]
    made += clauses.needed(early)
    clauses.extend(circuit.left[part:], circuit.right[part:])
    for batch in batches:
        made += clauses.needed(batch)
        asked += batch
    assert clauses.count == len(made) - 1
    return made, asked


@pytest.mark.parametrize("seed", range(60))
def test_clauses_say_what_the_circuit_computes(seed: int) -> None:
    rng = random.Random(seed)
    circuit, made = random_circuit(rng)
    roots = rng.sample(made[INPUTS:], rng.randrange(1, 4))
    clauses, asked = translated(circuit, [[root ^ rng.randrange(2)] for root in roots], rng)
    assert list(disagreements(circuit, asked, clauses)) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_gate_in_the_simplest_clauses_is_the_conjunction(seed: int) -> None:
    rng = random.Random(seed)
    circuit, made = random_circuit(rng)
    clauses = Clauses()
    clauses.extend(circuit.left, circuit.right)
    gates = [node for node in range(INPUTS + 1, len(circuit))]
    plain = [clause for node in gates for clause in clauses.gate(node)]
    assert list(disagreements(circuit, made, [*clauses.base(), *plain])) == []


def test_every_kind_of_definition_is_met() -> None:
    sizes = set()
    for seed in range(60):
        rng = random.Random(seed)
        circuit, made = random_circuit(rng)
        clauses, _ = translated(circuit, [[made[-1]]], rng)
        sizes |= {len(clause) for clause in clauses}
    assert {2, 3, 4, 5, 6, 7, 8} <= sizes  # multiplexers have three literals, conjunctions of many more


def test_a_clause_too_few_or_wrong_is_seen() -> None:
    rng = random.Random(0)
    circuit, made = random_circuit(rng)
    clauses, asked = translated(circuit, [[made[-1]]], rng)
    longest = max(clauses, key=len)
    without = [clause for clause in clauses if clause is not longest]
    turned = [[-literal for literal in clause] if clause is longest else clause for clause in clauses]
    assert list(disagreements(circuit, asked, without))
    assert list(disagreements(circuit, asked, turned))
