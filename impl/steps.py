"""The steps: every change of the manager's state is one of these methods.

With an observer each step is reported as it takes effect. The reporting methods are bound over the plain ones once,
when the manager is made, so that without an observer no step even asks whether there is one. An override in a
subclass is reported like the original.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvproof.impl.config import PoolConfig
from kvproof.impl.counters import Counters
from kvproof.impl.device.interface import Device, Level
from kvproof.impl.free_queues import NOT_QUEUED, FreeQueues
from kvproof.impl.page_table import PageTables
from kvproof.impl.refusal import ProtocolError
from kvproof.impl.reuse_tree import ROOT, UNATTACHED, Key, ReuseTree
from kvproof.impl.sequence import Sequence
from kvproof.impl.transfers import Transfers

Observer = Callable[[str, tuple[Any, ...]], None]
"""Called with a step's name and its arguments: plain ints, bools, tuples and None."""

STEPS = (
    "claim",
    "release",
    "prioritise",
    "swap",
    "copy",
    "attach",
    "detach",
    "acquire",
    "drop",
    "pin",
    "unpin",
    "begin",
    "extend",
    "write",
    "end",
)


class BlockSteps:
    """The state of a pool and the steps that change it.

    Per block, in flat lists: its slot (PRIMARY slots first), references (uses by sequences and pins), pins (pinned
    paths through it), pinned paths that end at it, and retention priority. Block b starts in slot b, empty and free
    at priority 0.
    """

    # The mechanisms that a subclass can replace whole.
    queues_type: type[FreeQueues] = FreeQueues
    tree_type: type[ReuseTree] = ReuseTree
    transfers_type: type[Transfers] = Transfers
    page_tables_type: type[PageTables] = PageTables

    def __init__(self, config: PoolConfig, device: Device, observer: Observer | None = None) -> None:
        if device.slots != (config.primary_blocks, config.secondary_blocks) or device.block_bytes != config.block_bytes:
            raise ValueError(
                f"device: has {device.slots[0]} primary and {device.slots[1]} secondary slots of {device.block_bytes} "
                f"bytes, but the pool needs {config.primary_blocks} and {config.secondary_blocks} of "
                f"{config.block_bytes}; make both from one PoolConfig"
            )
        blocks = config.primary_blocks + config.secondary_blocks
        self.config = config
        self.device = device
        self.counters = Counters()
        self._primary_slots = config.primary_blocks
        self._slot = list(range(blocks))
        self._refs = [0] * blocks
        self._pins = [0] * blocks
        self._pinned = [0] * blocks
        self._priority = [0] * blocks
        self._queues = self.queues_type(blocks, config.priorities)
        self._tree = self.tree_type(blocks)
        self._transfers = self.transfers_type(device)
        self._page_tables = self.page_tables_type(config.primary_blocks)
        self._entry = self._page_tables.entry
        self._sequences: dict[int, Sequence] = {}
        for block in range(blocks):
            self._queues.push(block, self._level(block), 0, False)
        if observer is not None:
            self._report_to(observer)

    def _level(self, block: int) -> Level:
        return Level.PRIMARY if self._slot[block] < self._primary_slots else Level.SECONDARY

    # Blocks

    def step_claim(self, block: int) -> None:
        """Take `block` out of the free queue of its level and priority."""
        level = 0 if self._slot[block] < self._primary_slots else 1
        self._queues.remove(block, level, self._priority[block])

    def step_release(self, block: int, to_front: bool) -> None:
        """Queue `block` as free. One that is not cached serves nobody: it becomes the first victim of its level."""
        if self._refs[block]:
            raise ProtocolError(f"block {block}: released with {self._refs[block]} references left")
        if self._tree.parent[block] == UNATTACHED:
            self._priority[block] = 0
            to_front = True
        level = 0 if self._slot[block] < self._primary_slots else 1
        self._queues.push(block, level, self._priority[block], to_front)

    def step_prioritise(self, block: int, priority: int) -> None:
        """Give `block`, which is not queued, a retention priority."""
        if self._queues.handle[block] != NOT_QUEUED:
            raise ProtocolError(f"block {block}: its priority was changed to {priority} while it is in a free queue")
        self._priority[block] = priority

    def step_copy(self, source: int, target: int) -> None:
        """Copy the bytes of `source` to where `target` is; asynchronous."""
        self._transfers.copy(self._slot[source], self._slot[target])

    def step_swap(self, a: int, b: int) -> None:
        """Exchange the slots of `a` and `b`; the bytes have been seen to already."""
        for block in (a, b):
            if self._refs[block] != self._pins[block]:
                raise ProtocolError(f"block {block}: swapped while a sequence uses it, whose page table would be wrong")
        self.exchange_slots(a, b)

    def exchange_slots(self, a: int, b: int) -> None:
        """What a swap does."""
        slot = self._slot
        slot[a], slot[b] = slot[b], slot[a]

    def step_attach(self, block: int, parent: int, key: Key) -> None:
        """Cache `block` under `parent` (a block, or ROOT, which is reported as None)."""
        self._tree.attach(block, parent, key)

    def step_detach(self, block: int) -> None:
        """Take `block`, which has no cached children, out of the reuse tree."""
        self._tree.detach(block)

    def step_pin(self, block: int, last: bool) -> None:
        """Add a pin, which counts as a reference; `last` when the pinned path ends at `block`."""
        self._pins[block] += 1
        self._refs[block] += 1
        if last:
            self._pinned[block] += 1

    def step_unpin(self, block: int, last: bool) -> None:
        """Take a pin away; `last` when the path that is no longer pinned ends at `block`."""
        if not self._pins[block]:
            raise ProtocolError(f"block {block}: unpinned without a pin")
        if last and not self._pinned[block]:
            raise ProtocolError(f"block {block}: unpinned as the end of a path, but no pinned path ends there")
        self._pins[block] -= 1
        self._refs[block] -= 1
        if last:
            self._pinned[block] -= 1

    # Sequences

    def step_begin(self, sequence: int, tokens: Key, priority: int) -> None:
        """Make `sequence` live, without blocks."""
        self._sequences[sequence] = Sequence(tokens, priority)

    def step_extend(self, sequence: int, tokens: Key) -> None:
        """Append `tokens`; their blocks follow."""
        self._sequences[sequence].tokens.extend(tokens)

    def step_acquire(self, sequence: int, block: int) -> None:
        """Make `block` the next block of `sequence`."""
        live = self._sequences[sequence]
        self._refs[block] += 1
        live.blocks.append(block)
        live.table.append(self._entry(block, self._slot[block]))

    def step_drop(self, sequence: int, block: int) -> None:
        """Take `block`, its last, from `sequence`."""
        live = self._sequences[sequence]
        if not live.blocks or live.blocks[-1] != block:
            raise ProtocolError(f"block {block}: dropped by sequence {sequence}, whose last block it is not")
        if not self._refs[block]:
            raise ProtocolError(f"block {block}: dropped by sequence {sequence} without a reference")
        live.blocks.pop()
        live.table.pop()
        self._refs[block] -= 1

    def step_write(self, sequence: int, index: int) -> None:
        """Announce that the next forward pass writes position `index` of `sequence`; the kernel is the engine's."""

    def step_end(self, sequence: int) -> None:
        """`sequence` is no longer live."""
        del self._sequences[sequence]

    def _report_to(self, observer: Observer) -> None:
        for name in STEPS:
            step = getattr(self, f"step_{name}")
            if name == "attach":
                report = _reporting_attach(step, observer)
            elif name == "release":
                report = _reporting_release(step, observer, self._tree.parent)
            else:
                report = _reporting(name, step, observer)
            setattr(self, f"step_{name}", report)


def _reporting(name: str, step: Callable[..., None], observer: Observer) -> Callable[..., None]:
    def report(*arguments: Any) -> None:
        step(*arguments)
        observer(name, arguments)

    return report


def _reporting_attach(step: Callable[[int, int, Key], None], observer: Observer) -> Callable[..., None]:
    def report(block: int, parent: int, key: Key) -> None:
        step(block, parent, key)
        observer("attach", (block, None if parent == ROOT else parent, key))

    return report


def _reporting_release(step: Callable[[int, bool], None], observer: Observer, parent: list[int]) -> Callable[..., None]:
    def report(block: int, to_front: bool) -> None:
        step(block, to_front)
        observer("release", (block, to_front or parent[block] == UNATTACHED))  # where it went, not what was asked

    return report
