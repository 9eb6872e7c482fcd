"""The free queues: per level and rank a list of blocks, front = next victim.

Blocks of a lower rank go first. Rank 0 is for blocks that are not cached, rank 1 + priority for cached ones: what
nothing can reach serves nobody, so it goes before any cached block, of whatever priority (#11685).

Doubly linked lists threaded through two flat arrays, with one sentinel a list at the end of both, so that unlinking a
block needs neither its list nor a branch. One integer a level marks which ranks have blocks, so the next victim
is the lowest set bit: no operation looks at more than one block.

A queued block has a handle, the number of the queue that it is in. Taking a block out states where the caller
believes it to be, and a belief that differs from the handle is an error: recomputing the queue from the block's slot
*after* a swap, silently, is the bug of #12834.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvproof.impl.device.interface import Level
from kvproof.impl.refusals import ProtocolError

NOT_QUEUED = -1
UNREACHABLE = 0
"""The rank of blocks that are not cached. Cached ones have rank 1 + priority."""


class FreeQueues:
    """All free blocks of both levels.

    Args:
        blocks: number of blocks; block ids are 0..blocks-1.
        ranks: number of ranks a level.
    """

    def __init__(self, blocks: int, ranks: int) -> None:
        self._blocks = blocks
        self._ranks = ranks
        size = blocks + len(Level) * ranks
        self._next = list(range(size))
        self._previous = list(range(size))
        self._occupied = [0] * len(Level)
        self.handle = [NOT_QUEUED] * blocks
        """Per block: level * ranks + rank of the queue it waits in, or NOT_QUEUED."""
        self.counts = [0] * len(Level)
        """Per level: number of free blocks."""

    def push(self, block: int, level: int, rank: int, to_front: bool) -> None:
        """Queue `block`; at the back unless `to_front`. Raises ProtocolError when it is queued already (#14937)."""
        handle = self.handle
        if handle[block] != NOT_QUEUED:
            raise ProtocolError(f"block {block}: released twice, it is {self._where(block)} already")
        queue = level * self._ranks + rank
        head = self._blocks + queue
        following, preceding = self._next, self._previous
        if to_front:
            before, after = head, following[head]
        else:
            before, after = preceding[head], head
        following[before] = block
        preceding[block] = before
        following[block] = after
        preceding[after] = block
        handle[block] = queue
        self._occupied[level] |= 1 << rank
        self.counts[level] += 1

    def remove(self, block: int, level: int, rank: int) -> None:
        """Take `block` out of the queue of `level` and `rank`. Raises ProtocolError when it is not in that one."""
        handle = self.handle
        queue = level * self._ranks + rank
        if handle[block] != queue:
            sought = f"the {Level(level).name} queue of rank {rank}"
            raise ProtocolError(f"block {block}: claimed from {sought}, but it is {self._where(block)}")
        following, preceding = self._next, self._previous
        before, after = preceding[block], following[block]
        following[before] = after
        preceding[after] = before
        handle[block] = NOT_QUEUED
        head = self._blocks + queue
        if following[head] == head:
            self._occupied[level] &= ~(1 << rank)
        self.counts[level] -= 1

    def front(self, level: int) -> int:
        """The next victim of `level`. Raises ProtocolError when the level has no free block."""
        occupied = self._occupied[level]
        if not occupied:
            raise ProtocolError(f"level {Level(level).name}: a victim was asked for, but no block is free there")
        lowest = (occupied & -occupied).bit_length() - 1
        return self._next[self._blocks + level * self._ranks + lowest]

    def victims(self, level: Level) -> Iterator[int]:
        """The free blocks of `level` in victim order; visits them all, so for inspection only."""
        for rank in range(self._ranks):
            head = self._blocks + level * self._ranks + rank
            block = self._next[head]
            while block != head:
                yield block
                block = self._next[block]

    def _where(self, block: int) -> str:
        queue = self.handle[block]
        if queue == NOT_QUEUED:
            return "in no queue"
        level, rank = divmod(queue, self._ranks)
        return f"in the {Level(level).name} queue of rank {rank}"
