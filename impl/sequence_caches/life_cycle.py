"""Opening, resuming, suspending, prefetching and closing caches."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from kvproof.impl.device.interface import Stream
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.eviction_queues import NOT_QUEUED
from kvproof.impl.sequence_caches.index_rows import IndexRows
from kvproof.impl.sequence_caches.kinds import NO_PAGE, STATE, STATE_GROUP, Kind, Status
from kvproof.impl.sequence_caches.reasons import refuse
from kvproof.impl.sequence_caches.room import PRIMARY, Room
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class LifeCycle:
    """From closed to suspended, to active, and back; the arguments are those of `SequenceCaches`.

    Args:
        steps: the pools and the caches.
        room: for the pages that are brought up.
        rows: of which each cache may have one.
    """

    def __init__(self, steps: CacheSteps, room: Room, rows: IndexRows) -> None:
        self._steps = steps
        self._room = room
        self._rows = rows
        self._config = steps.config
        self._windows = steps.config.windows
        self._has_state = steps.config.has_state
        self._groups = steps.config.groups
        self._spans = steps.spans
        self._pages = steps.pages
        self._queues = steps.queues
        self._tree = steps.tree
        self._copies = steps.copies
        self._window_group = steps.window_group
        self._window_first = steps.config.blocks_max
        self._state_place = steps.config.state_place

    def matched(self, text: Iterable[Hashable], limit: int | None = None) -> int:
        """How many blocks of a text a cache created now would match, at most `limit`."""
        return len(self._tree.match(tuple(text)[:limit]))

    def create(self, cache: int, text: Iterable[Hashable], priority: int, limit: int | None = None) -> int:
        """Open a suspended cache, and hold what is committed of its text, wherever that is."""
        text = tuple(text)
        if len(text) > self._config.blocks_max:
            raise ValueError(
                f"cache {cache}: a text of {len(text)} blocks, but blocks_max is {self._config.blocks_max}"
            )
        if not 0 <= priority < self._config.priorities:
            raise ValueError(f"cache {cache}: priority {priority}, but there are 0..{self._config.priorities - 1}")
        if cache in self._steps.caches:
            refuse("cache-in-use", f"cache {cache}: is open already; close it first, or use another number")
        nodes = self._tree.match(text[:limit])
        count = len(nodes)
        stream = self._steps.forward_streams[0]
        opened = SequenceCache(
            cache, text, priority, self._config.places, stream, nodes[-1] if nodes else self._tree.root
        )
        self._steps.step_open(opened)
        start, end = self._spans.stale(count * self._config.tokens_per_block)
        for ordinal, node in enumerate(nodes):
            full, window, _ = node.pages
            self._steps.step_hold(opened, ordinal, full)
            self._room.settle(full)
            if self._windows and not start <= ordinal < end:
                self._steps.step_hold(opened, self._window_first + ordinal, window)
                self._room.settle(window)
        if nodes and self._has_state:
            snapshot = nodes[-1].pages[STATE]
            self._steps.step_hold(opened, self._state_place + 1, snapshot)
            self._room.settle(snapshot)
        tokens = count * self._config.tokens_per_block
        self._steps.step_measure(opened, count, tokens, tokens)
        return count

    def resume(self, cache: int, stream: Stream | None = None) -> int:
        """Lock in device memory all that a forward pass of a suspended cache needs, or change nothing."""
        stream = self._steps.forward_streams[0] if stream is None else stream
        self._steps.check_stream(stream)
        woken = self._steps.suspended(cache, "resumes")
        if not self._room.passes_gate():
            refuse(
                "device-full",
                f"cache {cache}: more than {self._config.gate_percent}% of device memory is in use; suspend or close "
                "others",
            )
        places = self.places_to_lock(woken)
        scratch = self._spans.scratch_slots(self.count_scratch(woken))
        fresh = self._has_state and woken.cells[self._state_place] == NO_PAGE
        missing = self.check_resume(woken, places, scratch, fresh)

        handle, cells = self._queues.handle, woken.cells
        for place in places:
            if handle[cells[place]] != NOT_QUEUED:
                self._steps.step_unqueue(cells[place])
        woken.stream, woken.last_pass = stream, None
        for place in places:
            self._room.bring_up(cells[place])
        if fresh:
            self.take_state(woken)
            places.append(self._state_place)
        self._room.take_scratch(woken, scratch)
        for place in places:
            self._steps.step_lock(woken, place)
        self._steps.step_activate(woken)
        self._steps.end_copies()
        return missing

    def places_to_lock(self, cache: SequenceCache) -> list[int]:
        """The places whose pages a forward pass needs, in their order."""
        blocks, cells = self._spans.blocks(cache.capacity), cache.cells
        places = list(range(blocks))
        if self._windows:
            start, end = self._spans.stale(cache.history)
            first = self._window_first
            for part in (range(min(start, blocks)), range(end, blocks)):
                places += [first + ordinal for ordinal in part if cells[first + ordinal] != NO_PAGE]
        if self._has_state and cells[self._state_place] != NO_PAGE:
            places.append(self._state_place)
        return places

    def count_scratch(self, cache: SequenceCache) -> int:
        """How many blocks in the scratch range have no page."""
        start, end = self._spans.scratch(cache.history, cache.capacity)
        first = self._window_first
        return sum(1 for ordinal in range(start, end) if cache.cells[first + ordinal] == NO_PAGE)

    def check_resume(self, cache: SequenceCache, places: list[int], scratch: int, fresh: bool) -> int:
        """Refuse what does not fit, before anything changes; returns how many pages are in host memory."""
        pages, handle, cells = self._pages, self._queues.handle, cache.cells
        missing, queued = [0, 0, 0], [0, 0, 0]
        for place in places:
            page = cells[place]
            if pages.level[page] != PRIMARY:
                missing[pages.group[page]] += 1
            elif handle[page] != NOT_QUEUED:
                queued[pages.group[page]] += 1  # held, and not to give way to its own cache
        for group in self._groups:
            need = (scratch if group == self._window_group else 0) + (1 if fresh and group == STATE_GROUP else 0)
            if not self._room.has_room(group, need, held=-queued[group], missing=missing[group]):
                refuse(
                    "out-of-pages",
                    f"cache {cache.number}: needs {missing[group] + need} more slots of device memory in group {group}; "
                    "suspend or close others",
                )
        return sum(missing)

    def take_state(self, cache: SequenceCache) -> None:
        """Give a cache that resumes for the first time a recurrent state of its own: a copy of what it matched, if any."""
        page = self._room.new_page(Kind.STATE, cache.priority)
        snapshot = cache.cells[self._state_place + 1]
        if snapshot != NO_PAGE:
            pages = self._pages
            self._copies[STATE_GROUP].copy(pages.level[snapshot], pages.slot[snapshot], PRIMARY, pages.slot[page])
        self._steps.step_hold(cache, self._state_place, page)
        if snapshot != NO_PAGE:
            self._steps.step_let_go(cache, self._state_place + 1)
            self._room.settle(snapshot)

    def suspend(self, cache: int) -> None:
        """Give up the locks of an active cache. Its pages stay where they are, and may now give way to others."""
        rested = self._steps.active(cache)
        self.unlock_all(rested)
        self.settle_all(rested)
        self._steps.end_copies()

    def unlock_all(self, cache: SequenceCache) -> None:
        """Make an active cache a suspended one."""
        locked = cache.locked
        place = locked.find(1)
        while place >= 0:
            self._steps.step_unlock(cache, place)
            place = locked.find(1, place + 1)
        if cache.scratch:
            self._steps.step_give_scratch(cache, len(cache.scratch))
        self._steps.step_deactivate(cache)

    def settle_all(self, cache: SequenceCache) -> None:
        """Bring the queues up to date for all pages of a cache, the last first."""
        for place in self._steps.places_held(cache):
            self._room.settle(cache.cells[place])

    def prefetch(self, cache: int) -> int:
        """Bring up pages of a suspended cache as far as slots are vacant, so that its resume has less to copy."""
        waiting = self._steps.suspended(cache, "is prefetched")
        pages, brought = self._pages, 0
        for place in self.places_to_lock(waiting):
            page = waiting.cells[place]
            if pages.level[page] != PRIMARY and pages.vacant[PRIMARY][pages.group[page]]:
                self._steps.step_migrate(page, PRIMARY)  # held on the last level, so it is in no queue
                self._room.settle(page)
                brought += 1
        self._steps.end_copies()
        return brought

    def close(self, cache: int) -> None:
        """End a cache. What it has committed stays, for others, until it is evicted; all else is gone."""
        ended = self._steps.open(cache)
        if ended.status is Status.ACTIVE:
            self.unlock_all(ended)
        for place in self._steps.places_held(ended):  # to queue held pages first would come to the same order
            self._room.let_go(ended, place)
        if ended.row is not None:
            self.unbind_row(cache)
        self._steps.step_measure(ended, 0, 0, 0)
        self._steps.step_shut(ended)
        self._steps.end_copies()

    # Index rows.

    def bind_row(self, cache: int, row: int) -> None:
        """From here on `rows.table[row]` names the slots that an open cache has locked."""
        bound = self._steps.open(cache)
        if bound.row is not None and bound.row != row:
            raise ValueError(f"cache {cache}: is bound to row {bound.row} already; unbind it first")
        bound.entries = self._rows.bind(row, cache)
        bound.row = row
        for place, locked in enumerate(bound.locked):
            if locked:
                bound.entries[place] = self._pages.slot[bound.cells[place]]

    def unbind_row(self, cache: int) -> None:
        """The row of an open cache names no slot, and may be given to another; this one writes it no more."""
        bound = self._steps.open(cache)
        if bound.row is None:
            raise ValueError(f"cache {cache}: is bound to no row")
        self._rows.release(bound.row)
        bound.row = bound.entries = None
