"""Which inputs of a circuit are decided by what is asserted: constant in every model, or always equal to another.

Induction's hypotheses fix many bits of the arbitrary state (a queue cannot hold more blocks than its level has slots, say).
With those bits replaced before the operations are lowered, the circuits of the operations fold.
"""

from __future__ import annotations

from kvproof.model.solving.solver import Outcome, Solver
from kvproof.model.symbolic.circuit import Circuit

Known = dict[str, int | str]
"""For the name of an input, its constant value, or the name of the input to which it is equal."""


def decided_inputs(circuit: Circuit, solver: Solver, deadline: float) -> tuple[Outcome, Known]:
    """Whether what `solver` holds has a model at all, and the inputs that it decides.

    Sound whenever it stops: inputs that the time did not suffice to decide are left out.
    """
    first = solver.solve([], deadline)
    if not first.satisfiable:
        return first.outcome, {}
    nodes = sorted(circuit.names)
    models = [first.model]
    constant = {node: first.model.get(node, 0) for node in nodes}
    known: Known = {}
    for node in nodes:
        if node not in constant:
            continue
        answer = solver.solve([2 * node + constant[node]], deadline)
        if answer.unsatisfiable:
            known[circuit.names[node]] = constant[node]
            continue
        if answer.outcome is Outcome.UNKNOWN:
            return Outcome.SATISFIABLE, known
        models.append(answer.model)
        constant = {n: value for n, value in constant.items() if answer.model.get(n, 0) == value}
    alike: dict[tuple[int, ...], list[int]] = {}
    for node in nodes:
        if circuit.names[node] in known:
            continue
        for other in alike.setdefault(tuple(model.get(node, 0) for model in models), []):
            apart = [[2 * node, 2 * other + 1], [2 * node + 1, 2 * other]]
            if all(solver.solve(assumptions, deadline).unsatisfiable for assumptions in apart):
                known[circuit.names[node]] = circuit.names[other]
                break
        else:
            alike[tuple(model.get(node, 0) for model in models)].append(node)
    return Outcome.SATISFIABLE, known


def exceptions(circuit: Circuit, known: Known) -> list[int]:
    """The literals of what is impossible if `known` is right: an input with another value, or one of two that are equal
    holding without the other."""
    nodes = {name: node for node, name in circuit.names.items()}
    found = []
    for name, value in known.items():
        bit = 2 * nodes[name]
        if isinstance(value, str):
            other = 2 * nodes[value]
            found += [circuit.both(bit, other ^ 1), circuit.both(bit ^ 1, other)]
        else:
            found.append(bit ^ value)
    return found
