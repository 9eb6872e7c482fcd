"""Induction, the main prover: from every state that satisfies the invariants, operations keep rules and invariants, and
trials succeed.

It proves all depths at the sizes checked, together with the invariants' truth in the initial state. Nothing is proved from
contradictory hypotheses: that they have a model is shown first. An operation that no such state accepts is switched off at
these sizes, and whoever checks several sizes makes sure that each operation is accepted at one of them. Branches,
rejections and events that no such state reaches are reported, since nothing was shown about them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from typing import Any

import attrs

from kvproof.model.checking.induction_operation import OperationInduction
from kvproof.model.checking.verdict import Finding, OperationReport, Report, Verdict
from kvproof.model.lowering.system import System
from kvproof.model.solving.backbone import Known, decided_inputs, exceptions
from kvproof.model.solving.certificate import Certificate, Certifier
from kvproof.model.solving.solver import Outcome, Solver, default_engine
from kvproof.spec.lang.calls import inlined_size
from kvproof.spec.lang.definition import Definition

Progress = Callable[[OperationReport], None]


def check_induction(
    definition: Definition,
    parameters: Any,
    *,
    engine: str | None = None,
    seconds: float = 300.0,
    jobs: int = 2,
    progress: Progress | None = None,
    operations: Sequence[str] | None = None,
    goals: Collection[str] = (),
    certifier: Certifier | None = None,
) -> Report:
    """Prove the machine at these sizes, or return what stands in the way.

    `seconds` is the budget for everything; what is open when it is spent is unknown. `jobs` operations are worked on at
    once, each with a solver process of its own. `progress` is called with each operation's result, in any order. `goals`
    are the goals of depth (see `depth`) to look for where an operation is proved. With a `certifier`, nothing counts as
    proved whose proof it does not accept; checking takes its time after the deadline too.

    Raises:
        NotCertified: the certifier did not accept a proof.
    """
    engine = engine or default_engine()
    started = time.monotonic()
    deadline = started + seconds
    every = (*definition.of_kind("operation"), *definition.trials())
    names = every if operations is None else tuple(operations)

    def report(verdict: Verdict, message: str = "", done: Sequence[OperationReport] = ()) -> Report:
        return Report(
            check="induction",
            machine=definition.name,
            sizes=attrs.asdict(parameters),
            engine=engine,
            verdict=verdict,
            seconds=time.monotonic() - started,
            findings=tuple(finding for one in done for finding in one.findings),
            operations=tuple(done),
            reached=_everywhere(done, lambda one: one.reached, any_of=True),
            unreached=_everywhere(done, lambda one: one.reached, any_of=False),
            goals=tuple(sorted({goal for one in done for goal in one.goals})),
            nodes=sum(one.nodes for one in done),
            clauses=sum(one.clauses for one in done),
            message=message,
            certificates=tuple(filter(None, [decided, *(one.certificate for one in done)])),
        )

    decided: Certificate | None = None
    broken = definition.cls(parameters).check()
    if broken:
        finding = Finding(broken[0], "invariant", (), None, None)
        return attrs.evolve(report(Verdict.VIOLATED), depth=0, findings=(finding,))
    outcome, known, decided = _hypotheses(definition, parameters, engine, deadline, certifier)
    if outcome is Outcome.UNSATISFIABLE:
        return report(Verdict.VACUOUS, "no state satisfies all invariants, or none has the names of the normal form")
    if outcome is Outcome.UNKNOWN:
        return report(Verdict.UNKNOWN, "the time was spent before a state that satisfies the invariants was found")

    running: list[OperationInduction] = []
    interrupted = threading.Event()

    def one(name: str) -> OperationReport:
        with nullcontext() if certifier is None else certifier.proof() as proof:
            induction = OperationInduction(definition, parameters, name, known, engine, goals, proof)
            running.append(induction)
            if interrupted.is_set():  # while it was made
                induction.stop()
            return induction.run(deadline, certifier)

    done: dict[str, OperationReport] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        longest_first = sorted(names, key=lambda name: -inlined_size(definition, name))
        futures = [pool.submit(one, name) for name in longest_first]
        try:
            for future in as_completed(futures):
                result = future.result()
                done[result.operation] = result
                if progress is not None:
                    progress(result)
        except BaseException:
            # An interrupt, or a defect in one operation: do not wait for the queries of the others.
            interrupted.set()
            for future in futures:
                future.cancel()
            for induction in running:
                induction.stop()
            raise
    results = [done[name] for name in names]
    verdict = _overall([result.verdict for result in results])
    off = [result.operation for result in results if result.verdict is Verdict.OFF]
    message = f"switched off at these sizes: {', '.join(off)}" if off else ""
    return report(verdict, message, results)


def _hypotheses(
    definition: Definition, parameters: Any, engine: str, deadline: float, certifier: Certifier | None
) -> tuple[Outcome, Known, Certificate | None]:
    """Whether the hypotheses have a model, and the bits of the state that they decide."""
    system = System(definition, parameters)
    circuit = system.circuit
    with (
        nullcontext() if certifier is None else certifier.proof() as proof,
        Solver(circuit, engine, proof) as solver,
    ):
        solver.add(system.hypotheses)
        outcome, known = decided_inputs(circuit, solver, deadline)
        if certifier is None or outcome is not Outcome.SATISFIABLE:
            return outcome, known, None
        claims = exceptions(circuit, known)
        solver.add([claim ^ 1 for claim in claims])
        return outcome, known, certifier.certify("hypotheses", circuit, solver, system.hypotheses, claims)


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on the machine: the worst of those on its operations; nothing is shown where all are switched off."""
    for verdict in (Verdict.NOT_INDUCTIVE, Verdict.VACUOUS, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.PROVED if Verdict.PROVED in verdicts else Verdict.VACUOUS


def _everywhere(
    done: Sequence[OperationReport], read: Callable[[OperationReport], Sequence[str]], any_of: bool
) -> tuple[str, ...]:
    """Goals that some operation reached, or that none did: a branch of a helper counts wherever it was entered."""
    reached: dict[str, None] = {}
    missed: dict[str, None] = {}
    for one in done:
        reached.update(dict.fromkeys(_global(one.operation, goal) for goal in read(one)))
        missed.update(dict.fromkeys(_global(one.operation, goal) for goal in one.unreachable))
    return tuple(reached) if any_of else tuple(goal for goal in missed if goal not in reached)


def _global(operation: str, goal: str) -> str:
    """A goal's name outside its operation."""
    return f"{operation} {goal}" if goal == "accepted" or goal.startswith("rejection") else goal
