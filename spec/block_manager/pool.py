"""Who owns each block, where its data are, and the free queue in which it waits.

Sources: the eviction policy and the window manager of TensorRT-LLM (B-1), #12297, #12834, #14937. I-nn, here and in all
files of this machine, are numbers of `spec/SOURCES.md`. Counters are no state here: the number of free blocks *is* the
length of the queue (I-01).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import (
    PRIMARY,
    SECONDARY,
    Block,
    BlockManagerParameters,
    Duration,
    Level,
    Pins,
    Priority,
    Rank,
    References,
    Slot,
    TokenCount,
    Tokens,
)
from kvproof.spec.lang import Ghost, Machine, Map, PriorityQueue, Set, ensure, require, step


class BlockPool(Machine[BlockManagerParameters]):
    """Blocks, their slots, their references, and the free queues."""

    slot: Map[Block, Slot]
    """Where each block's data are now."""
    refs: Map[Block, References]
    """Uses of a block: its places in sequences, and its pins."""
    pins: Map[Block, Pins]
    """Pinned paths through a block: uses that no sequence has, for a transfer or a connector."""
    pinned: Map[Block, Pins]
    """Pinned paths that end at a block: what may be unpinned."""
    priority: Map[Block, Priority]
    """Retention priority; the last request that asked for one has set it."""
    duration: Map[Block, Duration]
    """For how long after its release the block keeps its priority; 0 for ever."""
    remaining: Map[Block, Duration]
    """Ticks until a free block's priority expires; 0 for never."""
    cached: Set[Block]
    """Blocks in the reuse tree. Every other block is unreachable: no prompt can match it."""
    free: Map[Level, PriorityQueue[Block, Rank]]
    """The free queue of each level; its front is the next victim."""
    claiming: bool
    """Whether a batch is in its first phase, in which blocks are claimed and nothing else changes."""
    content: Ghost[Map[Slot, Tokens | None]]
    """The token path whose KV data the slot's bytes are; None when they mean nothing."""

    def initial(self) -> None:
        for block in self.every(Block):
            self.slot[block] = Slot(block)
            self.free[self.level(block)].push_back(block, 0)

    def level(self, block: Block) -> Level:
        """A block's level is that of its slot."""
        return PRIMARY if self.slot[block] < self.params.primary_blocks else SECONDARY

    def is_free(self, block: Block) -> bool:
        """Whether the block waits in a free queue, of whatever level."""
        return block in self.free[PRIMARY] or block in self.free[SECONDARY]

    def rank(self, block: Block) -> Rank:
        """Where a block belongs in a free queue: unreachable ones before all others (#11685)."""
        return self.priority[block] + 1 if block in self.cached else 0

    @step
    def claim(self, block: Block) -> None:
        """Take a block out of the free queue of its level, wherever it stands there."""
        require(block in self.free[self.level(block)], "claim-from-own-level")
        self.free[self.level(block)].remove(block)
        self.remaining[block] = 0

    @step
    def release(self, block: Block, to_front: bool) -> None:
        """Put a block into the free queue of its level, at the back or the front of its priority.

        An unreachable block is worth nothing, whatever it was worth before: it becomes the first victim (D-2, #11685), and
        so does what was below an evicted block, `unreachable-to-front` (I-23). The time for which a block keeps its
        priority begins here. `release-once`: also a source of copies, whoever made the last copy (I-34).
        """
        require(not self.claiming, "claims-change-nothing")
        require(not self.is_free(block), "release-once")
        require(self.refs[block] == 0, "release-unreferenced")
        require(to_front or block in self.cached, "unreachable-to-front")
        if block not in self.cached:
            self.priority[block] = 0
            self.duration[block] = 0
            self.content[self.slot[block]] = None
        elif self.priority[block] != self.params.default_priority:
            self.remaining[block] = self.duration[block]
        if to_front:
            self.free[self.level(block)].push_front(block, self.rank(block))
        else:
            self.free[self.level(block)].push_back(block, self.rank(block))

    def let_go(self, block: Block) -> None:
        """Release a block where it belongs: behind its peers when it is cached, as the first victim when it is not."""
        self.release(block, block not in self.cached)
        ensure(block not in self.cached or self.is_last_of_its_rank(block), "released-waits-behind-its-peers")

    def is_last_of_its_rank(self, block: Block) -> bool:
        """Whether a free block is the last victim among those of its level and rank."""
        behind = False
        for other in self.free[self.level(block)]:
            if behind and self.rank(other) == self.rank(block):
                return False
            if other == block:
                behind = True
        return True

    @step
    def prioritise(self, block: Block, priority: Priority | None, duration: Duration) -> None:
        """Set the retention priority, or keep it (None), and set the duration in any case.

        So who reuses a block without asking for a priority lets it keep the one that somebody else asked for, and ends
        the time limit of it (#8830: an old limit must not come back). A queued block stands in the queue of its old
        priority (M-07): claim it first.
        """
        require(not self.is_free(block), "prioritise-only-claimed")
        if priority is not None:
            self.priority[block] = priority
        self.duration[block] = duration

    @step
    def tick(self, elapsed: Duration) -> None:
        """Let time pass. There is no other clock: what expires in this time has been taken care of before."""
        require(
            all(self.remaining[block] == 0 or self.remaining[block] > elapsed for block in self.every(Block)),
            "expire-before-the-clock-moves",
        )
        for block in self.every(Block):
            if self.remaining[block] > 0:
                self.remaining[block] -= elapsed

    @step
    def open_claims(self) -> None:
        """Begin the first phase of a batch: until it ends blocks may be claimed, and nothing else changes.

        That is `claims-change-nothing`, a rule of every step that changes the tree, a reference or a slot.
        """
        require(not self.claiming, "one-batch-at-a-time")
        self.claiming = True

    @step
    def copy(self, source: Block, target: Block, tokens: TokenCount) -> None:
        """Enqueue a copy of the data of the first `tokens` tokens of `source` into the slot of `target`.

        By `copy-from-cached` nobody has taken the source over yet: copies come before the request that does (I-33).
        """
        require(not self.claiming, "claims-change-nothing")
        require(source in self.cached, "copy-from-cached")
        require(self.content[self.slot[source]] is not None, "copy-from-defined-content")
        require(target not in self.cached and self.refs[target] == 0, "copy-over-nothing-needed")
        self.content[self.slot[target]] = self.held(source)[: self.start_of(source) + tokens]

    def held(self, block: Block) -> Tokens:
        """The token path whose data a block's slot has; () when they mean nothing."""
        content = self.content[self.slot[block]]
        return () if content is None else content

    def start_of(self, block: Block) -> TokenCount:
        """How many tokens come before those of the block itself, on the path that its slot holds."""
        length = len(self.held(block))
        return 0 if length == 0 else (length - 1) // self.params.tokens_per_block * self.params.tokens_per_block

    @step
    def swap(self, first: Block, second: Block) -> None:
        """Exchange the slots of two blocks; their data have been copied already.

        Queues are typed by level and a swap changes the level, so both blocks must be out of every queue: claimed
        afterwards, they would be looked for in the queue of the wrong level. `claim-before-swap` says so (I-29, #12834).
        `claims-change-nothing`: no slot changes while a batch claims (I-30).
        """
        require(not self.claiming, "claims-change-nothing")
        require(not self.is_free(first) and not self.is_free(second), "claim-before-swap")
        self.slot[first], self.slot[second] = self.slot[second], self.slot[first]

    @step
    def pin(self, block: Block, last: bool) -> None:
        """Hold a cached block for a path that is pinned through it; `last` when the path ends there."""
        require(not self.is_free(block), "claim-before-pin")
        require(block in self.cached, "pin-only-cached")
        self.pins[block] += 1
        self.refs[block] += 1
        if last:
            self.pinned[block] += 1

    @step
    def unpin(self, block: Block, last: bool) -> None:
        """Let the hold of one pinned path go. Who takes the last reference away releases the block."""
        require(self.pins[block] > 0, "unpin-only-pinned")
        require(self.pinned[block] > 0 or not last, "unpin-whole-paths")
        self.pins[block] -= 1
        self.refs[block] -= 1
        if last:
            self.pinned[block] -= 1
