"""Pages, their slots on the levels of memory, who keeps them, and the eviction queues.

A page is **locked** while an active cache uses it, **held** while caches have it and none uses it, and **droppable** when
no cache has it: then it is kept for reuse alone. It is *evictable* when it may leave its level: droppable pages always, as
they may be destroyed, and held ones where there is a level below. Exactly the evictable pages are queued (S-4).

Sources: pages (B-11) and their storage (B-12) in the second-generation manager of TensorRT-LLM. S-n, here and in all files
of this machine, are numbers of `spec/SOURCES.md`.
"""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, PartialMap, PriorityQueue, ensure, require, step
from kvproof.spec.sequence_caches.kinds import (
    FULL,
    PRIMARY,
    SECONDARY,
    STATE,
    TERTIARY,
    WINDOW,
    CacheCount,
    Count,
    Group,
    Kind,
    Level,
    Page,
    Priority,
    StorageParameters,
    Text,
)


class Storage(Machine[StorageParameters]):
    """Where pages are, what they hold, and in which order they go."""

    level: Map[Page, Level | None]
    """The level of a page's slot; None: there is no such page."""
    kind: Map[Page, Kind]
    """The life cycle of a page; 0 for what does not exist."""
    path: Map[Page, Text]
    """The text at the end of which a committed page is; () while it is private to one cache."""
    priority: Map[Page, Priority]
    """Eviction priority; 0 for what does not exist."""
    known: Map[Kind, PartialMap[Text, Page]]
    """The committed pages by what they hold: here others find them."""
    below: Map[Page, Count]
    """How many committed pages hang from a block's page of full attention: those of the blocks after it, and its own in
    other life cycles."""
    holds: Map[Page, CacheCount]
    """How many caches have a page."""
    locks: Map[Page, CacheCount]
    """How many of them use it now."""
    vacant: Map[Level, Map[Group, Count]]
    """Slots that nobody has."""
    queue: Map[Level, PriorityQueue[Page, Priority]]
    """The evictable pages of each level, all groups; the first of a group is its next victim."""

    def initial(self) -> None:
        for level in range(self.levels()):
            for group in range(self.groups()):
                self.vacant[level][group] = self.slots(level, group)

    def levels(self) -> int:
        """How many levels of memory there are."""
        return 3 if self.params.tertiary_slots > 0 else 2

    def groups(self) -> int:
        """How many pool groups there are."""
        return 3 if self.params.state_primary > 0 else 2 if self.params.window_primary > 0 else 1

    def slots(self, level: Level, group: Group) -> Count:
        """How many slots a group has on a level."""
        if level == PRIMARY:
            if group == 0:
                return self.params.primary_slots
            return self.params.window_primary if group == 1 else self.params.state_primary
        if level == SECONDARY:
            if group == 0:
                return self.params.secondary_slots
            return self.params.window_secondary if group == 1 else self.params.state_secondary
        return self.params.tertiary_slots if group == 0 else 0

    def group_of_kind(self, kind: Kind) -> Group:
        """The pool group of a life cycle."""
        if kind == WINDOW and self.params.window_primary > 0:
            return 1
        return 2 if kind == STATE else 0

    def group(self, page: Page) -> Group:
        """The pool group of a page, for ever the same."""
        full = self.params.primary_slots + self.params.secondary_slots + self.params.tertiary_slots
        if page < full:
            return 0
        return 1 if page < full + self.params.window_primary + self.params.window_secondary else 2

    def is_last(self, level: Level, group: Group) -> bool:
        """Whether a group has nothing below a level."""
        return level == TERTIARY or level + 1 == self.levels() or self.slots(level + 1, group) == 0

    def exists(self, page: Page) -> bool:
        """Whether there is such a page."""
        return self.level[page] is not None

    def level_of(self, page: Page) -> Level:
        """The level of a page that exists."""
        level = self.level[page]
        return PRIMARY if level is None else level

    def is_locked(self, page: Page) -> bool:
        """Whether an active cache uses the page."""
        return self.locks[page] > 0

    def is_held(self, page: Page) -> bool:
        """Whether caches have the page, and none uses it."""
        return self.holds[page] > 0 and self.locks[page] == 0

    def is_droppable(self, page: Page) -> bool:
        """Whether the page is kept for reuse alone."""
        return self.exists(page) and self.holds[page] == 0

    def is_committed(self, page: Page) -> bool:
        """Whether others can find the page."""
        return len(self.path[page]) > 0

    def is_evictable(self, page: Page) -> bool:
        """Whether the page may leave its level: for good when nobody has it, else to the one below if there is one."""
        level = self.level[page]
        return level is not None and (
            self.is_droppable(page) or (self.is_held(page) and not self.is_last(level, self.group(page)))
        )

    def is_queued(self, page: Page) -> bool:
        """Whether the page waits in an eviction queue."""
        return any(page in self.queue[level] for level in range(self.levels()))

    @step
    def take_slot(self, page: Page, kind: Kind, priority: Priority) -> None:
        """A new private page of a life cycle gets a slot in device memory."""
        require(not self.exists(page), "new-page")
        require(self.group(page) == self.group_of_kind(kind), "slot-of-its-group")
        require(self.vacant[PRIMARY][self.group(page)] > 0, "slot-is-vacant")
        self.level[page] = PRIMARY
        self.kind[page] = kind
        self.priority[page] = priority
        self.vacant[PRIMARY][self.group(page)] -= 1

    @step
    def destroy(self, page: Page) -> None:
        """A page that nobody has, `destroy-only-droppable` (S-8), gives its slot back, and nobody finds it any more."""
        require(self.is_droppable(page), "destroy-only-droppable")
        require(not self.is_queued(page), "unqueue-before-destroy")
        self.vacant[self.level_of(page)][self.group(page)] += 1
        if len(self.path[page]) > 0:
            del self.known[self.kind[page]][self.path[page]]
            if self.anchor(self.kind[page], self.path[page]) in self.known[FULL]:
                self.below[self.known[FULL][self.anchor(self.kind[page], self.path[page])]] -= 1
        self.level[page] = None
        self.kind[page] = FULL
        self.path[page] = ()
        self.below[page] = 0
        self.priority[page] = 0

    @step
    def migrate(self, page: Page, level: Level) -> None:
        """A page moves to a slot of another level; a locked one stays, by `locked-stays` (S-3)."""
        require(self.exists(page) and self.level[page] != level, "migrate-elsewhere")
        require(not self.is_locked(page), "locked-stays")
        require(not self.is_queued(page), "unqueue-before-migrate")
        require(self.vacant[level][self.group(page)] > 0, "slot-is-vacant")
        self.vacant[self.level_of(page)][self.group(page)] += 1
        self.vacant[level][self.group(page)] -= 1
        self.level[page] = level

    @step
    def enqueue(self, page: Page) -> None:
        """A page becomes the last victim of its level, group and priority."""
        require(self.is_evictable(page), "queue-only-evictable")
        require(not self.is_queued(page), "queue-once")
        self.queue[self.level_of(page)].push_back(page, self.priority[page])

    @step
    def unqueue(self, page: Page) -> None:
        """A page leaves its queue."""
        require(self.is_queued(page), "unqueue-queued")
        for level in range(self.levels()):
            if page in self.queue[level]:
                self.queue[level].remove(page)

    @step
    def link(self, page: Page, path: Text) -> None:
        """A private page becomes the one from which others reuse the last block of a text.

        There is one for a text, `link-once`, and none without what comes before it, `link-after-its-predecessor` (S-11).
        """
        require(self.exists(page) and not self.is_committed(page), "link-private")
        require(len(path) > 0 and path not in self.known[self.kind[page]], "link-once")
        require(self.kind[page] == FULL or path in self.known[FULL], "link-to-a-block")
        require(len(path) == 1 or path[: len(path) - 1] in self.known[FULL], "link-after-its-predecessor")
        if len(self.anchor(self.kind[page], path)) > 0:
            self.below[self.known[FULL][self.anchor(self.kind[page], path)]] += 1
        self.path[page] = path
        self.known[self.kind[page]][path] = page

    def anchor(self, kind: Kind, path: Text) -> Text:
        """The text of the block from whose page of full attention a page hangs; () for a first block."""
        return path[: len(path) - 1] if kind == FULL else path

    def settle(self, page: Page) -> None:
        """Queue a page where it has become evictable, take it out where it is no longer, and destroy it when nobody has it
        and nobody can find it."""
        if self.is_queued(page) and not self.is_evictable(page):
            self.unqueue(page)
        if self.is_droppable(page) and not self.is_committed(page):
            if self.is_queued(page):
                self.unqueue(page)
            self.destroy(page)
        if self.is_evictable(page) and not self.is_queued(page):
            self.enqueue(page)
            ensure(self.is_last_victim(page), "released-waits-behind-its-peers")

    def is_last_victim(self, page: Page) -> bool:
        """Whether a queued page is the last victim among those of its level and priority, so of its group too."""
        behind = False
        for other in self.queue[self.level_of(page)]:
            if behind and self.priority[other] == self.priority[page]:
                return False
            if other == page:
                behind = True
        return True
