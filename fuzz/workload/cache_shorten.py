"""A divergence of a replay through an executor made short: pools are made smaller and operations left out, as long as it
fails alike; what is then short enough goes to the general minimiser.

Whatever is left out, the rest is a sequence of operations that both sides answer, if only with a refusal. Everything is
deterministic; the budget is a number of operations.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, evolve

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.minimise import Minimiser
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.subject import MachineError, Parameters, Subject
from kvproof.fuzz.target import Operation, Refused, TargetError
from kvproof.fuzz.targets.executor import ExecutorFactory, ExecutorTarget
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.cache_lockstep import CacheLockstep
from kvproof.fuzz.workload.cache_target import ServiceTarget, random_group

OPERATIONS_BUDGET = 8_000
"""Operations that cutting down may run: a minute or two at the pace of a replay."""

SMALL_OPERATIONS = 80
"""Up to so many operations a sequence goes to the minimiser."""

MINIMISER_RUNS = 400

LAST = 1_000_000_000
"""For a lockstep that is to look at everything only when it is told to."""


@define
class CacheShortener:
    """Cuts one divergence down.

    Attributes:
        subject: the machine.
        make_executor: the implementation that diverges.
        by_check: the failure shows only when everything is looked at.
        budget: operations left to run.
    """

    subject: Subject
    make_executor: ExecutorFactory
    by_check: bool = False
    budget: int = OPERATIONS_BUDGET

    def shorten(self, trace: Trace) -> Trace:
        """The shortest trace found that fails alike; the given one when nothing shorter does."""
        if trace.failure is None:
            return trace
        best = evolve(trace, operations=trace.operations[: trace.failure.operation + 1])
        best = self._attempt(best, best.parameters, best.operations) or best
        best = self._fewer_operations(self._smaller_pools(best))
        return self._minimised(best)

    def _attempt(self, known: Trace, parameters: Parameters, operations: tuple[Operation, ...]) -> Trace | None:
        """Run a candidate; None unless it fails alike. Operations that were refused are left out of the result."""
        if self.budget <= 0:
            return None
        target = ServiceTarget(self.make_executor, make_device=random_group)
        try:
            lockstep = CacheLockstep(self.subject, target, parameters, LAST)
        except (MachineError, TargetError):
            return None
        kept: list[Operation] = []
        failure: Failure | None = None
        for operation in operations:
            self.budget -= 1
            failure = lockstep.apply(operation)
            if failure is not None or not isinstance(lockstep.outcome, Refused):
                kept.append(operation)
            if failure is not None:
                break
        if failure is None and self.by_check and kept:
            failure = lockstep.check()
        if failure is None or not _alike(failure, known.failure):
            return None
        failure = evolve(failure, operation=len(kept) - 1)
        return evolve(known, parameters=parameters, operations=tuple(kept), failure=failure)

    def _smaller_pools(self, best: Trace) -> Trace:
        """The smallest powers of two that still fail."""
        for name, first in (("primary_slots", 1), ("secondary_slots", 0)):
            for size in _sizes(first, best.parameters[name]):
                found = self._attempt(best, {**best.parameters, name: size}, best.operations)
                if found is not None:
                    best = found
                    break
        return best

    def _fewer_operations(self, best: Trace) -> Trace:
        size = len(best.operations) // 2
        while size >= 1:
            start = 0
            while start < len(best.operations):
                rest = best.operations[:start] + best.operations[start + size :]
                found = self._attempt(best, best.parameters, rest)
                if found is not None and len(found.operations) < len(best.operations):
                    best = found
                else:
                    start += size
            size //= 2
        return best

    def _minimised(self, best: Trace) -> Trace:
        if len(best.operations) > SMALL_OPERATIONS:
            return best
        for mode in MODES:  # the replay's devices had an order of their own: one that fails too is looked for
            done: list[Operation] = []
            with Lockstep(self.subject, ExecutorTarget(self.make_executor), best.parameters) as lockstep:
                failure = lockstep.initial()
                for operation in best.operations:
                    if failure is not None:
                        break
                    failure = lockstep.apply(operation, Pace(mode))
                    done.append(lockstep.operation)
            if failure is not None:
                make_target = lambda: ExecutorTarget(self.make_executor)  # noqa: E731
                minimiser = Minimiser(self.subject, make_target, budget=MINIMISER_RUNS)
                short = minimiser.minimise(best.parameters, tuple(done), failure)
                return evolve(best, parameters=short.parameters, operations=short.operations, failure=short.failure)
        return best


def _alike(one: Failure, other: Failure | None) -> bool:
    """The same oracle objects to the same thing; at which operation may differ once others are left out."""
    return other is not None and one.fingerprint.split(":")[:2] == other.fingerprint.split(":")[:2]


def _sizes(first: int, below: int) -> Iterator[int]:
    size = first
    while size < below:
        yield size
        size = size * 2 or 1
