"""The free queues as they were before #12297 and #14937: plain lists, an iterator per block, and no test of anything.

A block is taken out through its iterator, whatever list the caller thinks it is in, and the counter that goes down is
the one of the level that the caller names. A block may be pushed twice: the iterator then points to the newer node, and
the older one stays in its list as an orphan.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvproof.impl.block_manager.free_queues import NOT_QUEUED, FreeQueues
from kvproof.impl.device import Level
from kvproof.impl.refusals import ProtocolError


class _Node:
    """A list node; equality is identity, so that an orphan is told from the block's newer node."""

    __slots__ = ("block",)

    def __init__(self, block: int) -> None:
        self.block = block


class EvictionLists(FreeQueues):
    """Free queues that believe their callers."""

    def __init__(self, blocks: int, ranks: int) -> None:
        super().__init__(blocks, ranks)
        self._lists: list[list[_Node]] = [[] for _ in range(len(Level) * ranks)]
        self._iterators: list[_Node | None] = [None] * blocks

    def push(self, block: int, level: int, rank: int, to_front: bool) -> None:
        """Add a node, whether or not the block has one."""
        queue = level * self._ranks + rank
        node = _Node(block)
        self._lists[queue].insert(0 if to_front else len(self._lists[queue]), node)
        self._iterators[block] = node
        self.handle[block] = queue
        self.counts[level] += 1

    def remove(self, block: int, level: int, rank: int) -> None:
        """Unlink the node of the block's iterator from the list that it is in, and count it for the level named."""
        node = self._iterators[block]
        if node is None:
            raise ProtocolError(f"block {block}: its iterator is invalid")
        self._lists[self.handle[block]].remove(node)
        self._iterators[block] = None
        self.handle[block] = NOT_QUEUED
        self.counts[level] -= 1

    def front(self, level: int) -> int:
        """The first node of the lowest non-empty list, orphan or not."""
        for block in self.victims(Level(level)):
            return block
        raise ProtocolError(f"level {Level(level).name}: no free block found")

    def victims(self, level: Level) -> Iterator[int]:
        """All nodes in order."""
        for nodes in self._lists[level * self._ranks : (level + 1) * self._ranks]:
            yield from [node.block for node in nodes]
