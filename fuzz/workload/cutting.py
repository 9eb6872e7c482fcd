"""Cutting the divergence of a replay down, whichever manager it is on: smaller pools, fewer operations.

The general minimiser compares whole states at every operation, which a replay of thousands of operations on thousands
of blocks cannot afford. So the replay is first cut down with its own lockstep; what is then small goes to the minimiser.
Whatever is left out, the rest is a sequence of operations that both sides answer, if only with a refusal. Everything is
deterministic; the budget is a number of operations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Protocol

from attrs import define, evolve

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.shrinking.minimise import Minimiser
from kvproof.fuzz.subject import MachineError, Parameters, Subject
from kvproof.fuzz.target import Operation, Outcome, Refused, Target, TargetError
from kvproof.fuzz.trace import Trace


class Applying(Protocol):
    """A replay's lockstep, as far as cutting down uses it."""

    @property
    def outcome(self) -> Outcome:
        """Of the last operation, as the specification has it."""

    def apply(self, operation: Operation) -> Failure | None:
        """Perform one operation."""

    def check(self) -> Failure | None:
        """Look at everything."""


@define
class Cutter(ABC):
    """Cuts one divergence down.

    Attributes:
        subject: the machine.
        by_check: the failure shows only when everything is looked at.
        budget: operations left to run.
    """

    POOLS: ClassVar[tuple[tuple[str, int], ...]]
    """The parameters that are the sizes of pools, and the least of each."""
    MINIMISER_RUNS: ClassVar[int]

    subject: Subject
    by_check: bool
    budget: int

    @abstractmethod
    def lockstep(self, parameters: Parameters) -> Applying:
        """The replay's lockstep.

        Raises:
            MachineError, TargetError: these sizes are not possible.
        """

    @abstractmethod
    def make_target(self) -> Target:
        """The target on which the trace is replayed."""

    @abstractmethod
    def is_small(self, trace: Trace) -> bool:
        """Whether a trace can go to the minimiser."""

    @abstractmethod
    def shorten(self, trace: Trace) -> Trace:
        """The shortest trace found that fails in the same way; the given one when nothing shorter does."""

    def attempt(self, best: Trace, parameters: Parameters, operations: tuple[Operation, ...]) -> Trace | None:
        """Run a candidate; None unless it fails alike. Operations that were refused are left out of the result."""
        if self.budget <= 0:
            return None
        try:
            lockstep = self.lockstep(parameters)
        except (MachineError, TargetError):
            return None
        kept: list[Operation] = []
        failure = None
        for operation in operations:
            self.budget -= 1
            failure = lockstep.apply(operation)
            if failure is not None or not isinstance(lockstep.outcome, Refused):
                kept.append(operation)
            if failure is not None:
                break
        if failure is None and self.by_check and kept:
            failure = lockstep.check()
        if failure is None or not _alike(failure, best.failure):
            return None
        failure = evolve(failure, operation=len(kept) - 1)
        return evolve(best, parameters=parameters, operations=tuple(kept), failure=failure)

    def smaller_pools(self, best: Trace) -> Trace:
        """The smallest powers of two that still fail: small pools refuse most and so are quick to try."""
        for name, first in self.POOLS:
            for size in _sizes(first, best.parameters[name]):
                found = self.attempt(best, {**best.parameters, name: size}, best.operations)
                if found is not None:
                    best = found
                    break
        return best

    def fewer_operations(self, best: Trace) -> Trace:
        """Without runs of operations that the failure does not need, long ones first."""
        size = len(best.operations) // 2
        while size >= 1:
            start = 0
            while start < len(best.operations):
                rest = best.operations[:start] + best.operations[start + size :]
                found = self.attempt(best, best.parameters, rest)
                if found is not None and len(found.operations) < len(best.operations):
                    best = found
                else:
                    start += size
            size //= 2
        return best

    def minimised(self, best: Trace) -> Trace:
        """What the minimiser makes of a small trace; one that is not, or that whole states do not show, is left."""
        if not self.is_small(best):
            return best
        for mode in MODES:  # the replay's device had an order of its own: one that fails too is looked for
            operations, failure = self._run_whole(best, Pace(mode))
            if failure is not None:
                minimiser = Minimiser(self.subject, self.make_target, budget=self.MINIMISER_RUNS)
                short = minimiser.minimise(best.parameters, operations, failure)
                return evolve(best, parameters=short.parameters, operations=short.operations, failure=short.failure)
        return best

    def _run_whole(self, trace: Trace, pace: Pace) -> tuple[tuple[Operation, ...], Failure | None]:
        """Lockstep that compares whole states: the operations with what completed during each, and the failure."""
        done: list[Operation] = []
        with Lockstep(self.subject, self.make_target(), trace.parameters) as lockstep:
            failure = lockstep.initial()
            for operation in trace.operations:
                if failure is not None:
                    break
                failure = lockstep.apply(operation, pace)
                done.append(lockstep.operation)
        return tuple(done), failure


def _alike(one: Failure, other: Failure | None) -> bool:
    """The same oracle objects to the same thing; at which operation may differ once others are left out."""
    return other is not None and one.fingerprint.split(":")[:2] == other.fingerprint.split(":")[:2]


def _sizes(first: int, below: int) -> Iterator[int]:
    size = first
    while size < below:
        yield size
        size = size * 2 or 1
