"""The pages: their slots, who has them, and what they are. One entry a page in flat lists.

A page belongs to one group for ever, and a group has as many pages as slots on all its levels, so there is always one
to be had when there is a slot. Which slot a page has changes as it moves; slot numbers are those of a level.
"""

from __future__ import annotations

from collections import deque

from kvproof.impl.device.interface import Level
from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.kinds import FULL
from kvproof.impl.sequence_caches.prefix_tree import Node

NO_SLOT = -1


class Pages:
    """All pages of all groups, and the vacant slots."""

    def __init__(self, config: SequenceCacheConfig) -> None:
        self.group: list[int] = []
        """Per page: its group."""
        self.unused: dict[int, list[int]] = {}
        """Per group: pages that do not exist, the next to be used last."""
        self.vacant: list[list[deque[int]]] = [[deque() for _ in range(3)] for _ in Level]
        """Per level and group: slots that nobody has. The longest vacant is used first: work on it is likeliest over."""
        self.last_level = [0, 0, 0]
        """Per group: the lowest level that has slots."""
        for group in config.groups:
            first = len(self.group)
            slots = config.slots_of(group)
            self.group += [group] * sum(slots)
            self.unused[group] = list(range(len(self.group) - 1, first - 1, -1))
            for level in Level:
                self.vacant[level][group].extend(range(slots[level]))
            self.last_level[group] = 1 if slots[Level.SECONDARY] else 0
        count = len(self.group)
        self.slot = [NO_SLOT] * count
        """Per page: its slot on its level; NO_SLOT while it does not exist."""
        self.level = [0] * count
        self.kind = [FULL] * count
        self.priority = [0] * count
        self.holds = [0] * count
        """Per page: cells that have it."""
        self.locks = [0] * count
        """Per page: cells that have it locked."""
        self.node: list[Node | None] = [None] * count
        """Per page: where it is committed; None while it is private."""

    def next_unused(self, group: int) -> int:
        """The page of a group that is to be taken next. Raises ProtocolError when no PRIMARY slot is vacant for it."""
        if not self.vacant[0][group]:
            raise ProtocolError(f"group {group}: a page is to be taken, but no PRIMARY slot is vacant")
        return self.unused[group][-1]

    def take(self, page: int, kind: int, priority: int) -> None:
        """Make `page`, the next unused one of its group, a private page in a vacant PRIMARY slot."""
        group = self.group[page]
        self.unused[group].pop()
        self.slot[page] = self.vacant[0][group].popleft()
        self.level[page] = 0
        self.kind[page] = kind
        self.priority[page] = priority

    def destroy(self, page: int) -> None:
        """Make `page`, which nobody has, cease to exist. Raises ProtocolError when somebody has it."""
        if self.holds[page] or self.slot[page] == NO_SLOT:
            raise ProtocolError(
                f"page {page}: destroyed, but {self.holds[page]} cells have it and its slot is {self.slot[page]}"
            )
        group = self.group[page]
        self.vacant[self.level[page]][group].append(self.slot[page])
        self.slot[page] = NO_SLOT
        self.node[page] = None
        self.unused[group].append(page)

    def move(self, page: int, level: int) -> int:
        """Give `page` a vacant slot of `level` and leave its own. Returns the slot. Raises ProtocolError if it cannot."""
        group = self.group[page]
        vacant = self.vacant[level][group]
        if not vacant:
            raise ProtocolError(f"page {page}: moved to {Level(level).name}, where no slot is vacant")
        if self.locks[page]:
            raise ProtocolError(f"page {page}: moved while it is locked")
        slot = vacant.popleft()
        self.vacant[self.level[page]][group].append(self.slot[page])
        self.slot[page], self.level[page] = slot, level
        return slot
