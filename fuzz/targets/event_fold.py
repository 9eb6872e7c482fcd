"""What is cached, from a manager's cache events and nothing else: what a router that only hears the events knows.

Paths are nodes (see `kvproof.fuzz.paths`), so an event costs the same however long its path is, and what one operation's
events are about can be held against what its steps touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kvproof.fuzz.paths import PathNode, Tokens
from kvproof.impl.block_manager import Removed, Stored, Updated
from kvproof.impl.device import Level


class EventFold:
    """Follows a stream of events. Its first event that cannot be followed ends it: `rows` tells of that from then on.

    Args:
        as_tokens: the tokens of an event's key as the machine has them.
        root: the root of the paths, where they are to be those of somebody else, too.
    """

    def __init__(self, as_tokens: Callable[[Iterable[int]], Tokens] = tuple, root: PathNode | None = None) -> None:
        self.cached: dict[PathNode, Level] = {}
        """Per cached path the level that its block is on."""
        self.touched: dict[PathNode, None] = {}
        """Paths that the last events were about, in order."""
        self.fault: str | None = None
        """What is wrong with the first event that could not be followed."""
        self._as_tokens = as_tokens
        self._root = PathNode(None, ()) if root is None else root
        self._node: dict[int, PathNode] = {}
        """Per hash its path, also after the block has gone: a hash never stands for another."""
        self._rows: list[list[Any]] | None = None
        self._count = 0

    def take(self, events: Iterable[object]) -> None:
        """The events of one operation, in order."""
        self.touched.clear()
        for event in events:
            if self.fault is None:
                self._rows = None
                self._count += 1
                wrong = self._follow(event)
                if wrong is not None:
                    self.fault = f"event {self._count}, {event}: {wrong}"

    def _follow(self, event: object) -> str | None:
        if isinstance(event, Stored):
            return self._store(event)
        if not isinstance(event, Removed | Updated):
            return "this is no event"
        node = self._node.get(event.hash)
        if node is None or node not in self.cached:
            return "no event has stored this hash"
        self.touched[node] = None
        if isinstance(event, Removed):
            del self.cached[node]
        else:
            self.cached[node] = event.level
        return None

    def _store(self, event: Stored) -> str | None:
        known = self._node.get(event.hash)
        if known is not None and known in self.cached:
            return f"this hash is stored already, for the path {list(known.path())}"
        parent = self._root if event.parent_hash is None else self._node.get(event.parent_hash)
        if parent is None or (parent is not self._root and parent not in self.cached):
            return "no event has stored the parent"
        node = parent.below(self._as_tokens(event.key))
        if known is not None and known is not node:
            return f"this hash stood for another path, {list(known.path())}"
        if node in self.cached:
            return "this path is stored already, under another hash"
        self._node[event.hash] = node
        self.cached[node] = event.level
        self.touched[node] = None
        return None

    def rows(self) -> list[list[Any]] | str:
        """Path and level of every cached block, sorted; or, instead, what is wrong with the stream."""
        if self.fault is not None:
            return self.fault
        if self._rows is None:
            paths: dict[PathNode, list[int]] = {}
            self._rows = sorted([_path(node, paths), level.name] for node, level in self.cached.items())
        return self._rows


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
