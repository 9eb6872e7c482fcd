"""The steps: every change of the manager's state is one of these methods."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NoReturn

from kvproof.impl.device.interface import Level, Stream
from kvproof.impl.observer import Observer, Told, report_steps
from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.eviction_queues import GROUPS, NOT_QUEUED, EvictionQueues
from kvproof.impl.sequence_caches.index_rows import EMPTY_ENTRY
from kvproof.impl.sequence_caches.kinds import NO_PAGE, WINDOW, Status
from kvproof.impl.sequence_caches.page_copies import PageCopies
from kvproof.impl.sequence_caches.pages import Pages
from kvproof.impl.sequence_caches.prefix_tree import Node, PrefixTree
from kvproof.impl.sequence_caches.reasons import refuse
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache
from kvproof.impl.sequence_caches.spans import Spans

STEPS = (
    "open",
    "hold",
    "let_go",
    "lock",
    "unlock",
    "take_slot",
    "destroy",
    "migrate",
    "enqueue",
    "unqueue",
    "link",
    "take_scratch",
    "give_scratch",
    "activate",
    "deactivate",
    "stop",
    "measure",
    "shut",
)

TOLD: dict[str, Told] = {
    "open": lambda _, cache: (cache.number, cache.text, cache.priority),
    "link": lambda node, page, parent, chunk: (page, node.path()),
}
"""What an observer is told of these: of a node its path, of a new cache its text."""


def _told(_: object, *arguments: Any) -> tuple[int, ...]:
    """What an observer is told of all other steps: of a cache its number."""
    return tuple(each.number if isinstance(each, SequenceCache) else int(each) for each in arguments)


class CacheSteps:
    """The state of the pools and the caches, and the steps that change it.

    Args:
        config: sizes and policies.
        copies: per group, what moves its pages.
        forward_streams: where kernels may run.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
    """

    def __init__(
        self,
        config: SequenceCacheConfig,
        copies: Mapping[int, PageCopies],
        forward_streams: tuple[Stream, ...],
        observer: Observer | None = None,
    ) -> None:
        self.config = config
        self.copies = copies
        self.forward_streams = forward_streams
        self.spans = Spans(config)
        self.pages = Pages(config)
        self.queues = EvictionQueues(len(self.pages.group), config.priorities)
        self.tree = PrefixTree(self.spans, config.tokens_per_block, config.windows, config.has_state)
        self.caches: dict[int, SequenceCache] = {}
        """The open ones by number."""
        self.window_group = config.group_of(WINDOW)
        self._state_place = config.state_place
        self._windows = config.windows
        self._has_state = config.has_state
        if observer is not None:
            report_steps(self, STEPS, observer, TOLD, _told)

    # Which caches there are.

    def status(self, cache: int) -> Status:
        """What a cache is doing."""
        known = self.caches.get(cache)
        return Status.CLOSED if known is None else known.status

    def open(self, cache: int) -> SequenceCache:
        """The open cache of a number. Raises Refused: closed."""
        known = self.caches.get(cache)
        if known is None:
            refuse("closed", f"cache {cache}: is closed; create it first")
        return known

    def active(self, cache: int) -> SequenceCache:
        """The active cache of a number. Raises Refused: not-active."""
        known = self.caches.get(cache)
        if known is None or known.status is not Status.ACTIVE:
            refuse("not-active", f"cache {cache}: is {self.status(cache).name}; resume it first")
        return known

    def suspended(self, cache: int, does: str) -> SequenceCache:
        """The suspended cache of a number, since only such a one `does` that. Raises Refused: not-suspended."""
        known = self.caches.get(cache)
        if known is None or known.status is not Status.SUSPENDED:
            refuse("not-suspended", f"cache {cache}: is {self.status(cache).name}; only a suspended one {does}")
        return known

    def places_held(self, cache: SequenceCache) -> list[int]:
        """The places that have a page, the last first."""
        cells, blocks, first = cache.cells, self.spans.blocks(cache.capacity), self.config.blocks_max
        places = [self._state_place + 1, self._state_place] if self._has_state else []
        if self._windows:
            places += range(first + blocks - 1, first - 1, -1)
        places += range(blocks - 1, -1, -1)
        return [place for place in places if cells[place] != NO_PAGE]

    def check_stream(self, stream: Stream) -> None:
        """Raises ValueError when kernels do not run on `stream`."""
        if stream not in self.forward_streams:
            names = ", ".join(each.name for each in self.forward_streams)
            raise ValueError(f"stream {stream.name}: is no forward stream of this manager; it has {names}")

    def end_copies(self) -> None:
        """An operation has ended: submit its copies, and let kernels that come now wait for what they must."""
        for copies in self.copies.values():
            copies.end_operation()

    # Pages.

    def step_take_slot(self, page: int, kind: int, priority: int) -> None:
        """Make `page`, the next unused one of its group, a private page in a vacant PRIMARY slot."""
        self.pages.take(page, kind, priority)

    def step_destroy(self, page: int) -> None:
        """Make `page`, which is in no queue and nobody has, cease to exist; it leaves the tree, too."""
        pages = self.pages
        if self.queues.handle[page] != NOT_QUEUED:
            raise ProtocolError(f"page {page}: destroyed while it waits in a queue")
        node = pages.node[page]
        if node is not None:
            self.tree.detach(page, pages.kind[page], node)
        pages.destroy(page)

    def step_migrate(self, page: int, level: int) -> None:
        """Move `page`, which is in no queue and not locked, into a vacant slot of `level`; its data follow."""
        pages = self.pages
        if self.queues.handle[page] != NOT_QUEUED:
            raise ProtocolError(f"page {page}: moved while it waits in a queue")
        source_level, source = pages.level[page], pages.slot[page]
        target = pages.move(page, level)
        self.copies[pages.group[page]].copy(source_level, source, level, target)

    def step_enqueue(self, page: int) -> None:
        """Queue `page`, which can be given up, at the tail of its priority on its level."""
        pages = self.pages
        queue = pages.level[page] * GROUPS + pages.group[page]
        self.queues.push(page, queue, pages.priority[page], not pages.holds[page])

    def step_unqueue(self, page: int) -> None:
        """Take `page` out of its queue."""
        self.queues.remove(page, not self.pages.holds[page])

    def step_link(self, page: int, parent: Node, chunk: Hashable) -> Node:
        """Let others find the private `page` as what follows `parent` when `chunk` does; returns its node."""
        pages = self.pages
        if pages.node[page] is not None:
            raise ProtocolError(f"page {page}: linked a second time")
        node = self.tree.attach(page, pages.kind[page], parent, chunk)
        pages.node[page] = node
        return node

    # What caches have.

    def step_open(self, cache: SequenceCache) -> None:
        """A new cache, suspended and without pages."""
        cache.status = Status.SUSPENDED
        self.caches[cache.number] = cache

    def step_hold(self, cache: SequenceCache, place: int, page: int) -> None:
        """Put `page` into an empty cell."""
        if cache.cells[place] != NO_PAGE:
            raise ProtocolError(f"cache {cache.number}: page {page} put into place {place}, which has one")
        cache.cells[place] = page
        holds = self.pages.holds
        holds[page] += 1
        if holds[page] == 1 and self.queues.handle[page] != NOT_QUEUED:
            self.queues.become_held(page)

    def step_let_go(self, cache: SequenceCache, place: int) -> None:
        """Empty a cell whose page is not locked."""
        page = cache.cells[place]
        if page == NO_PAGE or cache.locked[place]:
            raise ProtocolError(f"cache {cache.number}: lets go of place {place}, which is empty or locked")
        cache.cells[place] = NO_PAGE
        holds = self.pages.holds
        holds[page] -= 1
        if not holds[page] and self.queues.handle[page] != NOT_QUEUED:
            self.queues.become_droppable(page)

    def step_lock(self, cache: SequenceCache, place: int) -> None:
        """Keep the page of a cell, which is in device memory and in no queue, where it is; kernels use it from here on."""
        page, pages = cache.cells[place], self.pages
        if page == NO_PAGE or cache.locked[place] or pages.level[page] or self.queues.handle[page] != NOT_QUEUED:
            self._reject_lock(cache, place)
        cache.locked[place] = 1
        cache.last_pass = None
        pages.locks[page] += 1
        slot = pages.slot[page]
        if cache.entries is not None:
            cache.entries[place] = slot
        self.copies[pages.group[page]].acquire(slot, cache.stream)

    def step_unlock(self, cache: SequenceCache, place: int) -> None:
        """The page of a locked cell may move again, once the kernels submitted so far are through."""
        page, pages = cache.cells[place], self.pages
        if page == NO_PAGE or not cache.locked[place]:
            raise ProtocolError(f"cache {cache.number}: unlocks place {place}, which it has not locked")
        cache.locked[place] = 0
        pages.locks[page] -= 1
        if cache.entries is not None:
            cache.entries[place] = EMPTY_ENTRY
        self.copies[pages.group[page]].release(pages.slot[page], cache.stream)

    def step_take_scratch(self, cache: SequenceCache, count: int) -> None:
        """Take `count` vacant slots to pass blocks through."""
        vacant = self.pages.vacant[Level.PRIMARY][self.window_group]
        if len(vacant) < count:
            raise ProtocolError(f"cache {cache.number}: takes {count} scratch slots, but {len(vacant)} are vacant")
        copies = self.copies[self.window_group]
        for _ in range(count):
            slot = vacant.popleft()
            cache.scratch.append(slot)
            copies.acquire(slot, cache.stream)

    def step_give_scratch(self, cache: SequenceCache, count: int) -> None:
        """Give `count` scratch slots back."""
        if len(cache.scratch) < count:
            raise ProtocolError(f"cache {cache.number}: gives {count} scratch slots back, but has {len(cache.scratch)}")
        vacant = self.pages.vacant[Level.PRIMARY][self.window_group]
        copies = self.copies[self.window_group]
        for _ in range(count):
            slot = cache.scratch.pop()
            copies.release(slot, cache.stream)
            vacant.append(slot)

    def step_activate(self, cache: SequenceCache) -> None:
        """All that a forward pass needs is locked."""
        if cache.status is not Status.SUSPENDED:
            raise ProtocolError(f"cache {cache.number}: activated while it is {cache.status.name}")
        cache.status = Status.ACTIVE

    def step_deactivate(self, cache: SequenceCache) -> None:
        """Nothing is locked any more, and no scratch slot kept."""
        if cache.status is not Status.ACTIVE or cache.scratch:
            raise ProtocolError(
                f"cache {cache.number}: deactivated while it is {cache.status.name}, or with scratch slots"
            )
        cache.status = Status.SUSPENDED

    def step_stop(self, cache: SequenceCache) -> None:
        """It commits no more."""
        cache.stopped = True

    def step_measure(self, cache: SequenceCache, committed: int, history: int, capacity: int) -> None:
        """Write the three lengths, last of all: blocks, tokens, tokens."""
        if not committed * self.config.tokens_per_block <= history <= capacity:
            raise ProtocolError(
                f"cache {cache.number}: {committed} blocks committed, history {history}, capacity {capacity}"
            )
        cache.committed, cache.history, cache.capacity = committed, history, capacity

    def step_shut(self, cache: SequenceCache) -> None:
        """A cache without pages is closed."""
        if cache.status is not Status.SUSPENDED:
            raise ProtocolError(f"cache {cache.number}: closed while it is {cache.status.name}")
        cache.status = Status.CLOSED
        del self.caches[cache.number]

    def _reject_lock(self, cache: SequenceCache, place: int) -> NoReturn:
        page = cache.cells[place]
        where = "it is empty"
        if page != NO_PAGE:
            queued = self.queues.handle[page] != NOT_QUEUED
            level = Level(self.pages.level[page]).name
            where = f"page {page} is on {level}, queued: {queued}, locked there already: {bool(cache.locked[place])}"
        raise ProtocolError(f"cache {cache.number}: locks place {place}, but {where}")
