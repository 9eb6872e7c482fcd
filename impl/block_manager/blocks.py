"""The blocks of a pool, and the steps: every change of the manager's state is one of these methods."""

from __future__ import annotations

from kvproof.impl.block_manager.config import PoolConfig
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.event_log import EventLog, log_events
from kvproof.impl.block_manager.expiry import Expiry
from kvproof.impl.block_manager.free_queues import NOT_QUEUED, UNREACHABLE, FreeQueues
from kvproof.impl.block_manager.page_table import PageTables
from kvproof.impl.block_manager.reuse_tree import ROOT, UNATTACHED, ReuseTree
from kvproof.impl.block_manager.sequence import Sequence
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device.interface import Level
from kvproof.impl.observer import Observer, Told, report_steps
from kvproof.impl.refusals import ProtocolError

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
    "open_claims",
    "close_claims",
    "begin",
    "extend",
    "reuse",
    "write",
    "truncate",
    "end",
    "tick",
)


class Blocks:
    """The state of a pool and the steps that change it.

    Block b starts in slot b, empty and free at priority 0. What is public here is for the other parts of the manager: they
    read it, and change it by steps alone.

    Attributes:
        slot: per block, where it is; PRIMARY slots first.
        refs: per block, uses by sequences and pins.
        pins: per block, pinned paths through it.
        pinned: per block, pinned paths that end at it.
        priority, duration: per block, its retention.
        queues, handle: the free queues; per block the queue that it is in.
        tree, parent: the reuse tree; per block its parent there.
        expiry: the timers of free blocks.
        sequences: the live ones by id.
        transfers: what carries copies out.
        events: the cache events; None when the pool keeps none.
        counters: running totals.
    """

    def __init__(self, config: PoolConfig, transfers: Transfers, observer: Observer | None = None) -> None:
        blocks = config.primary_blocks + config.secondary_blocks
        self.config = config
        self.transfers = transfers
        self.counters = Counters()
        self.primary_slots = config.primary_blocks
        self.slot = list(range(blocks))
        self.refs = [0] * blocks
        self.pins = [0] * blocks
        self.pinned = [0] * blocks
        self.priority = [0] * blocks
        self.duration = [0] * blocks
        self.queues = FreeQueues(blocks, 1 + config.priorities)
        self.handle = self.queues.handle
        self.tree = ReuseTree(blocks)
        self.parent = self.tree.parent
        self.expiry = Expiry()
        self.sequences: dict[int, Sequence] = {}
        self._timers = self.expiry.timers
        self._entry = PageTables(config.primary_blocks).entry
        self._block_tokens = config.tokens_per_block
        for block in range(blocks):
            self.queues.push(block, self.level(block), UNREACHABLE, False)
        self.events = EventLog(blocks, self.level) if config.events else None
        if self.events is not None:
            log_events(self, self.events, self.parent)
        if observer is not None:
            report_steps(self, STEPS, observer, self._told())

    def _told(self) -> dict[str, Told]:
        """What an observer is told where that is not what the step was given: no internal numbers, and what was done."""
        parent = self.parent
        return {
            "attach": lambda _, block, above, key: (block, None if above == ROOT else above, key),
            "release": lambda _, block, to_front: (block, to_front or parent[block] == UNATTACHED),
        }

    def level(self, block: int) -> Level:
        """Where `block` is."""
        return Level.PRIMARY if self.slot[block] < self.primary_slots else Level.SECONDARY

    def is_cached(self, block: int) -> bool:
        """Whether `block` is in the reuse tree."""
        return self.parent[block] != UNATTACHED

    # Blocks

    def step_claim(self, block: int) -> None:
        """Take `block` out of the free queue of its level and rank, and stop its timer."""
        level = 0 if self.slot[block] < self.primary_slots else 1
        rank = UNREACHABLE if self.parent[block] == UNATTACHED else 1 + self.priority[block]
        self.queues.remove(block, level, rank)
        if self._timers:
            self.expiry.cancel(block)

    def step_release(self, block: int, to_front: bool) -> None:
        """Queue `block` as free. One that is not cached serves nobody: it becomes the first victim of its level.

        The priority of a cached one lasts for its duration from now on, where that makes a difference.
        """
        if self.refs[block]:
            raise ProtocolError(f"block {block}: released with {self.refs[block]} references left")
        level = 0 if self.slot[block] < self.primary_slots else 1
        if self.parent[block] == UNATTACHED:
            self.priority[block] = self.duration[block] = 0
            self.queues.push(block, level, UNREACHABLE, True)
            return
        self.queues.push(block, level, 1 + self.priority[block], to_front)
        if self.duration[block]:
            self.start_timer(block, level, to_front)

    def start_timer(self, block: int, level: int, to_front: bool) -> None:
        """Let the priority of `block`, just queued, run out after its duration; the default one never does."""
        priority = self.priority[block]
        if priority != self.config.default_priority:
            self.expiry.start(block, level, priority, to_front, self.duration[block])

    def step_prioritise(self, block: int, priority: int | None, duration: int) -> None:
        """Give `block`, which is not queued, a retention priority and a duration; None keeps the priority."""
        if self.handle[block] != NOT_QUEUED:
            raise ProtocolError(f"block {block}: its priority was changed to {priority} while it is in a free queue")
        if priority is not None:
            self.priority[block] = priority
        self.duration[block] = duration

    def step_copy(self, source: int, target: int, tokens: int) -> None:
        """Copy the first `tokens` tokens of `source` to where `target` is; asynchronous."""
        whole = tokens == self._block_tokens
        self.transfers.copy(self.slot[source], self.slot[target], None if whole else tokens)

    def step_swap(self, a: int, b: int) -> None:
        """Exchange the slots of `a` and `b`; the bytes have been seen to already."""
        for block in (a, b):
            if self.refs[block] != self.pins[block]:
                raise ProtocolError(f"block {block}: swapped while a sequence uses it, whose page table would be wrong")
        slot = self.slot
        slot[a], slot[b] = slot[b], slot[a]

    def step_attach(self, block: int, parent: int, key: Key) -> None:
        """Cache `block` under `parent` (a block, or ROOT, which is reported as None)."""
        self.tree.attach(block, parent, key)

    def step_detach(self, block: int) -> None:
        """Take `block`, which has no cached children, out of the reuse tree."""
        self.tree.detach(block)

    def step_pin(self, block: int, last: bool) -> None:
        """Add a pin, which counts as a reference; `last` when the pinned path ends at `block`."""
        self.pins[block] += 1
        self.refs[block] += 1
        if last:
            self.pinned[block] += 1

    def step_unpin(self, block: int, last: bool) -> None:
        """Take a pin away; `last` when the path that is no longer pinned ends at `block`."""
        if not self.pins[block]:
            raise ProtocolError(f"block {block}: unpinned without a pin")
        if last and not self.pinned[block]:
            raise ProtocolError(f"block {block}: unpinned as the end of a path, but no pinned path ends there")
        self.pins[block] -= 1
        self.refs[block] -= 1
        if last:
            self.pinned[block] -= 1

    def step_open_claims(self) -> None:
        """A batch begins to claim what it matched; until it has, the tree, references and slots stay as they are."""

    def step_close_claims(self, matched: tuple[int, ...]) -> None:
        """None of the `matched` blocks, each named once, is in a free queue any more."""

    def step_tick(self, elapsed: int) -> None:
        """So many ticks have passed, and what ran out in them has been seen to."""
        self.expiry.now += elapsed

    # Sequences

    def step_begin(self, sequence: int, tokens: Key, decode_priority: int | None, decode_duration: int) -> None:
        """Make `sequence` live, without blocks."""
        self.sequences[sequence] = Sequence(tokens, decode_priority, decode_duration)

    def step_extend(self, sequence: int, tokens: Key) -> None:
        """Append `tokens`; their blocks follow."""
        self.sequences[sequence].tokens.extend(tokens)

    def step_acquire(self, sequence: int, block: int) -> None:
        """Make `block` the next block of `sequence`."""
        live = self.sequences[sequence]
        self.refs[block] += 1
        live.blocks.append(block)
        live.table.append(self._entry(self.slot[block]))

    def step_drop(self, sequence: int, block: int) -> None:
        """Take `block`, its last, from `sequence`."""
        live = self.sequences[sequence]
        if not live.blocks or live.blocks[-1] != block:
            raise ProtocolError(f"block {block}: dropped by sequence {sequence}, whose last block it is not")
        if not self.refs[block]:
            raise ProtocolError(f"block {block}: dropped by sequence {sequence} without a reference")
        live.blocks.pop()
        live.table.pop()
        self.refs[block] -= 1

    def step_reuse(self, sequence: int, tokens: int) -> None:
        """The KV data of the first `tokens` tokens of `sequence` are there already."""
        self.sequences[sequence].computed = tokens

    def step_write(self, sequence: int, position: int, end: int) -> None:
        """Announce that the next forward pass writes block `position` of `sequence`, up to token `end` (exclusive).

        It starts where the one before ended; the kernel is the engine's.
        """
        live = self.sequences[sequence]
        if live.computed // self._block_tokens != position:
            raise ProtocolError(
                f"sequence {sequence}: block {position} is written, but its tokens are computed up to {live.computed}"
            )
        live.computed = end

    def step_truncate(self, sequence: int, length: int) -> None:
        """Forget all but the first `length` tokens of `sequence`, whose blocks have been dropped."""
        live = self.sequences[sequence]
        del live.tokens[length:]
        del live.keys[length // self.config.tokens_per_block :]
        live.computed = min(live.computed, length)

    def step_end(self, sequence: int) -> None:
        """`sequence` is no longer live."""
        del self.sequences[sequence]
