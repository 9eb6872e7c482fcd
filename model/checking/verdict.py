"""What a check says: one word with one meaning, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from kvproof.model.solving.certificate import Certificate


class Verdict(Enum):
    """The result of a check. Only PROVED, HOLDS and EXPLORED are passes, each for what it names and no more."""

    PROVED = "proved"
    """Every invariant and rule holds at all depths, at these sizes."""
    HOLDS = "holds"
    """No violation up to the depth given with it."""
    EXPLORED = "explored"
    """No violation in any reachable state, at these sizes."""
    VIOLATED = "violated"
    """A trace from the initial state breaks a rule or an invariant; it was executed."""
    NOT_INDUCTIVE = "not inductive"
    """A state that satisfies the invariants leads to a violation. It need not be reachable: an invariant is missing, or
    there is a bug. Neither proved nor violated."""
    VACUOUS = "vacuous"
    """The hypotheses or assumptions contradict each other, so that nothing was shown."""
    OFF = "switched off"
    """No state accepts the operation at these sizes: nothing was shown about it here, and other sizes must show it."""
    UNKNOWN = "unknown"
    """The time was spent before there was an answer."""

    @property
    def passes(self) -> bool:
        """Whether a check with this verdict succeeded."""
        return self in (Verdict.PROVED, Verdict.HOLDS, Verdict.EXPLORED)


@attrs.frozen
class Call:
    """One operation or trial with its arguments, and what is chosen in it."""

    operation: str
    arguments: Mapping[str, Any]
    """Records as dicts."""
    choices: tuple[Any, ...] = ()
    """What is taken where the machine leaves a choice open, in order; what is missing at the end is the policy's."""

    def __str__(self) -> str:
        chosen = f" choosing {', '.join(map(readable, self.choices))}" if self.choices else ""
        arguments = ", ".join(f"{name}={readable(value)}" for name, value in self.arguments.items())
        return f"{self.operation}({arguments}){chosen}"


@attrs.frozen
class Finding:
    """Something that must not happen, and how it comes about."""

    rule: str
    """The protocol rule, invariant or other obligation that is broken first."""
    kind: str
    """"rule" of a step, "invariant", or "obligation" (bounds, reads of what is not there, all-or-nothing)."""
    calls: tuple[Call, ...]
    """The operations, the last of which breaks the rule: from the initial state, or one operation from `state`."""
    state: Mapping[str, Any] | None
    """The state before the last operation, by variable; None when the calls start from the initial state."""
    snapshot: tuple[Any, ...] | None
    """The same state as the reference's `restore` takes it."""
    file: str = ""
    line: int = 0
    """The line that states the rule (0 for an invariant, which is broken after the operation)."""

    def __str__(self) -> str:
        where = f" ({self.file.rsplit('/', 1)[-1]}:{self.line})" if self.line else ""
        return f"{self.kind} {self.rule}{where} broken by {'; '.join(map(str, self.calls))}"


@attrs.frozen
class OperationReport:
    """What induction found for one operation."""

    operation: str
    verdict: Verdict
    seconds: float
    nodes: int
    """Nodes of the circuit that the queries depend on."""
    clauses: int
    """Clauses given to the solver (0 for an engine that takes terms)."""
    findings: tuple[Finding, ...] = ()
    reached: tuple[str, ...] = ()
    """What some state satisfying the invariants leads to: "accepted", branches, rejections and events; and as `step NAME`
    and `promise NAME` the steps that are taken and the promises that are evaluated."""
    unreachable: tuple[str, ...] = ()
    """Branches, rejections and events that no state satisfying the invariants leads to: not covered by the proof."""
    undecided: tuple[str, ...] = ()
    """What the time did not suffice to decide."""
    goals: tuple[str, ...] = ()
    """The goals of depth that were asked for and are reached."""
    certificate: Certificate | None = None
    """Who asked for one: that the solver's proof was checked."""


@attrs.frozen
class Report:
    """The result of one check of one machine at one size."""

    check: str
    """"induction", "bounded" or "exploration"."""
    machine: str
    sizes: Mapping[str, int]
    engine: str
    verdict: Verdict
    seconds: float
    depth: int | None = None
    """Operations of the longest runs that were looked at, or of the counterexample. None for induction."""
    findings: tuple[Finding, ...] = ()
    operations: tuple[OperationReport, ...] = ()
    reached: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    """Branches, events and operations without a witness within the depth (bounded), from any state (induction), or in any
    state that was visited (exploration)."""
    goals: tuple[str, ...] = ()
    """The goals of depth that were asked for and are reached (induction, exploration)."""
    nodes: int = 0
    clauses: int = 0
    message: str = ""
    certificates: tuple[Certificate, ...] = ()
    """Who asked for them: one for the hypotheses and one for each operation."""

    @property
    def finding(self) -> Finding | None:
        """The first thing that was found, if anything was."""
        return next(iter(self.findings), None)

    @property
    def off(self) -> tuple[str, ...]:
        """The operations that no state accepts at these sizes."""
        return tuple(one.operation for one in self.operations if one.verdict is Verdict.OFF)

    def summary(self) -> str:
        """The verdict in words: "proved", "holds to depth 7", "violated at depth 4: ..."."""
        words = self.verdict.value
        if self.verdict is Verdict.HOLDS:
            words = f"holds to depth {self.depth}"
        elif self.verdict is Verdict.VIOLATED:
            words = f"violated at depth {self.depth}"
        elif self.verdict is Verdict.UNKNOWN and self.depth is not None:
            words = f"unknown beyond depth {self.depth}"
        details = "; ".join([str(finding) for finding in self.findings] or ([self.message] if self.message else []))
        return f"{words}: {details}" if details else words


def readable(value: Any) -> str:
    """A concrete value as a reader would write it."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(readable, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{readable(key)}: {readable(part)}" for key, part in value.items()) + "}"
    return str(getattr(value, "name", None) or value)
