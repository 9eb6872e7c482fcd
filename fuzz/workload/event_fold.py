"""The cached set as a listener of the manager's events has it, who sees nothing else.

As `kvproof.fuzz.targets.event_fold`, for pools of thousands of blocks: paths are nodes, so an event costs the same however
long its path is, and what one operation's events are about can be held against what its steps touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvproof.fuzz.workload.paths import PathNode
from kvproof.impl.block_manager import Removed, Stored, Updated
from kvproof.impl.device import Level

LEVELS = tuple(level.name for level in Level)

Event = Stored | Removed | Updated


class EventFold:
    """Folds events, in order.

    Args:
        root: the root of the paths.
    """

    def __init__(self, root: PathNode) -> None:
        self.cached: dict[PathNode, int] = {}
        """Per cached path the level that its block is on."""
        self.touched: dict[PathNode, None] = {}
        """Paths that the last events were about."""
        self._root = root
        self._node: dict[int, PathNode] = {}
        """Per hash its path: kept after the block has gone, as a child may come back without its parent (#3543)."""

    def take(self, events: Iterable[Event]) -> str | None:
        """Fold the events of one operation; returns what is wrong with the first that makes no sense."""
        self.touched.clear()
        for event in events:
            wrong = self._store(event) if isinstance(event, Stored) else self._change(event)
            if wrong is not None:
                return f"{event}: {wrong}"
        return None

    def rows(self) -> list[list[Any]]:
        """Path and level of every cached block, sorted."""
        paths: dict[PathNode, list[int]] = {}
        return sorted([_path(node, paths), LEVELS[level]] for node, level in self.cached.items())

    def _store(self, event: Stored) -> str | None:
        parent = self._root if event.parent_hash is None else self._node.get(event.parent_hash)
        if parent is None:
            return "no event has named its parent"
        node = parent.below(tuple(event.key))
        if self._node.setdefault(event.hash, node) is not node:
            return "the hash stands for another path already"
        if node in self.cached:
            return "the path is stored already"
        self.cached[node] = int(event.level)
        self.touched[node] = None
        return None

    def _change(self, event: Removed | Updated) -> str | None:
        node = self._node.get(event.hash)
        if node is None or node not in self.cached:
            return "no stored block has this hash"
        self.touched[node] = None
        if isinstance(event, Removed):
            del self.cached[node]
        else:
            self.cached[node] = int(event.level)
        return None


def _path(node: PathNode, known: dict[PathNode, list[int]]) -> list[int]:
    """All tokens of a path, from those of the path before it where these are known."""
    missing = []
    while node.parent is not None and node not in known:
        missing.append(node)
        node = node.parent
    path = known.get(node, [])
    for below in reversed(missing):
        path = known[below] = [*path, *below.tokens]
    return path
