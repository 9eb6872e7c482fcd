"""The steps: every change of the manager's state is one of these methods."""

from __future__ import annotations

from typing import NoReturn

from kvproof.impl.block_manager.config import PoolConfig, check_device
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.events import EventLog, log_events
from kvproof.impl.block_manager.expiry import Expiry
from kvproof.impl.block_manager.free_queues import NOT_QUEUED, UNREACHABLE, FreeQueues
from kvproof.impl.block_manager.page_table import PageTables
from kvproof.impl.block_manager.reasons import Reason
from kvproof.impl.block_manager.reuse_tree import ROOT, UNATTACHED, ReuseTree
from kvproof.impl.block_manager.sequence import Sequence
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.block_manager.transfers import FORWARD_STREAMS, Transfers
from kvproof.impl.device.interface import Device, Level, Stream
from kvproof.impl.observer import Observer, Told, report_steps
from kvproof.impl.page_table_upload import PageTableUpload
from kvproof.impl.refusals import ProtocolError, Refused

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


class BlockSteps:
    """The state of a pool and the steps that change it.

    Per block, in flat lists: its slot (PRIMARY slots first), references (uses by sequences and pins), pins (pinned
    paths through it), pinned paths that end at it, retention priority and its duration. Block b starts in slot b,
    empty and free at priority 0.
    """

    # The mechanisms that a subclass can replace whole.
    queues_type: type[FreeQueues] = FreeQueues
    tree_type: type[ReuseTree] = ReuseTree
    transfers_type: type[Transfers] = Transfers
    page_tables_type: type[PageTables] = PageTables
    page_table_upload_type: type[PageTableUpload] = PageTableUpload
    expiry_type: type[Expiry] = Expiry
    events_type: type[EventLog] = EventLog

    def __init__(
        self,
        config: PoolConfig,
        device: Device,
        observer: Observer | None = None,
        *,
        forward_streams: tuple[Stream, ...] = FORWARD_STREAMS,
    ) -> None:
        check_device(config, device)
        blocks = config.primary_blocks + config.secondary_blocks
        self.config = config
        self.device = device
        self.counters = Counters()
        self._primary_slots = config.primary_blocks
        self._block_tokens = config.tokens_per_block
        self._slot = list(range(blocks))
        self._refs = [0] * blocks
        self._pins = [0] * blocks
        self._pinned = [0] * blocks
        self._priority = [0] * blocks
        self._duration = [0] * blocks
        self._queues = self.queues_type(blocks, 1 + config.priorities)
        self._handle = self._queues.handle
        self._tree = self.tree_type(blocks)
        self._parent = self._tree.parent
        self._expiry = self.expiry_type()
        self._timers = self._expiry.timers
        self._transfers = self.transfers_type(device, forward_streams)
        self._page_tables = self.page_tables_type(config.primary_blocks)
        self._page_table_upload = self.page_table_upload_type(device)
        self._entry = self._page_tables.entry
        self._sequences: dict[int, Sequence] = {}
        for block in range(blocks):
            self._queues.push(block, self._level(block), UNREACHABLE, False)
        self._events = self.events_type(blocks, self._level) if config.events else None
        if self._events is not None:
            log_events(self, self._events, self._parent)
        if observer is not None:
            report_steps(self, STEPS, observer, self._told())

    def _told(self) -> dict[str, Told]:
        """What an observer is told where that is not what the step was given: no internal numbers, and what was done."""
        parent = self._parent
        return {
            "attach": lambda _, block, above, key: (block, None if above == ROOT else above, key),
            "release": lambda _, block, to_front: (block, to_front or parent[block] == UNATTACHED),
        }

    def _level(self, block: int) -> Level:
        return Level.PRIMARY if self._slot[block] < self._primary_slots else Level.SECONDARY

    def _refuse(self, reason: Reason, message: str) -> NoReturn:
        self.counters.refusals += 1
        raise Refused(reason, message)

    def _is_cached(self, block: int) -> bool:
        return self._parent[block] != UNATTACHED

    # Blocks

    def step_claim(self, block: int) -> None:
        """Take `block` out of the free queue of its level and rank, and stop its timer."""
        level = 0 if self._slot[block] < self._primary_slots else 1
        rank = UNREACHABLE if self._parent[block] == UNATTACHED else 1 + self._priority[block]
        self._queues.remove(block, level, rank)
        if self._timers:
            self._expiry.cancel(block)

    def step_release(self, block: int, to_front: bool) -> None:
        """Queue `block` as free. One that is not cached serves nobody: it becomes the first victim of its level.

        The priority of a cached one lasts for its duration from now on, where that makes a difference.
        """
        if self._refs[block]:
            raise ProtocolError(f"block {block}: released with {self._refs[block]} references left")
        level = 0 if self._slot[block] < self._primary_slots else 1
        if self._parent[block] == UNATTACHED:
            self._priority[block] = self._duration[block] = 0
            self._queues.push(block, level, UNREACHABLE, True)
            return
        self._queues.push(block, level, 1 + self._priority[block], to_front)
        if self._duration[block]:
            self.start_timer(block, level, to_front)

    def start_timer(self, block: int, level: int, to_front: bool) -> None:
        """Let the priority of `block`, just queued, run out after its duration; the default one never does."""
        priority = self._priority[block]
        if priority != self.config.default_priority:
            self._expiry.start(block, level, priority, to_front, self._duration[block])

    def step_prioritise(self, block: int, priority: int | None, duration: int) -> None:
        """Give `block`, which is not queued, a retention priority and a duration; None keeps the priority."""
        if self._handle[block] != NOT_QUEUED:
            raise ProtocolError(f"block {block}: its priority was changed to {priority} while it is in a free queue")
        if priority is not None:
            self._priority[block] = priority
        self._duration[block] = duration

    def step_copy(self, source: int, target: int, tokens: int) -> None:
        """Copy the first `tokens` tokens of `source` to where `target` is; asynchronous."""
        whole = tokens == self._block_tokens
        self._transfers.copy(self._slot[source], self._slot[target], None if whole else tokens)

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

    def step_open_claims(self) -> None:
        """A batch begins to claim what it matched; until it has, the tree, references and slots stay as they are."""

    def step_close_claims(self, matched: tuple[int, ...]) -> None:
        """None of the `matched` blocks, each named once, is in a free queue any more."""

    def step_tick(self, elapsed: int) -> None:
        """So many ticks have passed, and what ran out in them has been seen to."""
        self._expiry.now += elapsed

    # Sequences

    def step_begin(self, sequence: int, tokens: Key, decode_priority: int | None, decode_duration: int) -> None:
        """Make `sequence` live, without blocks."""
        self._sequences[sequence] = Sequence(tokens, decode_priority, decode_duration)

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

    def step_reuse(self, sequence: int, tokens: int) -> None:
        """The KV data of the first `tokens` tokens of `sequence` are there already."""
        self._sequences[sequence].computed = tokens

    def step_write(self, sequence: int, position: int, end: int) -> None:
        """Announce that the next forward pass writes block `position` of `sequence`, up to token `end` (exclusive).

        It starts where the one before ended; the kernel is the engine's.
        """
        live = self._sequences[sequence]
        if live.computed // self._block_tokens != position:
            raise ProtocolError(
                f"sequence {sequence}: block {position} is written, but its tokens are computed up to {live.computed}"
            )
        live.computed = end

    def step_truncate(self, sequence: int, length: int) -> None:
        """Forget all but the first `length` tokens of `sequence`, whose blocks have been dropped."""
        live = self._sequences[sequence]
        del live.tokens[length:]
        del live.keys[length // self.config.tokens_per_block :]
        live.computed = min(live.computed, length)

    def step_end(self, sequence: int) -> None:
        """`sequence` is no longer live."""
        del self._sequences[sequence]
