"""One open sequence cache."""

from __future__ import annotations

from kvproof.impl.device.interface import Stream
from kvproof.impl.sequence_caches.index_rows import Row
from kvproof.impl.sequence_caches.kinds import NO_PAGE, Status
from kvproof.impl.sequence_caches.page_copies import Mark
from kvproof.impl.sequence_caches.prefix_tree import Node, Text


class PassEnd:
    """The end of a forward pass: per group a point in its stream's work, from when on another pass has to come after it."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        self.marks: dict[int, Mark] = {}


class SequenceCache:
    """What a cache has: a cell a place, three lengths, scratch slots, an index row.

    Attributes:
        number: the caller's name for it.
        text: what its full blocks are, as far as that was said.
        priority: of every page that it takes.
        cells: per place its page, or NO_PAGE.
        locked: per place whether it has that page locked.
        committed: blocks that others may reuse. history: tokens computed. capacity: tokens for which there is room.
        stopped: it commits no more.
        scratch: its scratch slots.
        stream: where its forward passes run, while it is ACTIVE.
        last_pass: the end of the last one; None while none has run, and when its stream has been given work for it since.
        tip: the tree's node of its last committed block.
        row, entries: the index row that it is bound to, and its memory; None when it is bound to none.
    """

    __slots__ = (
        "capacity",
        "cells",
        "committed",
        "entries",
        "history",
        "last_pass",
        "locked",
        "number",
        "priority",
        "row",
        "scratch",
        "status",
        "stopped",
        "stream",
        "text",
        "tip",
    )

    def __init__(self, number: int, text: Text, priority: int, places: int, stream: Stream, tip: Node) -> None:
        self.number = number
        self.text = text
        self.priority = priority
        self.status = Status.CLOSED
        self.cells = [NO_PAGE] * places
        self.locked = bytearray(places)
        self.committed = 0
        self.history = 0
        self.capacity = 0
        self.stopped = False
        self.scratch: list[int] = []
        self.stream = stream
        self.last_pass: PassEnd | None = None
        self.tip = tip
        self.row: int | None = None
        self.entries: Row | None = None
