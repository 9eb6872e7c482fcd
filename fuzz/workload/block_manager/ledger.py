"""What a step log says about blocks, by content: the bridge between two sides that number their blocks differently.

The reference and the validator (which follows the implementation's step log, in the implementation's block ids) may
choose differently among unreachable blocks, so ids mean nothing across them. A ledger reads one side's step log and
keeps, per block, the path whose data it holds, and per cached path its block. Comparing what one operation touched then
costs no more than what it touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kvproof.fuzz.paths import PathNode, SequencePath


class BlockFacts(NamedTuple):
    """One block as both sides must have it."""

    level: str
    refs: int
    pins: int
    priority: int
    duration: int
    remaining: int
    free: bool


class Ledger:
    """One side: a generated reference and the content of its blocks.

    Args:
        side: the reference or the validator; read, never changed.
        root: the root of the paths, shared by both sides so that paths compare by identity.
    """

    def __init__(self, side: Any, root: PathNode) -> None:
        self.side = side
        self._root = root
        self._size = int(side.params.tokens_per_block)
        self.data: list[PathNode | None] = [None] * int(side.params.blocks)
        """Per block: the path whose data its slot holds."""
        self.cached: dict[PathNode, int] = {}
        """Per cached path: its block."""
        self.sequences: dict[int, SequencePath] = {}
        self._blocks: dict[int, list[int]] = {}
        self.touched: set[int] = set()
        """Blocks that the last log changed in any way."""
        self.vanished: dict[PathNode, None] = {}
        """Paths that the last log took out of the tree; a dictionary for its order, as nodes are hashed by address."""
        self.regrouped: dict[int, None] = {}
        """Sequences that the last log gave blocks, or took some from."""

    def follow(self, log: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        """Read the step log of one operation, in order."""
        data, cached, touch = self.data, self.cached, self.touched
        touch.clear()
        self.vanished.clear()
        self.regrouped.clear()
        for name, arguments in log:
            if name == "claim" or name == "prioritise":
                touch.add(arguments[0])
            elif name == "acquire":
                sequence, block = arguments
                self._blocks[sequence].append(block)
                self.regrouped[sequence] = None
                touch.add(block)
            elif name == "write":
                sequence, position, end = arguments
                block = self._blocks[sequence][position]
                data[block] = self.sequences[sequence].nodes[position].beginning(end - position * self._size)
                touch.add(block)
            elif name == "drop":
                sequence, block = arguments
                self._blocks[sequence].pop()
                self.regrouped[sequence] = None
                touch.add(block)
            elif name == "release":
                block = arguments[0]
                touch.add(block)
                node = data[block]
                if node is not None and cached.get(node) != block:
                    data[block] = None
            elif name == "attach":
                block = arguments[0]
                node = data[block]
                if node is not None:
                    cached[node] = block
                touch.add(block)
            elif name == "detach":
                block = arguments[0]
                node = data[block]
                if node is not None and cached.get(node) == block:
                    del cached[node]
                    self.vanished[node] = None
                touch.add(block)
            elif name == "copy":
                source, target, tokens = arguments
                node = data[source]
                data[target] = None if node is None else node.beginning(tokens)
                touch.add(target)
            elif name == "swap":
                first, second = arguments
                data[first], data[second] = data[second], data[first]
                touch.add(first)
                touch.add(second)
            else:
                self._follow_rare(name, arguments)

    def _follow_rare(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "begin":
            sequence, tokens = arguments[:2]
            self.sequences[sequence] = SequencePath(self._root, self._size, tokens)
            self._blocks[sequence] = []
        elif name == "reuse":
            self._cut(*arguments)
        elif name == "extend":
            sequence, tokens = arguments
            self.sequences[sequence].extend(tokens)
        elif name == "truncate":
            sequence, length = arguments
            self.sequences[sequence].truncate(length)
            self._cut(sequence, length)
        elif name == "end":
            del self.sequences[arguments[0]]
            del self._blocks[arguments[0]]
        elif name in ("pin", "unpin"):
            self.touched.add(arguments[0])
        elif name == "tick":
            # What waits in the queues has less time left: nobody keeps a list of that, so all of it is looked at.
            self.touched.update(block for block, left in enumerate(self.side.remaining) if left)

    def _cut(self, sequence: int, length: int) -> None:
        """The block in which a sequence of `length` tokens ends means no more than these, whatever else it holds."""
        position, tokens = divmod(length, self._size)
        if tokens:
            block = self._blocks[sequence][position]
            node = self.data[block]
            self.data[block] = None if node is None else node.beginning(tokens)
            self.touched.add(block)

    def facts(self, block: int) -> BlockFacts:
        """What both sides must agree on."""
        side = self.side
        return BlockFacts(
            side.level(block).name,
            side.refs[block],
            side.pins[block],
            side.priority[block],
            side.duration[block],
            side.remaining[block],
            side.is_free(block),
        )

    def private(self) -> list[tuple[BlockFacts, PathNode | None]]:
        """Touched blocks in use that are not cached, with what they hold: no path finds these."""
        side = self.side
        return [
            (self.facts(block), self.data[block])
            for block in self.touched
            if block not in side.cached and side.refs[block]
        ]

    def touched_paths(self) -> Iterator[PathNode]:
        """Paths of touched blocks that are cached now, and paths that vanished."""
        cached = self.side.cached
        for block in self.touched:
            node = self.data[block]
            if block in cached and node is not None:
                yield node
        yield from self.vanished

    def place(self, block: int) -> tuple[int, int]:
        """Level and slot within it, as the device numbers them."""
        slot, primary = self.side.slot[block], self.side.params.primary_blocks
        return (0, slot) if slot < primary else (1, slot - primary)

    def next_victims(self) -> list[PathNode | None]:
        """Per level with free blocks: the path of the first victim, None for an unreachable one."""
        found: list[PathNode | None] = []
        for queue in self.side.free:
            if len(queue):
                front = queue.front()
                found.append(self.data[front] if front in self.side.cached else None)
        return found
