"""The block manager as a replay drives it: an iteration around each operation, at the cost of what the operation is about.

As `kvproof.fuzz.targets.block_manager`, from which only the engine around the manager differs: the forward pass of what an
operation wrote runs at once, positions come from the step log, bytes from path nodes, and the device completes work by
itself, in a random order and whole copies at a time. A trace of a replay runs on the ordinary target unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.fuzz.paths import PathNode, SequencePath
from kvproof.fuzz.target import Content, Operation, Outcome, Refused, Returned, Step
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, DeviceFactory, ManagerFactory, random_device
from kvproof.fuzz.targets.event_fold import EventFold
from kvproof.fuzz.targets.forward_pass import ForwardPasses
from kvproof.fuzz.workload.block_manager.promise import READ_ONLY
from kvproof.impl.block_manager import BlockManager, Counters, decode_entry
from kvproof.impl.device import Device, Loaded, Stream


class KernelRead(NamedTuple):
    """A block of a sequence that a kernel read, of which the data of `path` are there by then."""

    sequence: int
    position: int
    path: PathNode
    load: Loaded


class PromptPasses(ForwardPasses):
    """Passes that run as soon as there is something to write, on paths of nodes.

    Args:
        manager, device: the manager and its memory.
        block_tokens: tokens of a block.
        root: the root of the paths whose bytes are written.
    """

    def __init__(self, manager: BlockManager, device: Device, block_tokens: int, root: PathNode) -> None:
        super().__init__(manager, device, block_tokens, 1, lambda path: [])
        self._root = root
        self._paths: dict[int, SequencePath] = {}
        self.kernel_reads: list[KernelRead] = []
        """What the kernels of the last operation read; their bytes are there once all work is complete."""

    def is_live(self, sequence: int) -> bool:
        """See `ForwardPasses`."""
        return sequence in self._paths

    def run(self, log: list[Step]) -> None:
        """Follow the log; then the forward pass of each sequence that it writes to."""
        writes: dict[int, list[tuple[int, int]]] = {}
        for name, arguments in log:
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
            self._run(sequence, parts)

    def _run(self, sequence: int, parts: list[tuple[int, int]]) -> None:
        """Attention reads every block that has data, then the new tokens' data are written where the log says."""
        size, device, done = self._size, self._device, self._written[sequence]
        table, nodes = self._manager.page_table(sequence).tolist(), self._paths[sequence].nodes
        compute = Stream.COMPUTE
        for position in range(-(-done // size)):
            load = device.load(compute, *decode_entry(table[position]))
            there = nodes[position].beginning(done - position * size)
            self.kernel_reads.append(KernelRead(sequence, position, there, load))
        for position, end in parts:
            first = position * size
            start, stop = max(0, done - first) * BYTES_PER_TOKEN, (end - first) * BYTES_PER_TOKEN
            device.write(compute, *decode_entry(table[position]), start, nodes[position].data[start:stop])
        self._written[sequence] = parts[-1][1]


class ReplayTarget(BlockManagerTarget):
    """A block manager without a schedule of its own."""

    _passes: PromptPasses

    def __init__(self, make_manager: ManagerFactory = BlockManager, make_device: DeviceFactory = random_device) -> None:
        super().__init__(make_device, make_manager)

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`."""
        super().reset(parameters)
        self.root = PathNode(None, ())
        """The root of all paths."""
        self._passes = PromptPasses(self._manager, self._device, self._block_tokens, self.root)
        self._fold = EventFold(self._split.machine_tokens, self.root)

    def schedule(self) -> None:
        """See `kvproof.fuzz.target`: there is none."""

    def apply(self, operation: Operation) -> Outcome:
        """One iteration: copies, the operation, the kernels of what it wrote."""
        self._log.clear()
        self._live = None
        self._passes.kernel_reads.clear()
        if operation.name in READ_ONLY:
            outcome = self._perform(operation)
        else:
            self._manager.begin_iteration()
            outcome = self._perform(operation)
            self._manager.end_iteration()
            if isinstance(outcome, Returned):
                self._passes.run(self._log)
        events = self._manager.drain_events()
        self._fold.take(events)
        if isinstance(outcome, Refused) and events:
            self._fold.fault = f"{events[0]}: the operation was refused, and changes nothing"
        return outcome

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._log.append(Step(name, arguments))  # a trace has no extra ids, so both sides have the same tokens

    # What is looked at, each at the cost of what is asked for.

    @property
    def fold(self) -> EventFold:
        """What the manager's events say is cached."""
        return self._fold

    @property
    def counters(self) -> Counters:
        """The manager's running totals."""
        return self._manager.counters

    def free_counts(self) -> tuple[int, int]:
        """Free blocks per level, as the manager counts them."""
        return self._manager.free_counts()

    def page_table(self, sequence: int) -> list[int]:
        """Page-table entries of a live sequence."""
        entries: list[int] = self._manager.page_table(sequence).tolist()
        return entries

    def settle(self) -> None:
        """Complete all work. The happens-before record does not learn of it: the program itself does not wait."""
        self._device._synchronize()

    def bytes_at(self, level: int, slot: int) -> bytes:
        """The bytes of a slot; call `settle` first."""
        return self._device.peek(level, slot)

    def read_back(self) -> Iterator[Content]:
        """What the kernels of the last operation read; call `settle` first."""
        for sequence, position, path, load in self._passes.kernel_reads:
            where = f"block {position} as the kernel of sequence {sequence} read it"
            yield Content(where, path, 0, load.value()[: len(path.data)])
