"""What a snapshot of a manager of sequence caches shows, for tests and for driving it beside a model."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from kvproof.impl.device.interface import Level
from kvproof.impl.sequence_caches.kinds import NO_PAGE, Kind, Status
from kvproof.impl.sequence_caches.prefix_tree import Text
from kvproof.impl.sequence_caches.snapshot import CacheSnapshot, Snapshot


@frozen
class Cell:
    """A place of a cache that has a page."""

    page: int
    locked: bool


@frozen
class CacheView:
    """An open cache. `full` and `window` have an entry for each block of the capacity; `window` none without windows."""

    status: Status
    text: Text
    priority: int
    committed: int
    history: int
    capacity: int
    stopped: bool
    scratch: int
    full: tuple[Cell | None, ...]
    window: tuple[Cell | None, ...]
    state: Cell | None
    snapshot: Cell | None


@frozen
class PageView:
    """A page: `path` is None while it is private, and `owner` is then (cache, kind, ordinal); 0 for a state."""

    page: int
    group: int
    kind: Kind
    level: Level
    slot: int
    priority: int
    path: Text | None
    owner: tuple[int, Kind, int] | None
    holds: int
    locks: int


class CachesInspection:
    """Reads a snapshot: the manager as it was when that was taken.

    Args:
        snapshot: from `SequenceCaches.snapshot`.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = snapshot
        self._places: dict[int, tuple[int, int]] = {}  # per private page: its cache, and the place there
        for number, cache in snapshot.caches.items():
            for place, page in enumerate(cache.cells):
                if page != NO_PAGE:
                    self._places.setdefault(page, (number, place))

    def caches(self) -> dict[int, CacheView]:
        """The open caches by number."""
        return {number: self._view(cache) for number, cache in self._state.caches.items()}

    def page(self, number: int) -> PageView:
        """One page. Raises ValueError when it does not exist."""
        page = self._state.pages.get(number)
        if page is None:
            raise ValueError(f"page {number}: does not exist")
        return PageView(
            number,
            page.group,
            page.kind,
            page.level,
            page.slot,
            page.priority,
            page.path,
            self._owner(number, page.kind) if page.path is None else None,
            page.holds,
            page.locks,
        )

    def pages(self) -> list[PageView]:
        """All that exist, by number."""
        return [self.page(number) for number in self._state.pages]

    def committed(self) -> dict[tuple[Text, Kind], PageView]:
        """The committed pages by path and life cycle."""
        return {(page.path, page.kind): page for page in self.pages() if page.path is not None}

    def victims(self, level: int, group: int) -> list[PageView]:
        """The pages queued at a level of a group, next victim first."""
        return [self.page(number) for number in self._state.victims[level, group]]

    def vacant(self, level: int, group: int) -> int:
        """Slots of a level of a group that nobody has."""
        return self._state.vacant[level, group]

    def name(self, page: int) -> list[Any]:
        """What a page is for: its text when it is committed, else whose it is."""
        view = self.page(page)
        if view.path is not None:
            return ["text", view.kind.name, list(view.path)]
        if view.owner is None:
            return ["nobody", view.kind.name, page]
        cache, kind, ordinal = view.owner
        return ["cache", cache, kind.name, ordinal]

    def observe(self) -> dict[str, Any]:
        """Caches, victims and vacant slots as plain values; pages by what they are for and where."""
        config = self._state.config
        keys = [
            (f"{level.name}/{group}", level, group)
            for group in config.groups
            for level in Level
            if config.slots_of(group)[level]
        ]
        return {
            "caches": {str(number): self._observed(view) for number, view in self.caches().items()},
            "victims": {
                key: [[*self.name(page.page), page.priority] for page in self.victims(level, group)]
                for key, level, group in keys
            },
            "vacant": {key: self.vacant(level, group) for key, level, group in keys},
        }

    def _observed(self, view: CacheView) -> dict[str, Any]:
        return {
            "status": view.status.name,
            "text": list(view.text),
            "priority": view.priority,
            "committed": view.committed,
            "history": view.history,
            "capacity": view.capacity,
            "stopped": view.stopped,
            "scratch": view.scratch,
            "FULL": [self._cell(cell) for cell in view.full],
            "WINDOW": [self._cell(cell) for cell in view.window],
            "STATE": self._cell(view.state),
            "SNAPSHOT": self._cell(view.snapshot),
        }

    def _cell(self, cell: Cell | None) -> list[Any] | None:
        if cell is None:
            return None
        return [*self.name(cell.page), self.page(cell.page).level.name, cell.locked]

    def _view(self, cache: CacheSnapshot) -> CacheView:
        config, blocks = self._state.config, cache.blocks
        window, state = config.blocks_max, config.state_place
        return CacheView(
            cache.status,
            cache.text,
            cache.priority,
            cache.committed,
            cache.history,
            cache.capacity,
            cache.stopped,
            cache.scratch,
            tuple(_at(cache, ordinal) for ordinal in range(blocks)),
            tuple(_at(cache, window + ordinal) for ordinal in range(blocks)) if config.windows else (),
            _at(cache, state) if config.has_state else None,
            _at(cache, state + 1) if config.has_state else None,
        )

    def _owner(self, page: int, kind: Kind) -> tuple[int, Kind, int] | None:
        if page not in self._places:
            return None
        number, place = self._places[page]
        return number, kind, 0 if kind is Kind.STATE else place - self._state.config.place_of(kind, 0)


def _at(cache: CacheSnapshot, place: int) -> Cell | None:
    page = cache.cells[place]
    return None if page == NO_PAGE else Cell(page, cache.locked[place])
