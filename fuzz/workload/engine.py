"""The engine of the replay: one iteration around each operation, with the bytes that a forward pass reads and writes.

It does what `kvproof.fuzz.targets.block_manager` does for short runs, at a cost that depends on the blocks of the
sequences that the operation is about and on nothing else: bytes come from path nodes, positions from the step log, the
cached set from events. The manager is the one that the target drives, so a trace of the replay runs on that target
unchanged; the device completes work by itself, in a random order and whole copies at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.fuzz.target import Observation, Operation, Outcome, Refused, Returned, reset_target
from kvproof.fuzz.targets.block_manager import (
    RESULT_FIELDS,
    BlockManagerTarget,
    DeviceFactory,
    ManagerFactory,
    random_device,
)
from kvproof.fuzz.workload.event_fold import EventFold
from kvproof.fuzz.workload.ledger import Step
from kvproof.fuzz.workload.paths import PathNode, SequencePath
from kvproof.fuzz.workload.promise import READ_ONLY
from kvproof.impl.block_manager import (
    AdmittedRequest,
    BlockManager,
    Counters,
    Observer,
    PoolConfig,
    Request,
    RetentionRange,
    decode_entry,
)
from kvproof.impl.block_manager import Refused as RefusedByManager
from kvproof.impl.device import Device, Loaded, Race, Stream


class KernelRead(NamedTuple):
    """What a kernel read of one block of its sequence: its first `length` bytes are there by then."""

    sequence: int
    position: int
    path: PathNode
    length: int
    load: Loaded


class Engine:
    """One block manager on one device, driven operation by operation.

    Args:
        parameters: sizes, as the specification names them.
        root: the root of the paths whose bytes are written.
        make_manager: the implementation.
        make_device: the device.
    """

    def __init__(
        self,
        parameters: Mapping[str, int],
        root: PathNode,
        make_manager: ManagerFactory = BlockManager,
        make_device: DeviceFactory = random_device,
    ) -> None:
        self.log: list[Step] = []
        """Steps of the last operation, in the implementation's ids."""
        self.reads: list[KernelRead] = []
        """What the kernels of the last operation read; their bytes are there after `settle`."""
        self.fold = EventFold(root)
        """What the manager's events say is cached."""
        self.wrong_events: str | None = None
        """What is wrong with the events of the last operation."""
        self._root = root
        self._size = parameters["tokens_per_block"]
        self._has_budget = parameters["budget_max"] > 0
        self._now = 0
        self._paths: dict[int, SequencePath] = {}
        self._written: dict[int, int] = {}
        made: list[tuple[BlockManager, Device]] = []

        def make(config: PoolConfig, device: Device, _observer: Observer) -> BlockManager:
            manager = make_manager(config, device, self._report)
            made.append((manager, device))
            return manager

        self._target = BlockManagerTarget(make_device, make)
        reset_target(self._target, parameters)
        self._manager, self._device = made[-1]
        manager = self._manager
        self._calls: dict[str, Callable[..., Any]] = {
            "estimate": manager.estimate,
            "blocks_needed": manager.blocks_needed,
            "add_batch": self._add_batch,
            "prefill": manager.prefill,
            "append": self._append,
            "rewind": manager.rewind,
            "store": manager.store,
            "finish": manager.finish,
            "refresh": self._refresh,
        }

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.log.append((name, arguments))

    def apply(self, operation: Operation) -> Outcome:
        """One iteration: copies, the operation, the kernels of what it wrote."""
        self.log.clear()
        self.reads.clear()
        call = self._calls[operation.name]
        if operation.name in READ_ONLY:
            outcome = self._outcome(call, operation)
        else:
            self._manager.begin_iteration()
            outcome = self._outcome(call, operation)
            self._manager.end_iteration()
            if isinstance(outcome, Returned):
                self._run_kernels()
        events = self._manager.drain_events()
        self.wrong_events = self.fold.take(events)
        if isinstance(outcome, Refused) and events:
            self.wrong_events = f"{events[0]}: the operation was refused, and changes nothing"
        return outcome

    @staticmethod
    def _outcome(call: Callable[..., Any], operation: Operation) -> Outcome:
        try:
            return Returned(call(**operation.arguments))
        except RefusedByManager as refusal:
            return Refused(refusal.reason)

    def _add_batch(self, requests: tuple[Mapping[str, Any], ...], budget: int) -> tuple[dict[str, int], ...]:
        asked = [
            Request(**{**request, "ranges": tuple(RetentionRange(**each) for each in request["ranges"])})
            for request in requests
        ]
        admitted = self._manager.add_sequence_batch(asked, budget if self._has_budget else None)
        return tuple(map(_added, (*admitted.requests, admitted.totals)))

    def _append(self, sequence: int, tokens: tuple[int, ...]) -> int:
        before = self._manager.block_count(sequence) if sequence in self._paths else 0
        self._manager.append_tokens(sequence, tokens)
        return self._manager.block_count(sequence) - before

    def _refresh(self, elapsed: int) -> int:
        self._now += elapsed
        return self._manager.refresh(self._now)

    def _run_kernels(self) -> None:
        """Follow the log; then the forward pass of each sequence that it writes to."""
        writes: dict[int, list[tuple[int, int]]] = {}
        for name, arguments in self.log:
            if name == "write":
                sequence, position, end = arguments
                writes.setdefault(sequence, []).append((position, end))
            elif name == "begin":
                self._paths[arguments[0]] = SequencePath(self._root, self._size, arguments[1])
                self._written[arguments[0]] = 0
            elif name == "reuse":
                self._written[arguments[0]] = arguments[1]
            elif name == "extend":
                self._paths[arguments[0]].extend(arguments[1])
            elif name == "truncate":
                self._paths[arguments[0]].truncate(arguments[1])
                self._written[arguments[0]] = arguments[1]
            elif name == "end":
                del self._paths[arguments[0]], self._written[arguments[0]]
        for sequence, parts in writes.items():
            self._run_kernel(sequence, parts)

    def _run_kernel(self, sequence: int, parts: list[tuple[int, int]]) -> None:
        """Attention reads every block that has data, then the new tokens' data are written where the log says."""
        size, device, done = self._size, self._device, self._written[sequence]
        table, nodes = self._manager.page_table(sequence).tolist(), self._paths[sequence].nodes
        compute = Stream.COMPUTE
        for position in range(-(-done // size)):
            load = device.load(compute, *decode_entry(table[position]))
            there = min(size, done - position * size) * BYTES_PER_TOKEN
            self.reads.append(KernelRead(sequence, position, nodes[position], there, load))
        for position, end in parts:
            first = position * size
            start, stop = max(0, done - first) * BYTES_PER_TOKEN, (end - first) * BYTES_PER_TOKEN
            device.write(compute, *decode_entry(table[position]), start, nodes[position].data[start:stop])
        self._written[sequence] = parts[-1][1]

    def settle(self) -> None:
        """Complete all work. The happens-before record does not learn of it: the program itself does not wait."""
        self._device._synchronize()

    def bytes_at(self, level: int, slot: int) -> bytes:
        """The bytes of a slot; call `settle` first."""
        return self._device.peek(level, slot)

    def page_table(self, sequence: int) -> list[int]:
        """Page-table entries of a live sequence."""
        entries: list[int] = self._manager.page_table(sequence).tolist()
        return entries

    def free_counts(self) -> tuple[int, int]:
        """Free blocks per level, as the manager counts them."""
        return self._manager.free_counts()

    def races(self) -> list[Race]:
        """Unordered conflicting accesses found so far."""
        return self._device.races

    @property
    def counters(self) -> Counters:
        """The manager's running totals."""
        return self._manager.counters

    def observe(self) -> Observation:
        """The whole observation, as the target gives it, with what the events say is cached."""
        self._target._live = None  # what it has kept since its own last operation, and it has had none
        return {**self._target.observe(), "cached": self.fold.rows()}


def _added(result: AdmittedRequest) -> dict[str, int]:
    return {name: getattr(result, name) for name in RESULT_FIELDS}
