"""What is cached, from a manager's cache events and nothing else: what a router that only hears the events knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kvproof.impl.block_manager import Removed, Stored, Updated

Path = tuple[int, ...]


class EventFold:
    """Follows a stream of events. Its first event that cannot be followed ends it: `rows` tells of that from then on.

    Args:
        as_tokens: the tokens of an event's key as the machine has them.
    """

    def __init__(self, as_tokens: Callable[[Iterable[int]], Path] = tuple) -> None:
        self._as_tokens = as_tokens
        self._cached: dict[int, tuple[Path, str]] = {}
        self._rows: list[list[Any]] | None = None
        self._count = 0
        self.fault: str | None = None
        """What is wrong with the first event that could not be followed."""

    def take(self, events: Iterable[object]) -> None:
        """The next events, in order."""
        for event in events:
            if self.fault is None:
                self._rows = None
                self._count += 1
                wrong = self._follow(event)
                if wrong is not None:
                    self.fault = f"event {self._count}, {event}: {wrong}"

    def _follow(self, event: object) -> str | None:
        cached = self._cached
        if isinstance(event, Stored):
            if event.hash in cached:
                return f"this hash is stored already, for the path {list(cached[event.hash][0])}"
            parent: Path = ()
            if event.parent_hash is not None:
                if event.parent_hash not in cached:
                    return "no event has stored the parent"
                parent = cached[event.parent_hash][0]
            cached[event.hash] = ((*parent, *self._as_tokens(event.key)), event.level.name)
            return None
        if not isinstance(event, Removed | Updated):
            return "this is no event"
        if event.hash not in cached:
            return "no event has stored this hash"
        if isinstance(event, Removed):
            del cached[event.hash]
        else:
            cached[event.hash] = (cached[event.hash][0], event.level.name)
        return None

    def rows(self) -> list[list[Any]] | str:
        """Path and level of every cached block, sorted; or, instead, what is wrong with the stream."""
        if self.fault is not None:
            return self.fault
        if self._rows is None:
            self._rows = [[list(path), level] for path, level in sorted(self._cached.values())]
        return self._rows
