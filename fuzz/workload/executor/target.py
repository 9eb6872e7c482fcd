"""The implementation's executor as a replay drives it: devices complete work when they like, bytes are read in parts."""

from __future__ import annotations

from kvproof.fuzz.target import Content, Operation, Outcome
from kvproof.fuzz.targets.executor import ExecutorFactory, ExecutorTarget
from kvproof.fuzz.targets.sequence_caches import SCHEDULE_SEED
from kvproof.fuzz.workload.executor.service import RequestState
from kvproof.impl.device import Device, SimulatedDevice
from kvproof.impl.executor import Executor
from kvproof.impl.sequence_caches import SequenceCacheConfig


def random_group(config: SequenceCacheConfig, group: int) -> Device:
    """The embedded device, completing work in a random order and copies whole: for millions of copies."""
    pools = config.pools_of(group)
    return SimulatedDevice(
        *config.slots_of(group),
        sum(pool.block_bytes for pool in pools),
        pools=pools,
        tokens_per_block=config.tokens_of(group),
        schedule="random",
        seed=SCHEDULE_SEED,
    )


class ReplayTarget(ExecutorTarget):
    """An executor without a schedule of its own."""

    def __init__(self, make_executor: ExecutorFactory = Executor) -> None:
        super().__init__(make_executor, make_device=random_group)

    def schedule(self) -> None:
        """See `kvproof.fuzz.target`: there is none."""

    def apply(self, operation: Operation) -> Outcome:
        """One operation; what is pending completes when the devices like."""
        self._log = []
        return self._perform(operation)

    def look(self, request: int) -> RequestState | None:
        """What the engine knows of a request."""
        known = self._executor.requests.get(request)
        if known is None:
            return None
        history = self._caches.history(request)
        return RequestState(known.stage.name, known.row is not None, known.outstanding, history)

    def read_back(self) -> list[Content]:
        """What kernels have read since this was last asked. All work is completed; the record does not learn of it."""
        self._settle()
        found = list(self._engine.contents())
        self._engine.reads.clear()
        return found

    def contents(self) -> list[Content]:
        """Every committed page, and every page of an open cache."""
        self._settle()
        return [*self._committed(), *self._private()]

    def _settle(self) -> None:
        for device in self._devices.values():
            device._synchronize()
