"""A divergence of a replay through an executor made short: pools are made smaller and operations left out, as long as it
fails alike; what is then short enough goes to the general minimiser."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, evolve

from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import Target
from kvproof.fuzz.targets.executor import ExecutorFactory, ExecutorTarget
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.cache_lockstep import CacheLockstep
from kvproof.fuzz.workload.cache_target import ServiceTarget, random_group
from kvproof.fuzz.workload.cutting import Cutter

OPERATIONS_BUDGET = 8_000
"""Operations that cutting down may run: a minute or two at the pace of a replay."""

SMALL_OPERATIONS = 80
"""Up to so many operations a sequence goes to the minimiser."""

LAST = 1_000_000_000
"""For a lockstep that is to look at everything only when it is told to."""


@define
class CacheShortener(Cutter):
    """Cuts one divergence of `make_executor` down."""

    POOLS: ClassVar[tuple[tuple[str, int], ...]] = (("primary_slots", 1), ("secondary_slots", 0))
    MINIMISER_RUNS: ClassVar[int] = 400

    make_executor: ExecutorFactory
    by_check: bool = False
    budget: int = OPERATIONS_BUDGET

    def shorten(self, trace: Trace) -> Trace:
        """See `Cutter`."""
        if trace.failure is None:
            return trace
        best = evolve(trace, operations=trace.operations[: trace.failure.operation + 1])
        best = self.attempt(best, best.parameters, best.operations) or best
        return self.minimised(self.fewer_operations(self.smaller_pools(best)))

    def lockstep(self, parameters: Parameters) -> CacheLockstep:
        """See `Cutter`."""
        return CacheLockstep(
            self.subject, ServiceTarget(self.make_executor, make_device=random_group), parameters, LAST
        )

    def make_target(self) -> Target:
        """See `Cutter`."""
        return ExecutorTarget(self.make_executor)

    def is_small(self, trace: Trace) -> bool:
        """See `Cutter`."""
        return len(trace.operations) <= SMALL_OPERATIONS
