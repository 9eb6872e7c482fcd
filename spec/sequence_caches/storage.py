"""Pages, their levels, who keeps them, and the eviction queues.

A page is **locked** while an active cache has it, **held** while only suspended caches have it, and **droppable** when no
cache has it: then it is kept for reuse alone. It is *evictable* when it may leave its level: droppable pages always, as
they may be destroyed, and held ones where there is a level below. Exactly the evictable pages are queued (S4).

Sources: sections 1.2 to 1.4 of the domain notes on sequence caches; S-n are their invariants.
"""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, PriorityQueue, require, step
from kvproof.spec.sequence_caches.kinds import (
    PRIMARY,
    SECONDARY,
    Cache,
    Count,
    Level,
    Ordinal,
    Page,
    Pages,
    Priority,
    Prompt,
    SequenceCachesParameters,
    Status,
)


class Storage(Machine[SequenceCachesParameters]):
    """Where pages are, what they hold, and in which order they go."""

    level: Map[Page, Level | None]
    """The level of a page's slot; None: there is no such page."""
    prompt: Map[Page, Prompt | None]
    """Whose text a committed page holds; None while it is private to one cache."""
    ordinal: Map[Page, Ordinal]
    """Which block of the text that is; 0 for a private page."""
    priority: Map[Page, Priority]
    """Eviction priority; 0 for what does not exist."""
    queue: Map[Level, PriorityQueue[Page, Priority]]
    """The evictable pages of each level; the front is the next victim."""
    status: Map[Cache, Status]
    """What each cache is doing."""
    pages: Map[Cache, Pages]
    """The pages of each cache, block by block."""

    def slots(self, level: Level) -> Count:
        """How many slots a level has."""
        return self.params.primary_slots if level == PRIMARY else self.params.secondary_slots

    def occupied(self, level: Level) -> Count:
        """How many of them pages have."""
        return sum(1 for page in self.every(Page) if self.level[page] == level)

    def vacant(self, level: Level) -> Count:
        """How many of them nobody has."""
        return self.slots(level) - self.occupied(level)

    def exists(self, page: Page) -> bool:
        """Whether there is such a page."""
        return self.level[page] is not None

    def has(self, cache: Cache, page: Page) -> bool:
        """Whether a cache has a page."""
        return any(mine == page for mine in self.pages[cache])

    def is_locked(self, page: Page) -> bool:
        """Whether an active cache has the page."""
        return any(self.status[cache] == Status.ACTIVE and self.has(cache, page) for cache in self.every(Cache))

    def is_held(self, page: Page) -> bool:
        """Whether caches have the page, and all of them are suspended."""
        return not self.is_locked(page) and any(self.has(cache, page) for cache in self.every(Cache))

    def is_droppable(self, page: Page) -> bool:
        """Whether the page is kept for reuse alone."""
        return self.exists(page) and not any(self.has(cache, page) for cache in self.every(Cache))

    def is_evictable(self, page: Page) -> bool:
        """Whether the page may leave its level: to the one below, or for good when nobody has it."""
        return self.is_droppable(page) or (
            self.level[page] == PRIMARY and self.params.secondary_slots > 0 and self.is_held(page)
        )

    def is_queued(self, page: Page) -> bool:
        """Whether the page waits in an eviction queue."""
        return page in self.queue[PRIMARY] or page in self.queue[SECONDARY]

    @step
    def take_slot(self, page: Page, priority: Priority) -> None:
        """A new private page gets a slot in device memory."""
        require(not self.exists(page), "new-page")
        require(self.vacant(PRIMARY) > 0, "slot-is-vacant")
        self.level[page] = PRIMARY
        self.priority[page] = priority

    @step
    def destroy(self, page: Page) -> None:
        """A page that nobody has gives its slot back (S8)."""
        require(self.is_droppable(page), "destroy-only-droppable")
        require(not self.is_queued(page), "unqueue-before-destroy")
        self.level[page] = None
        self.prompt[page] = None
        self.ordinal[page] = 0
        self.priority[page] = 0

    @step
    def migrate(self, page: Page) -> None:
        """A page moves to a slot of the other level; a locked one never leaves device memory (S3)."""
        require(self.exists(page), "migrate-what-exists")
        require(self.level[page] == SECONDARY or not self.is_locked(page), "locked-stays")
        require(not self.is_queued(page), "unqueue-before-migrate")
        require(
            self.vacant(SECONDARY) > 0 if self.level[page] == PRIMARY else self.vacant(PRIMARY) > 0, "slot-is-vacant"
        )
        self.level[page] = SECONDARY if self.level[page] == PRIMARY else PRIMARY

    @step
    def enqueue(self, page: Page) -> None:
        """A page becomes the last victim of its level and priority."""
        require(self.is_evictable(page), "queue-only-evictable")
        require(not self.is_queued(page), "queue-once")
        if self.level[page] == PRIMARY:
            self.queue[PRIMARY].push_back(page, self.priority[page])
        else:
            self.queue[SECONDARY].push_back(page, self.priority[page])

    @step
    def unqueue(self, page: Page) -> None:
        """A page leaves its queue."""
        require(self.is_queued(page), "unqueue-queued")
        if page in self.queue[PRIMARY]:
            self.queue[PRIMARY].remove(page)
        else:
            self.queue[SECONDARY].remove(page)

    @step
    def link(self, page: Page, prompt: Prompt, ordinal: Ordinal) -> None:
        """A private page becomes the one from which others may reuse a block of a text."""
        require(self.exists(page) and self.prompt[page] is None, "link-private")
        require(self.find(prompt, ordinal) is None, "link-once")
        self.prompt[page] = prompt
        self.ordinal[page] = ordinal

    def find(self, prompt: Prompt, ordinal: Ordinal) -> Page | None:
        """The committed page of a block, if there is one."""
        found: Page | None = None
        for page in self.every(Page):
            if self.prompt[page] == prompt and self.ordinal[page] == ordinal:
                found = page
        return found

    def settle(self, page: Page) -> None:
        """Queue a page where it has become evictable, take it out where it is no longer, and destroy it when nobody has it
        and nobody can find it."""
        if self.is_queued(page) and not self.is_evictable(page):
            self.unqueue(page)
        if self.is_droppable(page) and self.prompt[page] is None:
            if self.is_queued(page):
                self.unqueue(page)
            self.destroy(page)
        if self.is_evictable(page) and not self.is_queued(page):
            self.enqueue(page)
