"""Induction for one operation: from any state that satisfies the invariants, nothing bad happens.

What must not happen is disproved in the order in which the operation runs, a few obligations a query and then one
invariant a query, and each answer is asserted for the queries after it. The whole operation in one query is the same
theorem, and took the solver five to ten times as long. (Also tried: the invariants as lemmas about the states between the
helpers that the operation calls. They cost as much as they save.)
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from kvproof.model.checking.verdict import Call, Finding, OperationReport, Verdict
from kvproof.model.depth import machine_goals
from kvproof.model.lowering.methods import Transition
from kvproof.model.lowering.system import System
from kvproof.model.solving.certificate import Certifier
from kvproof.model.solving.solver import Answer, Outcome, Solver
from kvproof.model.symbolic.circuit import FALSE, TRUE, value_of
from kvproof.spec.lang.calls import running_methods
from kvproof.spec.lang.definition import Definition

OBLIGATIONS_A_QUERY = 16
MOST_FINDINGS = 5
"""An operation with this many broken rules has shown what it can show."""
DEPTH_SECONDS = 20.0
"""For one query about goals of depth: a goal that is not found by then was not reached here, and other sizes may."""


@attrs.frozen
class _Target:
    """Something that must not happen, as the queries see it."""

    rule: str
    kind: str
    bad: int
    file: str = ""
    line: int = 0


class OperationInduction:
    """The queries about one operation."""

    def __init__(
        self,
        definition: Definition,
        parameters: Any,
        operation: str,
        known: Mapping[str, int | str],
        engine: str,
        goals: Collection[str] = (),
        proof: Path | None = None,
        most_findings: int = MOST_FINDINGS,
    ) -> None:
        """`goals`: the goals of depth to look for, once all is proved; `proof`: a file for the solver's proof, see
        `certificate`; `most_findings`: broken rules that are enough."""
        self._operation = operation
        self._goals_of_depth = goals
        self._most_findings = most_findings
        self._system = System(definition, parameters, known, depth=bool(goals))
        self._circuit = self._system.circuit
        self._transition: Transition = self._system.transition(operation)
        record = self._transition.record
        self._hypotheses = hypotheses = (
            self._system.hypotheses + self._system.argument_constraints(operation) + record.assumptions
        )
        kept = operation not in definition.trials()  # what comes of a trial is thrown away
        self._after = self._system.invariants_of(self._transition.after) if kept else {}
        self._targets = self._all_targets()
        self._solver = Solver(self._circuit, engine, proof)
        self._solver.add(hypotheses)
        self._roots = [*hypotheses, *(target.bad for target in self._targets)]
        self._findings: list[Finding] = []
        self._undecided: list[str] = []
        self._never: list[int] = []
        """Goals that were shown to be unreachable."""

    def _all_targets(self) -> list[_Target]:
        targets = [
            _Target(
                o.rule, "obligation" if ":" in o.rule or o.rule == "all-or-nothing" else "rule", o.bad, *o.place[1:]
            )
            for o in self._transition.record.obligations
        ]
        both, accepted = self._circuit.both, self._transition.accepted
        for name, predicate in self._after.items():
            for obligation in predicate.obligations:
                bad = both(accepted, obligation.bad)
                targets.append(_Target(f"{name}: {obligation.rule}", "invariant", bad, *obligation.place[1:]))
            targets.append(_Target(name, "invariant", both(accepted, predicate.holds ^ 1)))
        return targets

    def stop(self) -> None:
        """Called from another thread: what is open becomes unknown, soon."""
        self._solver.stop()

    def run(self, deadline: float, certifier: Certifier | None = None) -> OperationReport:
        """Prove or refute, then look for what cannot be reached; have what was shown certified.

        Raises:
            NotCertified: the certifier did not accept the solver's proof.
        """
        started = time.monotonic()
        with self._solver:
            usable = self._solver.solve([], deadline)
            if usable.outcome is Outcome.UNSATISFIABLE:
                return self._report(Verdict.VACUOUS, started, (), ("any state at all",))
            if not usable.satisfiable:
                self._undecided.extend(target.rule for target in self._targets)
            decided = usable.satisfiable and self._prove(deadline)
            reached, unreachable = self._reach(deadline) if decided else ((), ())
            deep = self._deepen(deadline) if decided and not self._findings else ()
            if self._findings:
                verdict = Verdict.NOT_INDUCTIVE
            elif self._undecided or not decided:
                verdict = Verdict.UNKNOWN
            elif "accepted" in unreachable:
                verdict = Verdict.OFF
            else:
                verdict = Verdict.PROVED
            report = attrs.evolve(self._report(verdict, started, reached, unreachable), goals=tuple(deep))
            if certifier is None or verdict not in (Verdict.PROVED, Verdict.OFF):
                return report
            claims = [*(target.bad for target in self._targets), *self._never]
            certificate = certifier.certify(self._operation, self._circuit, self._solver, self._hypotheses, claims)
            return attrs.evolve(report, certificate=certificate)

    def _report(
        self, verdict: Verdict, started: float, reached: Sequence[str], unreachable: Sequence[str]
    ) -> OperationReport:
        return OperationReport(
            operation=self._operation,
            verdict=verdict,
            seconds=time.monotonic() - started,
            nodes=len(self._circuit.cone(self._roots)),
            clauses=self._solver.clauses,
            findings=tuple(self._findings),
            reached=tuple(reached),
            unreachable=tuple(unreachable),
            undecided=tuple(dict.fromkeys(self._undecided)),
        )

    # Proof, in the order of execution

    def _prove(self, deadline: float) -> bool:
        """Disprove every target; False when the time was spent."""
        obligations = [target for target in self._targets if target.kind != "invariant"]
        invariants = [target for target in self._targets if target.kind == "invariant"]
        groups = [*_groups(obligations, OBLIGATIONS_A_QUERY), *_groups(invariants, 1)]
        for position, group in enumerate(groups):
            if not self._disprove(group, deadline):
                self._undecided.extend(target.rule for left in groups[position:] for target in left)
                return False
            if len(self._findings) >= self._most_findings:
                break
        return True

    def _disprove(self, group: Sequence[_Target], deadline: float) -> bool:
        """Show that no target of the group happens, or add findings; False when the time was spent."""
        remaining = list(group)
        while remaining:
            answer = self._solver.solve([self._circuit.any([target.bad for target in remaining])], deadline)
            if answer.outcome is Outcome.UNKNOWN:
                return False
            if answer.unsatisfiable:
                self._solver.add([target.bad ^ 1 for target in remaining])
                return True
            finding = self._finding(answer)
            if all(finding.rule != other.rule for other in self._findings):
                self._findings.append(finding)
            if len(self._findings) >= self._most_findings:
                return True
            # Look on for executions that do not break this rule first.
            self._solver.add([target.bad ^ 1 for target in self._targets if target.rule == finding.rule])
            remaining = [target for target in remaining if target.rule != finding.rule]
        return True

    def _finding(self, answer: Answer) -> Finding:
        """The counterexample in a model: the first target in the order of execution that happens in it."""
        values = self._circuit.evaluate(answer.model)
        broken = next(target for target in self._targets if value_of(values, target.bad))
        snapshot = self._system.snapshot(self._system.state, values)
        arguments = self._system.concrete_arguments(self._operation, values)
        call = Call(self._operation, arguments, self._system.choices(self._operation, values))
        state = self._system.readable(snapshot)
        return Finding(broken.rule, broken.kind, (call,), state, snapshot, broken.file, broken.line)

    # Coverage

    def _goals(self) -> dict[str, int]:
        """Everything that should be possible, by what it is called in a report."""
        record = self._transition.record
        goals = {"accepted": self._transition.accepted}
        if self._operation in self._system.definition.trials():
            # that a trial takes a step does not make the machine take it: a trial is for its promises, and its own branches
            running = running_methods(self._system.definition)
            goals.update(
                {f"{b.method}:{b.line} {b.arm}": p for b, p in record.branches.items() if b.method not in running}
            )
            goals.update({f"promise {name}": path for name, path in record.promises.items()})
            return goals
        goals.update({f'rejection "{error}"': path for error, path in record.rejections.items()})
        goals.update({f'event "{event}"': path for event, path in record.events.items()})
        goals.update({f"{b.method}:{b.line} {b.arm}": path for b, path in record.branches.items()})
        goals.update({f"step {name}": path for name, path in record.steps.items()})
        goals.update({f"promise {name}": path for name, path in record.promises.items()})
        return goals

    def _reach(self, deadline: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which goals some state satisfying the invariants reaches, and which none does."""
        remaining = self._goals()
        reached: list[str] = []
        while remaining:
            answer = self._solver.solve([self._circuit.any(remaining.values())], deadline)
            if answer.unsatisfiable:
                self._never = list(remaining.values())
                self._solver.add([path ^ 1 for path in self._never])
                break
            if answer.outcome is Outcome.UNKNOWN:
                self._undecided.extend(f"reaches {goal}" for goal in remaining)
                return tuple(reached), ()
            values = self._circuit.evaluate(answer.model)
            now = [goal for goal, path in remaining.items() if value_of(values, path)]
            reached.extend(now)
            for goal in now:
                del remaining[goal]
        # A step or promise that one operation never comes to is no gap: another one may.
        missed = (goal for goal in remaining if not goal.startswith(("step ", "promise ")))
        return tuple(reached), tuple(missed)

    def _deepen(self, deadline: float) -> list[str]:
        """The goals of depth that some state satisfying the invariants reaches."""
        definition, record = self._system.definition, self._transition.record
        trial = self._operation in definition.trials()
        # a trial whose assumptions fail has shown nothing
        path = self._transition.accepted if trial else TRUE
        allowed = machine_goals(definition, of_trials=trial) & set(self._goals_of_depth)
        places = {
            goal: self._circuit.both(path, place) for goal, place in (record.goals or {}).items() if goal in allowed
        }
        remaining = {goal: place for goal, place in places.items() if place != FALSE}
        reached: list[str] = []
        while remaining:
            limit = min(deadline, time.monotonic() + DEPTH_SECONDS)
            answer = self._solver.solve([self._circuit.any(remaining.values())], limit)
            if not answer.satisfiable:
                break
            values = self._circuit.evaluate(answer.model)
            now = [goal for goal, place in remaining.items() if value_of(values, place)]
            reached.extend(now)
            for goal in now:
                del remaining[goal]
        return reached


def _groups(targets: Sequence[_Target], size: int) -> Iterator[Sequence[_Target]]:
    for start in range(0, len(targets), size):
        yield targets[start : start + size]
