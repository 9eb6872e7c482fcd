"""Whether a proof notices a mistake: a mutant's operations, from the states that satisfy the machine's invariants.

A mutant that no proof refutes may do the same as the machine. That is decided by a miter: both transitions from one
arbitrary state with the same arguments, and the question whether they can end differently.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from kvproof.model.checking.induction_operation import OperationInduction
from kvproof.model.checking.verdict import Call, Verdict, readable
from kvproof.model.lowering.methods import Lowering, Transition
from kvproof.model.lowering.record import LoweringError
from kvproof.model.lowering.system import System
from kvproof.model.mutation.mutants import Mutant
from kvproof.model.solving.backbone import Known, decided_inputs
from kvproof.model.solving.solver import Answer, Outcome, Solver, default_engine
from kvproof.model.symbolic.circuit import FALSE, value_of
from kvproof.model.symbolic.encoding import layout
from kvproof.spec.lang.definition import Definition

MISFITS = (LoweringError, TypeError, AttributeError, AssertionError, KeyError, IndexError)
"""How the lowering ends where types do not fit, which mypy tells about a machine before anything is lowered."""


class Fate(Enum):
    """What a check of one operation of a mutant says, at some sizes."""

    REFUTED = "refuted"
    """The proof fails: the mistake is noticed."""
    OFF = "switched off"
    """The operation is accepted in no state: the check notices if that is so at all sizes."""
    EQUIVALENT = "equivalent"
    """It does what the machine does, from every state that satisfies the invariants."""
    SURVIVED = "survived"
    """It is proved, and does something else."""
    UNKNOWN = "unknown"
    """The time was spent."""
    MEANINGLESS = "meaningless"
    """It cannot be read as a machine: types that do not fit, a value that is not there."""


@attrs.frozen
class Noticed:
    """How a mutant fared in one operation."""

    fate: Fate
    by: str = ""
    """What the mistake breaks (REFUTED), why it means nothing (MEANINGLESS), or where the two differ (SURVIVED)."""
    kind: str = ""
    """"rule" (a rule or promise), "invariant" or "obligation"."""
    seconds: float = 0.0


def known_bits(definition: Definition, parameters: Any, seconds: float = 120.0) -> Known:
    """The bits that the hypotheses decide: the same for a machine and its mutants."""
    system = System(definition, parameters)
    with Solver(system.circuit, default_engine()) as solver:
        solver.add(system.hypotheses)
        return decided_inputs(system.circuit, solver, time.monotonic() + seconds)[1]


def check_mutant(
    mutant: Mutant, parameters: Any, operation: str, known: Mapping[str, int | str], seconds: float
) -> Noticed:
    """Refute one operation of a mutant, or show that it does the same as the machine's, or neither."""
    started = time.monotonic()

    def noticed(fate: Fate, by: str = "", kind: str = "") -> Noticed:
        return Noticed(fate, by, kind, round(time.monotonic() - started, 2))

    try:
        miter = Miter(mutant, parameters, operation, known)
    except MISFITS as error:
        return noticed(Fate.MEANINGLESS, f"{type(error).__name__}: {error}".rpartition("/")[2])
    # A third of the time for the difference: most mistakes make one at once, and most of the others none.
    difference = miter.difference(started + seconds / 3)
    if difference.outcome is Outcome.UNSATISFIABLE:
        return noticed(Fate.EQUIVALENT)
    induction = OperationInduction(mutant.definition, parameters, operation, known, default_engine(), most_findings=1)
    report = induction.run(started + seconds)
    if report.findings:
        return noticed(Fate.REFUTED, report.findings[0].rule, report.findings[0].kind)
    if report.verdict is Verdict.OFF:
        return noticed(Fate.OFF)
    if report.verdict is Verdict.PROVED and difference.outcome is Outcome.UNKNOWN:
        difference = miter.difference(started + seconds)
    if difference.outcome is Outcome.UNSATISFIABLE:
        return noticed(Fate.EQUIVALENT)
    if report.verdict is not Verdict.PROVED or not difference.satisfiable:
        return noticed(Fate.UNKNOWN, report.verdict.value)
    return noticed(Fate.SURVIVED, difference.told)


@attrs.frozen
class Difference:
    """What a miter found."""

    outcome: Outcome
    told: str = ""

    @property
    def satisfiable(self) -> bool:
        """Whether the two differ."""
        return self.outcome is Outcome.SATISFIABLE


class Miter:
    """An operation of a machine and of a mutant, side by side in one circuit."""

    def __init__(self, mutant: Mutant, parameters: Any, operation: str, known: Mapping[str, int | str]) -> None:
        self._operation = operation
        self._system = system = System(mutant.original, parameters, known)
        self._one = system.transition(operation)
        lowering = Lowering(mutant.definition, parameters, system.circuit)
        self._other = lowering.operation(operation, system.arguments(operation), system.state)
        self._differences = {where: bit for where, bit in self._compared().items() if bit != FALSE}

    def _compared(self) -> dict[str, int]:
        """Where the two can differ, and the literal that they do. What a rejected operation leaves is not looked at."""
        circuit, algebra = self._system.circuit, self._system.algebra
        one, other = self._one, self._other
        found = {"accepted": circuit.xor(one.accepted, other.accepted)}
        for error in one.record.rejections.keys() | other.record.rejections.keys():
            paths = (one.record.rejections.get(error, FALSE), other.record.rejections.get(error, FALSE))
            found[f"rejected: {error}"] = circuit.xor(*paths)
        both = circuit.both(one.accepted, other.accepted)
        # a trial changes nothing: what it finds is in its promises
        if self._operation not in self._system.definition.trials():
            for name, shape in self._system.shapes.items():
                bits = (layout(algebra, shape, side.after[name]) for side in (one, other))
                apart = circuit.any([circuit.xor(a, b) for a, b in zip(*bits, strict=True)])
                found[f"self.{name}"] = circuit.both(both, apart)
        found["result"] = circuit.both(both, algebra.equal(one.result, other.result) ^ 1)
        broken = {bad for _, _, bad in _obligations(one)}
        new = [bad for _, _, bad in _obligations(other) if bad not in broken]
        found["obligations"] = circuit.any(new)
        return found

    def difference(self, deadline: float) -> Difference:
        """Whether the two can end differently, in a state that satisfies the invariants."""
        if not self._differences:
            return Difference(Outcome.UNSATISFIABLE)
        system, circuit = self._system, self._system.circuit
        with Solver(circuit, default_engine()) as solver:
            solver.add(system.hypotheses + system.argument_constraints(self._operation))
            solver.add(self._one.record.assumptions + self._other.record.assumptions + self._same_choices())
            answer = solver.solve([circuit.any(self._differences.values())], deadline)
        return Difference(answer.outcome, self._told(answer) if answer.satisfiable else "")

    def _same_choices(self) -> list[int]:
        """What both leave open is decided alike, as far as both leave the same open."""
        one, other = (
            {choice.name: choice.which for choice in each.record.choices} for each in (self._one, self._other)
        )
        return [self._system.algebra.equal(one[name], other[name]) for name in one if name in other]

    def _told(self, answer: Answer) -> str:
        """A call that ends differently, and the state in which it does."""
        system = self._system
        values = system.circuit.evaluate(answer.model)
        where = [name for name, bit in self._differences.items() if value_of(values, bit)]
        state = system.readable(system.snapshot(system.state, values))
        call = Call(self._operation, system.concrete_arguments(self._operation, values))
        return f"{', '.join(where)} differ after {call} in {readable(state)}"


def _obligations(transition: Transition) -> list[tuple[str, str, int]]:
    return [(one.rule, one.place.method, one.bad) for one in transition.record.obligations]
