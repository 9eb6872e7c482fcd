"""Opening, resuming, suspending, prefetching and closing caches."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from kvproof.impl.device.interface import Stream
from kvproof.impl.sequence_caches.eviction_queues import NOT_QUEUED
from kvproof.impl.sequence_caches.kinds import NO_PAGE, STATE, STATE_GROUP, Kind, Status
from kvproof.impl.sequence_caches.room import PRIMARY, Room
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class Waking(Room):
    """From closed to suspended, to active, and back."""

    def matched(self, text: Iterable[Hashable], limit: int | None = None) -> int:
        """How many blocks of a text a cache created now would match, at most `limit`. Changes nothing, holds nothing."""
        return len(self._tree.match(tuple(text)[:limit]))

    def create(self, cache: int, text: Iterable[Hashable], priority: int, limit: int | None = None) -> int:
        """Open a suspended cache, and hold what is committed of its text, wherever that is.

        Nothing is allocated, and nothing moves. All three lengths are what was matched.

        Args:
            cache: any number that is not open.
            text: what the full blocks of the sequence are, as far as that is known, one chunk a block; what goes beyond
                cannot be committed.
            priority: eviction priority of all pages that it will take.
            limit: blocks that may be matched; all when None. A draft model's cache must not start behind its target's.

        Returns:
            Number of blocks matched.

        Raises:
            Refused: cache-in-use.
            ValueError: the text is too long, or there is no such priority.
        """
        text = tuple(text)
        if len(text) > self.config.blocks_max:
            raise ValueError(f"cache {cache}: a text of {len(text)} blocks, but blocks_max is {self.config.blocks_max}")
        if not 0 <= priority < self.config.priorities:
            raise ValueError(f"cache {cache}: priority {priority}, but there are 0..{self.config.priorities - 1}")
        if cache in self._caches:
            self._refuse("cache-in-use", f"cache {cache}: is open already; close it first, or use another number")
        nodes = self._tree.match(text[:limit])
        count = len(nodes)
        stream = self.forward_streams[0]
        opened = SequenceCache(
            cache, text, priority, self.config.places, stream, nodes[-1] if nodes else self._tree.root
        )
        self.step_open(opened)
        start, end = self._spans.stale(count * self.config.tokens_per_block)
        for ordinal, node in enumerate(nodes):
            full, window, _ = node.pages
            self.step_hold(opened, ordinal, full)
            self.settle(full)
            if self.config.windows and not start <= ordinal < end:
                self.step_hold(opened, self._window_first + ordinal, window)
                self.settle(window)
        if nodes and self.config.has_state:
            snapshot = nodes[-1].pages[STATE]
            self.step_hold(opened, self._state_place + 1, snapshot)
            self.settle(snapshot)
        tokens = count * self.config.tokens_per_block
        self.step_measure(opened, count, tokens, tokens)
        return count

    def resume(self, cache: int, stream: Stream | None = None) -> int:
        """Lock in device memory all that a forward pass of a suspended cache needs, or change nothing.

        Args:
            cache: a suspended one.
            stream: where its forward passes will run; the first of `forward_streams` when None.

        Returns:
            Number of pages brought up from host memory.

        Raises:
            Refused: not-suspended, device-full or out-of-pages.
            ValueError: kernels do not run on that stream.
        """
        woken = self._caches.get(cache)
        stream = self.forward_streams[0] if stream is None else stream
        self._check_stream(stream)
        if woken is None or woken.status is not Status.SUSPENDED:
            self._refuse("not-suspended", f"cache {cache}: is {self.status(cache).name}; only a suspended one resumes")
        if not self.passes_gate():
            self._refuse(
                "device-full",
                f"cache {cache}: more than {self.config.gate_percent}% of device memory is in use; suspend or close others",
            )
        places = self.places_to_lock(woken)
        scratch = self._spans.scratch_slots(self.count_scratch(woken))
        fresh = self.config.has_state and woken.cells[self._state_place] == NO_PAGE
        missing = self.check_resume(woken, places, scratch, fresh)

        handle, cells = self._queues.handle, woken.cells
        for place in places:
            if handle[cells[place]] != NOT_QUEUED:
                self.step_unqueue(cells[place])
        woken.stream, woken.last_pass = stream, None
        for place in places:
            self.bring_up(cells[place])
        if fresh:
            self.take_state(woken)
            places.append(self._state_place)
        self.take_scratch(woken, scratch)
        for place in places:
            self.step_lock(woken, place)
        self.step_activate(woken)
        self.end_copies()
        return missing

    def _check_stream(self, stream: Stream) -> None:
        if stream not in self.forward_streams:
            names = ", ".join(each.name for each in self.forward_streams)
            raise ValueError(f"stream {stream.name}: is no forward stream of this manager; it has {names}")

    def places_to_lock(self, cache: SequenceCache) -> list[int]:
        """The places whose pages a forward pass needs, in their order."""
        blocks, cells = self._spans.blocks(cache.capacity), cache.cells
        places = list(range(blocks))
        if self.config.windows:
            start, end = self._spans.stale(cache.history)
            first = self._window_first
            for part in (range(min(start, blocks)), range(end, blocks)):
                places += [first + ordinal for ordinal in part if cells[first + ordinal] != NO_PAGE]
        if self.config.has_state and cells[self._state_place] != NO_PAGE:
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
        for group in self.config.groups:
            need = (scratch if group == self._window_group else 0) + (1 if fresh and group == STATE_GROUP else 0)
            if not self.has_room(group, need, held=-queued[group], missing=missing[group]):
                self._refuse(
                    "out-of-pages",
                    f"cache {cache.number}: needs {missing[group] + need} more slots of device memory in group {group}; "
                    "suspend or close others",
                )
        return sum(missing)

    def take_state(self, cache: SequenceCache) -> None:
        """Give a cache that resumes for the first time a recurrent state of its own: a copy of what it matched, if any."""
        page = self.new_page(Kind.STATE, cache.priority)
        snapshot = cache.cells[self._state_place + 1]
        if snapshot != NO_PAGE:
            pages = self._pages
            self._copies[STATE_GROUP].copy(pages.level[snapshot], pages.slot[snapshot], PRIMARY, pages.slot[page])
        self.step_hold(cache, self._state_place, page)
        if snapshot != NO_PAGE:
            self.step_let_go(cache, self._state_place + 1)
            self.settle(snapshot)

    def suspend(self, cache: int) -> None:
        """Give up the locks of an active cache. Its pages stay where they are, and may now give way to others.

        The last block is queued first, and so leaves first. The index row stays bound, and names no slot.

        Raises:
            Refused: not-active.
        """
        rested = self._active(cache)
        self.unlock_all(rested)
        self.settle_all(rested)
        self.end_copies()

    def unlock_all(self, cache: SequenceCache) -> None:
        """Make an active cache a suspended one."""
        locked = cache.locked
        place = locked.find(1)
        while place >= 0:
            self.step_unlock(cache, place)
            place = locked.find(1, place + 1)
        if cache.scratch:
            self.step_give_scratch(cache, len(cache.scratch))
        self.step_deactivate(cache)

    def settle_all(self, cache: SequenceCache) -> None:
        """Bring the queues up to date for all pages of a cache, the last first."""
        for place in self.places_held(cache):
            self.settle(cache.cells[place])

    def places_held(self, cache: SequenceCache) -> list[int]:
        """The places that have a page, the last first."""
        return [place for place in self.places_in_use(cache) if cache.cells[place] != NO_PAGE]

    def places_in_use(self, cache: SequenceCache) -> list[int]:
        """The places that can have a page, the last first."""
        blocks, first, state = self._spans.blocks(cache.capacity), self._window_first, self._state_place
        places = [state + 1, state] if self.config.has_state else []
        if self.config.windows:
            places += range(first + blocks - 1, first - 1, -1)
        places += range(blocks - 1, -1, -1)
        return places

    def prefetch(self, cache: int) -> int:
        """Bring up pages of a suspended cache as far as slots are vacant, so that its resume has less to copy.

        Nothing gives way for it.

        Returns:
            Number of pages brought up.

        Raises:
            Refused: not-suspended.
        """
        waiting = self._caches.get(cache)
        if waiting is None or waiting.status is not Status.SUSPENDED:
            self._refuse(
                "not-suspended", f"cache {cache}: is {self.status(cache).name}; only a suspended one is prefetched"
            )
        pages, brought = self._pages, 0
        for place in self.places_to_lock(waiting):
            page = waiting.cells[place]
            if pages.level[page] != PRIMARY and pages.vacant[PRIMARY][pages.group[page]]:
                self.step_migrate(page, PRIMARY)  # held on the last level, so it is in no queue
                self.settle(page)
                brought += 1
        self.end_copies()
        return brought

    def close(self, cache: int) -> None:
        """End a cache. What it has committed stays, for others, until it is evicted; all else is gone.

        It leaves its index row, too. Kernels that were submitted before may still run.

        Raises:
            Refused: closed.
        """
        ended = self._open(cache)
        if ended.status is Status.ACTIVE:
            self.unlock_all(ended)
        for place in self.places_held(ended):  # to queue held pages first would come to the same order
            self.let_go(ended, place)
        if ended.row is not None:
            self.unbind_row(cache)
        self.step_measure(ended, 0, 0, 0)
        self.step_shut(ended)
        self.end_copies()

    # Index rows.

    def bind_row(self, cache: int, row: int) -> None:
        """From here on `rows.table[row]` names the slots that an open cache has locked.

        Raises:
            Refused: closed.
            ValueError: there is no such row, another cache has it, or this one has another.
        """
        bound = self._open(cache)
        if bound.row is not None and bound.row != row:
            raise ValueError(f"cache {cache}: is bound to row {bound.row} already; unbind it first")
        bound.entries = self.rows.bind(row, cache)
        bound.row = row
        for place, locked in enumerate(bound.locked):
            if locked:
                bound.entries[place] = self._pages.slot[bound.cells[place]]

    def unbind_row(self, cache: int) -> None:
        """The row of an open cache names no slot, and may be given to another; this one writes it no more.

        Raises:
            Refused: closed.
            ValueError: it has none.
        """
        bound = self._open(cache)
        if bound.row is None:
            raise ValueError(f"cache {cache}: is bound to no row")
        self.rows.release(bound.row)
        bound.row = bound.entries = None

    # What is asked.

    def status(self, cache: int) -> Status:
        """What a cache is doing."""
        known = self._caches.get(cache)
        return Status.CLOSED if known is None else known.status

    def _open(self, cache: int) -> SequenceCache:
        known = self._caches.get(cache)
        if known is None:
            self._refuse("closed", f"cache {cache}: is closed; create it first")
        return known

    def _active(self, cache: int) -> SequenceCache:
        known = self._caches.get(cache)
        if known is None or known.status is not Status.ACTIVE:
            self._refuse("not-active", f"cache {cache}: is {self.status(cache).name}; resume it first")
        return known
