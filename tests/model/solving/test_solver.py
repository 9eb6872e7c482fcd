"""Both engines answer alike, in time or with "unknown"."""

from __future__ import annotations

import threading
import time

import pytest

from kvproof.model.solving.backbone import decided_inputs
from kvproof.model.solving.solver import ENGINES, Outcome, Solver, SolverFailed, WrongModel
from kvproof.model.symbolic.circuit import TRUE, Circuit, value_of
from kvproof.model.symbolic.integers import Int, Integers

FOREVER = float("inf")


def factors_of_a_prime(circuit: Circuit, size: int) -> int:
    """Two factors of a prime, both greater than 1: unsatisfiable, and with 22 bits not shown in any reasonable time."""
    numbers = Integers(circuit)
    a, b = (Int(tuple(circuit.input(f"{name}{i}") for i in range(size)), 0, (1 << size) - 1) for name in ("a", "b"))
    total = numbers.number(0)
    for i, bit in enumerate(a.bits):
        row = Int((0,) * i + tuple(circuit.both(bit, other) for other in b.bits), 0, ((1 << size) - 1) << i)
        total = numbers.add(total, row)
    prime = {5: 773, 22: 1099511627689}[size]
    one = numbers.number(1)
    return circuit.all([numbers.equal_int(total, numbers.number(prime)), numbers.less(one, a), numbers.less(one, b)])


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_model_satisfies_the_query(engine: str) -> None:
    circuit = Circuit()
    a, b, c = (circuit.input(name) for name in "abc")
    with Solver(circuit, engine) as solver:
        solver.add([circuit.either(a, b)])
        answer = solver.solve([circuit.xor(b, c), a ^ 1], FOREVER)
    assert answer.satisfiable
    values = circuit.evaluate(answer.model)
    assert [value_of(values, literal) for literal in (a, b, c)] == [0, 1, 0]


def test_what_was_added_stays_and_assumptions_do_not(engine: str) -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    with Solver(circuit, engine) as solver:
        solver.add([circuit.either(a, b)])
        assert solver.solve([circuit.both(a ^ 1, b ^ 1)], FOREVER).unsatisfiable
        assert solver.solve([a ^ 1], FOREVER).satisfiable
        solver.add([b ^ 1])
        assert solver.solve([a ^ 1], FOREVER).unsatisfiable
        assert solver.solve([], FOREVER).satisfiable
        assert solver.solve([TRUE], FOREVER).satisfiable


def test_the_circuit_may_grow_between_queries(engine: str) -> None:
    circuit = Circuit()
    a = circuit.input("a")
    with Solver(circuit, engine) as solver:
        assert solver.solve([a], FOREVER).satisfiable
        b = circuit.input("b")
        solver.add([circuit.equal(a, b)])
        assert solver.solve([a, b ^ 1], FOREVER).unsatisfiable


def test_a_theorem_of_arithmetic_is_proved(engine: str) -> None:
    circuit = Circuit()
    hard = factors_of_a_prime(circuit, 5)
    with Solver(circuit, engine) as solver:
        assert solver.solve([hard], FOREVER).unsatisfiable


def test_a_query_that_takes_too_long_is_unknown_and_the_solver_still_works(engine: str) -> None:
    circuit = Circuit()
    hard = factors_of_a_prime(circuit, 22)
    a = circuit.input("a")
    with Solver(circuit, engine) as solver:
        solver.add([a])
        assert solver.solve([hard], time.monotonic() + 1.0).outcome is Outcome.UNKNOWN
        assert solver.solve([a ^ 1], FOREVER).unsatisfiable
        assert solver.solve([], time.monotonic() - 1.0).outcome is Outcome.UNKNOWN


def test_another_thread_can_end_a_query(engine: str) -> None:
    circuit = Circuit()
    hard = factors_of_a_prime(circuit, 22)
    with Solver(circuit, engine) as solver:
        assert solver.solve([circuit.input("a")], FOREVER).satisfiable
        timer = threading.Timer(0.3, solver.stop)
        timer.start()
        assert solver.solve([hard], FOREVER).outcome is Outcome.UNKNOWN
        assert solver.solve([], FOREVER).outcome is Outcome.UNKNOWN
        timer.join()


def test_a_dead_engine_is_an_error_and_no_answer() -> None:
    with Solver(Circuit(), "no-such-engine") as solver, pytest.raises(SolverFailed, match="no-such-engine"):
        solver.solve([], FOREVER)


def test_z3_prints_the_query_with_the_names_of_the_state() -> None:
    circuit = Circuit()
    a, b = circuit.input("refs[2].1@0"), circuit.input("live[0]")
    with Solver(circuit, "z3") as solver:
        solver.add([circuit.either(a, b)])
        text = solver.text([a ^ 1])
    assert "(declare-fun |refs[2].1@0| () Bool)" in text
    assert "(check-sat)" in text


def test_decided_inputs_are_constants_and_copies(engine: str) -> None:
    circuit = Circuit()
    a, b, c, d = (circuit.input(name) for name in "abcd")
    with Solver(circuit, engine) as solver:
        solver.add([circuit.equal(a, b), circuit.both(c, circuit.either(a, c)), circuit.either(a, d)])
        assert decided_inputs(circuit, solver, FOREVER) == (Outcome.SATISFIABLE, {"b": "a", "c": 1})
        solver.add([a, b ^ 1])
        assert decided_inputs(circuit, solver, FOREVER) == (Outcome.UNSATISFIABLE, {})


class Liar(Solver):
    """A solver whose engine answers as it likes."""

    lie: list[int] | None = None

    def _reply(self, deadline: float) -> tuple[list[int] | None, int]:
        super()._reply(deadline)
        return self.lie, 0


@pytest.mark.parametrize("lie", [[], [1], [1, 2]])
def test_a_model_that_is_none_is_a_defect_and_no_answer(engine: str, lie: list[int]) -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    with Liar(circuit, engine) as solver:
        solver.add([circuit.xor(a, b)])
        solver.lie = [2]
        assert solver.solve([b], FOREVER).satisfiable
        solver.lie = lie
        with pytest.raises(WrongModel, match=engine):
            solver.solve([b], FOREVER)
