"""Resizing: room for more tokens or fewer, and the pages that a longer history needs no more."""

from __future__ import annotations

from attrs import Factory, define

from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.kinds import FULL, FULL_GROUP, NO_PAGE, WINDOW
from kvproof.impl.sequence_caches.reasons import refuse
from kvproof.impl.sequence_caches.room import Room
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


@define
class ResizePlan:
    """What a resize will do; blocks ascending.

    Attributes:
        stale: window blocks that the new history needs no more and that are locked.
        tail: number of blocks kept; those from there on go.
        missing: window blocks below the old capacity that lived in scratch slots and now get a page.
        new: new blocks. new_windows: those of them that get a window page.
        scratch: scratch slots that there will be.
    """

    stale: list[int] = Factory(list)
    tail: int = 0
    missing: list[int] = Factory(list)
    new: range = range(0)
    new_windows: list[int] = Factory(list)
    scratch: int = 0


class Growth:
    """Changing the lengths of an active cache; the arguments are those of `SequenceCaches`.

    Args:
        steps: the pools and the caches.
        room: for the pages that are added.
    """

    def __init__(self, steps: CacheSteps, room: Room) -> None:
        self._steps = steps
        self._room = room
        self._windows = steps.config.windows
        self._groups = steps.config.groups
        self._spans = steps.spans
        self._pages = steps.pages
        self._window_group = steps.window_group
        self._window_first = steps.config.blocks_max
        self._tokens_max = steps.config.blocks_max * steps.config.tokens_per_block

    def resize(self, cache: int, capacity: int, history: int) -> None:
        """Give an active cache room for `capacity` tokens, of which `history` have been computed, or change nothing."""
        grown = self._steps.active(cache)
        if history < grown.history or capacity < history or capacity > self._tokens_max:
            refuse(
                "bad-lengths",
                f"cache {cache}: history {history} and capacity {capacity}, where the history is {grown.history} and a "
                f"sequence has at most {self._tokens_max} tokens",
            )
        if self.changes_pages(grown, capacity, history):
            plan = self.plan_resize(grown, capacity, history)
            self.check_resize(grown, plan)
            self.run_resize(grown, plan)
            self._steps.step_measure(grown, grown.committed, history, capacity)
            self._steps.end_copies()
        else:  # most tokens of a decode
            self._steps.step_measure(grown, grown.committed, history, capacity)

    def changes_pages(self, cache: SequenceCache, capacity: int, history: int) -> bool:
        """Whether new lengths need other pages or scratch slots than the cache has."""
        spans = self._spans
        if spans.blocks(cache.capacity) != spans.blocks(capacity):
            return True
        return self._windows and (
            spans.stale(cache.history) != spans.stale(history)
            or spans.scratch(cache.history, cache.capacity) != spans.scratch(history, capacity)
        )

    def plan_resize(self, cache: SequenceCache, capacity: int, history: int) -> ResizePlan:
        """What is to be done; refuses lengths that need tokens which were computed into scratch slots."""
        old, blocks = self._spans.blocks(cache.capacity), self._spans.blocks(capacity)
        plan = ResizePlan(tail=min(old, blocks), new=range(old, blocks))
        if self._windows:
            self.plan_windows(cache, plan, old, blocks, capacity, history)
        return plan

    def plan_windows(
        self, cache: SequenceCache, plan: ResizePlan, old: int, blocks: int, capacity: int, history: int
    ) -> None:
        """The part of a plan that is about windows."""
        spans, cells, first = self._spans, cache.cells, self._window_first
        before, stale = spans.stale(cache.history), spans.stale(history)
        computed = spans.blocks(history)
        was_scratch, scratch = spans.scratch(cache.history, cache.capacity), spans.scratch(history, capacity)
        for ordinal in range(was_scratch[0], min(was_scratch[1], old)):
            if cells[first + ordinal] != NO_PAGE or stale[0] <= ordinal < stale[1]:
                continue
            if ordinal < computed and not before[0] <= ordinal < before[1]:
                refuse(
                    "window-in-scratch",
                    f"cache {cache.number}: a history of {history} tokens still sees block {ordinal}, which was "
                    f"computed into a scratch slot; leave the history at {cache.history}, or raise it further",
                )
            if ordinal < blocks and not scratch[0] <= ordinal < scratch[1]:
                plan.missing.append(ordinal)
        plan.stale = [
            ordinal for ordinal in range(max(stale[0], before[1]), min(stale[1], old)) if cache.locked[first + ordinal]
        ]
        plan.new_windows = [
            ordinal
            for ordinal in plan.new
            if not stale[0] <= ordinal < stale[1] and not scratch[0] <= ordinal < scratch[1]
        ]
        empty = sum(1 for ordinal in range(*scratch) if cells[first + ordinal] == NO_PAGE)
        plan.scratch = spans.scratch_slots(empty)

    def check_resize(self, cache: SequenceCache, plan: ResizePlan) -> None:
        """Refuse what does not fit, before anything changes. What this resize gives up counts as it will be."""
        window = self._window_group
        need, vacated, droppable, held = [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]
        need[FULL_GROUP] += len(plan.new)
        need[window] += len(plan.missing) + len(plan.new_windows) + max(0, plan.scratch - len(cache.scratch))
        if not any(need):
            return
        vacated[window] += max(0, len(cache.scratch) - plan.scratch)
        pages, cells, first = self._pages, cache.cells, self._window_first
        for ordinal in plan.stale:
            page = cells[first + ordinal]
            if pages.locks[page] > 1:
                continue
            if pages.holds[page] > 1 or not self.goes_when_stale(cache, ordinal):
                held[window] += pages.last_level[window]  # without host memory a held page cannot give way
            elif pages.node[page] is None:
                vacated[window] += 1
            else:
                droppable[window] += 1
        for ordinal in range(plan.tail, self._spans.blocks(cache.capacity)):
            vacated[FULL_GROUP] += 1
            vacated[window] += 1 if self._windows and cells[first + ordinal] != NO_PAGE else 0
        for group in self._groups:
            if not self._room.has_room(group, need[group], vacated[group], droppable[group], held[group]):
                refuse(
                    "out-of-pages",
                    f"cache {cache.number}: needs {need[group]} more slots of device memory in group {group}; suspend or "
                    "close others",
                )

    def goes_when_stale(self, cache: SequenceCache, ordinal: int) -> bool:
        """Whether a window block that is stale is of no use to its cache: it is committed, or will never be."""
        return cache.stopped or ordinal < cache.committed

    def run_resize(self, cache: SequenceCache, plan: ResizePlan) -> None:
        """Carry out a plan for which there is room: first what gives up pages, then what needs them."""
        first = self._window_first
        for ordinal in plan.stale:
            if self.goes_when_stale(cache, ordinal):
                self._room.let_go(cache, first + ordinal)
            else:
                self._steps.step_unlock(cache, first + ordinal)
                self._room.settle(cache.cells[first + ordinal])
        for ordinal in reversed(range(plan.tail, self._spans.blocks(cache.capacity))):
            if self._windows and cache.cells[first + ordinal] != NO_PAGE:
                self._room.let_go(cache, first + ordinal)
            self._room.let_go(cache, ordinal)
        if plan.scratch < len(cache.scratch):
            self._steps.step_give_scratch(cache, len(cache.scratch) - plan.scratch)
        for ordinal in plan.missing:
            self._room.add_page(cache, first + ordinal, WINDOW)
        windows = iter(plan.new_windows)
        window = next(windows, None)
        for ordinal in plan.new:
            self._room.add_page(cache, ordinal, FULL)
            if ordinal == window:
                self._room.add_page(cache, first + ordinal, WINDOW)
                window = next(windows, None)
        self._room.take_scratch(cache, plan.scratch - len(cache.scratch))
