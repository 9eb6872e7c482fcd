"""The theorem of the transfers once more, without the machine: programs and schedules as unknowns of one formula.

A program is a list of copies between slots; a schedule is a position in time for every granule of every copy. z3 chooses
both, and the memory to begin with. The rules say which copies must be over before another begins.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
import z3

RULES = frozenset({"read-after-write", "write-after-read", "write-after-write"})
BITS = 4
"""Wide enough for slots, contents and positions."""


class Schedule(NamedTuple):
    """A program, and an order of its granules that a program with the rules may meet."""

    copies: list[tuple[int, int]]
    order: list[tuple[int, int]]
    """(copy, granule) in the order in which they are carried out."""
    memory: list[list[int]]


def _constant(value: int) -> z3.BitVecRef:
    return z3.BitVecVal(value, BITS)


def _pick(index: z3.BitVecRef, values: list[z3.BitVecRef]) -> z3.BitVecRef:
    found = values[0]
    for position, value in enumerate(values[1:], 1):
        found = z3.If(index == position, value, found)
    return found


def find_wrong_schedule(copies: int, slots: int, granules: int, rules: frozenset[str]) -> Schedule | None:
    """A program and a schedule that keep the rules and end with other bytes than the program run in order, or None."""
    solver = z3.SolverFor("QF_BV")
    source = [z3.BitVec(f"source{i}", BITS) for i in range(copies)]
    target = [z3.BitVec(f"target{i}", BITS) for i in range(copies)]
    at = [[z3.BitVec(f"at{i}_{g}", BITS) for g in range(granules)] for i in range(copies)]
    memory = [[z3.BitVec(f"memory{s}_{g}", BITS) for g in range(granules)] for s in range(slots)]
    for i in range(copies):
        solver.add(z3.ULT(source[i], slots), z3.ULT(target[i], slots), source[i] != target[i])
    every = [(i, g) for i in range(copies) for g in range(granules)]
    solver.add(z3.Distinct([at[i][g] for i, g in every]), *(z3.ULT(at[i][g], len(every)) for i, g in every))
    for later in range(copies):
        for earlier in range(later):
            conflict = {
                "read-after-write": target[earlier] == source[later],
                "write-after-read": source[earlier] == target[later],
                "write-after-write": target[earlier] == target[later],
            }
            after = z3.And([z3.ULT(a, b) for a in at[earlier] for b in at[later]])
            solver.add(*(z3.Implies(conflict[rule], after) for rule in rules))
    planned = [list(row) for row in memory]
    for i in range(copies):
        for g in range(granules):
            value = _pick(source[i], [row[g] for row in planned])
            for s in range(slots):
                planned[s][g] = z3.If(target[i] == s, value, planned[s][g])
    seen = [list(row) for row in memory]
    for time in range(len(every)):
        before = [list(row) for row in seen]
        for i, g in every:
            value = _pick(source[i], [row[g] for row in before])
            for s in range(slots):
                seen[s][g] = z3.If(z3.And(at[i][g] == time, target[i] == s), value, seen[s][g])
    solver.add(z3.Or([seen[s][g] != planned[s][g] for s in range(slots) for g in range(granules)]))
    if solver.check() == z3.unsat:
        return None
    model = solver.model()

    def value(term: z3.BitVecRef) -> int:
        return int(model.eval(term, model_completion=True).as_long())

    return Schedule(
        [(value(source[i]), value(target[i])) for i in range(copies)],
        sorted(every, key=lambda part: value(at[part[0]][part[1]])),
        [[value(cell) for cell in row] for row in memory],
    )


def _run(schedule: Schedule, order: list[tuple[int, int]]) -> list[list[int]]:
    memory = [list(row) for row in schedule.memory]
    for copy, granule in order:
        source, target = schedule.copies[copy]
        memory[target][granule] = memory[source][granule]
    return memory


@pytest.mark.parametrize(("copies", "slots", "granules"), [(4, 3, 1), (3, 4, 2)])
def test_every_schedule_that_keeps_the_rules_yields_the_bytes_of_the_sequential_one(
    copies: int, slots: int, granules: int
) -> None:
    assert find_wrong_schedule(copies, slots, granules, RULES) is None


@pytest.mark.parametrize("rule", sorted(RULES))
def test_without_a_rule_some_schedule_is_wrong(rule: str) -> None:
    found = find_wrong_schedule(3, 3, 1, RULES - {rule})
    assert found is not None
    assert _run(found, found.order) != _run(found, sorted(found.order))
