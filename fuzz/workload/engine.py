"""The engine of the replay: one iteration around each operation, with the bytes that a forward pass reads and writes.

It does what `kvproof.fuzz.targets.block_manager` does for short runs, at a cost that depends on the blocks of the
sequence that the operation is about and on nothing else: bytes come from path nodes, positions from the step log. The
manager and the device are those that the target makes, so a trace of the replay runs on that target unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.fuzz.target import Observation, Operation, Outcome, Refused, Returned, reset_target
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, DeviceFactory, ManagerFactory, simulated_device
from kvproof.fuzz.workload.ledger import Step
from kvproof.fuzz.workload.paths import PathNode, SequencePath
from kvproof.impl import BlockManager, Counters, Observer, PoolConfig, decode_entry
from kvproof.impl import Refused as RefusedByManager
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
        make_device: DeviceFactory = simulated_device,
    ) -> None:
        self.log: list[Step] = []
        """Steps of the last operation, in the implementation's ids."""
        self.reads: list[KernelRead] = []
        """What the kernels of the last operation read; their bytes are there after `settle`."""
        self._root = root
        self._size = parameters["tokens_per_block"]
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
        self._calls: dict[str, Callable[..., int]] = {
            "add": self._add,
            "append": self._append,
            "store": manager.store,
            "finish": self._finish,
        }

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.log.append((name, arguments))

    def apply(self, operation: Operation) -> Outcome:
        """One iteration: copies, the operation, the kernels of what it wrote."""
        self.log.clear()
        self.reads.clear()
        manager = self._manager
        manager.begin_iteration()
        try:
            value = self._calls[operation.name](**operation.arguments)
        except RefusedByManager as refusal:
            manager.end_iteration()
            return Refused(refusal.reason)
        manager.end_iteration()
        if operation.name in ("add", "append"):
            self._run_kernel(operation.arguments["sequence"])
        return Returned(value)

    def _add(self, sequence: int, tokens: tuple[int, ...], priority: int) -> int:
        reused = self._manager.add_sequence(sequence, tokens, priority).reused_tokens
        self._paths[sequence] = SequencePath(self._root, self._size, tokens)
        self._written[sequence] = reused
        return reused

    def _append(self, sequence: int, tokens: tuple[int, ...]) -> int:
        before = self._manager.block_count(sequence) if sequence in self._paths else 0
        self._manager.append_tokens(sequence, tokens)
        self._paths[sequence].extend(tokens)
        return self._manager.block_count(sequence) - before

    def _finish(self, sequence: int) -> int:
        stored = self._manager.finish(sequence)
        del self._paths[sequence], self._written[sequence]
        return stored

    def _run_kernel(self, sequence: int) -> None:
        """Attention reads every block that has data, then the new tokens' data are written where the log says."""
        size, device, path, done = self._size, self._device, self._paths[sequence], self._written[sequence]
        table, nodes, length = self._manager.page_table(sequence).tolist(), path.nodes, len(path.tokens)
        compute = Stream.COMPUTE
        for position in range(-(-done // size)):
            load = device.load(compute, *decode_entry(table[position]))
            there = min(size, done - position * size) * BYTES_PER_TOKEN
            self.reads.append(KernelRead(sequence, position, nodes[position], there, load))
        for name, arguments in self.log:
            if name == "write" and arguments[0] == sequence:
                position = arguments[1]
                start = max(0, done - position * size) * BYTES_PER_TOKEN
                device.write(compute, *decode_entry(table[position]), start, nodes[position].data[start:])
        self._written[sequence] = length

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
        """The whole observation, as the target gives it."""
        return self._target.observe()
