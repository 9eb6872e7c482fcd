"""How sequence caches look from outside, and which of their states are the same but for the numbers of pages."""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import canonical, normal_form, observation, phase
from kvproof.spec.sequence_caches.actions import CacheActions
from kvproof.spec.sequence_caches.kinds import PRIMARY, STATE, Cache, Page, Status


class CacheView(CacheActions):
    """Observation, phases and canonical names."""

    @observation
    def observe(self) -> dict[str, Any]:
        """Caches by number; pages by what they are for and where; victims in their order."""
        return {"caches": self.open_caches(), "victims": self.victims(), "vacant": self.vacancies()}

    @observation
    def open_caches(self) -> dict[str, Any]:
        """What each open cache has."""
        found: dict[str, Any] = {}
        for cache in self.every(Cache):
            if self.status[cache] == Status.CLOSED:
                continue
            blocks = self.blocks(self.capacity[cache])
            cells = [self.cell_of(cache, place) for place in range(self.places())]
            windows = self.params.blocks_max
            found[str(int(cache))] = {
                "status": self.status[cache].name,
                "text": [int(chunk) for chunk in self.text[cache]],
                "priority": self.page_priority[cache],
                "committed": self.committed[cache],
                "history": self.history[cache],
                "capacity": self.capacity[cache],
                "stopped": self.stopped[cache],
                "scratch": self.scratch[cache],
                "FULL": cells[:blocks],
                "WINDOW": cells[windows : windows + blocks] if self.windows() else [],
                "STATE": cells[-2] if self.states() else None,
                "SNAPSHOT": cells[-1] if self.states() else None,
            }
        return found

    @observation
    def cell_of(self, cache: Cache, place: int) -> list[Any] | None:
        """What is at a place, where it is, and whether it is locked."""
        page = self.cell[cache][place]
        if page is None:
            return None
        return [*self.name_of(page), self.level_name(self.level[page] or PRIMARY), place in self.locked[cache]]

    @observation
    def name_of(self, page: Page) -> list[Any]:
        """A page by what it holds, or by its only owner."""
        kind = ("FULL", "WINDOW", "STATE")[self.kind[page]]
        if self.path[page]:
            return ["text", kind, [int(chunk) for chunk in self.path[page]]]
        cache, place = next(
            (c, at) for c in self.every(Cache) for at in range(self.places()) if self.cell[c][at] == page
        )
        return ["cache", int(cache), kind, 0 if self.kind[page] == STATE else self.ordinal_of(place)]

    @observation
    def level_name(self, level: int) -> str:
        """The name of a level."""
        return ("PRIMARY", "SECONDARY", "TERTIARY")[level]

    @observation
    def victims(self) -> dict[str, Any]:
        """The eviction queues."""
        return {
            f"{self.level_name(level)}/{group}": [
                [*self.name_of(page), self.priority[page]] for page in self.queue[level] if self.group(page) == group
            ]
            for level in range(self.levels())
            for group in range(self.groups())
            if self.slots(level, group) > 0
        }

    @observation
    def vacancies(self) -> dict[str, Any]:
        """The vacant slots."""
        return {
            f"{self.level_name(level)}/{group}": self.vacant[level][group]
            for level in range(self.levels())
            for group in range(self.groups())
            if self.slots(level, group) > 0
        }

    @phase
    def phase_of(self, page: Page) -> str:
        """Locked, held or droppable, committed or private, and where."""
        level = self.level[page]
        if level is None:
            return "vacant"
        kept = "locked" if self.is_locked(page) else "held" if self.is_held(page) else "droppable"
        return f"{kept} {'committed' if self.is_committed(page) else 'private'} {self.level_name(level).lower()}"

    @normal_form
    def pages_are_named_in_order(self) -> bool:
        """Pages of a group are interchangeable: let those of device memory come first, then those below, then the rest."""
        return all(
            all(
                self.rank(later) >= self.rank(page)
                for later in self.every(Page)
                if later > page and self.group(later) == self.group(page)
            )
            for page in self.every(Page)
        )

    def rank(self, page: Page) -> int:
        """The level of a page; 3 for nowhere."""
        level = self.level[page]
        return 3 if level is None else level

    @canonical
    def names(self) -> dict[type, list[int]]:
        """Pages by group, level, queue and owner; caches and texts keep their names."""
        order: dict[int, None] = {}
        for level in range(self.levels()):
            order.update(dict.fromkeys(map(int, self.queue[level])))
            for cache in self.every(Cache):
                cells = [self.cell[cache][place] for place in range(self.places())]
                order.update(dict.fromkeys(int(p) for p in cells if p is not None and self.level[p] == level))
            order.update(dict.fromkeys(int(p) for p in self.every(Page) if self.level[p] == level))
        order.update(dict.fromkeys(map(int, self.every(Page))))
        return {Page: sorted(order, key=lambda page: self.group(Page(page)))}
