"""The sequence caches: their pages place by place, what they have locked, and their three lengths.

`committed <= history <= capacity`: the tokens whose blocks others may reuse, those that have been computed, and those
for which there is room. A cache has a cell for each block in each life cycle that blocks have, one for its recurrent
state, and one for the snapshot from which that state will start.

Source: the cache of one sequence in TensorRT-LLM's second-generation manager (B-9).
"""

from __future__ import annotations

from kvproof.spec.lang import Map, Set, require, step
from kvproof.spec.sequence_caches.kinds import (
    FIRST,
    FULL,
    PRIMARY,
    STATE,
    WINDOW,
    BlockCount,
    Cache,
    Count,
    Group,
    Kind,
    Ordinal,
    Page,
    Place,
    Priority,
    Status,
    Text,
    TokenCount,
)
from kvproof.spec.sequence_caches.storage import Storage


class Caches(Storage):
    """What each cache has."""

    status: Map[Cache, Status]
    """What each cache is doing."""
    text: Map[Cache, Text]
    """What the full blocks of each sequence are; () for a cache that is closed."""
    cell: Map[Cache, Map[Place, Page | None]]
    """The pages of each cache."""
    locked: Map[Cache, Set[Place]]
    """The places whose pages an active cache uses."""
    scratch: Map[Cache, Count]
    """Scratch slots of an active cache: device memory for blocks whose window will have passed when they are computed."""
    committed: Map[Cache, BlockCount]
    """Blocks of a cache that others may reuse."""
    history: Map[Cache, TokenCount]
    """Tokens that have been computed."""
    capacity: Map[Cache, TokenCount]
    """Tokens for which there is room."""
    stopped: Map[Cache, bool]
    """Whether no more blocks will be committed."""
    page_priority: Map[Cache, Priority]
    """The priority of the pages that a cache takes."""

    def windows(self) -> bool:
        """Whether there is a life cycle with a sliding window."""
        return self.params.window_tokens > 0

    def states(self) -> bool:
        """Whether there is recurrent state."""
        return self.params.state_primary > 0

    def blocks(self, tokens: TokenCount) -> BlockCount:
        """How many blocks so many tokens take."""
        return (tokens + self.params.tokens_per_block - 1) // self.params.tokens_per_block

    def places(self) -> int:
        """How many places a cache has."""
        return self.block_places() + (2 if self.states() else 0)

    def block_places(self) -> int:
        """How many of them are blocks'."""
        return 2 * self.params.blocks_max if self.windows() else self.params.blocks_max

    def kind_of(self, place: Place) -> Kind:
        """The life cycle of a place."""
        if place < self.params.blocks_max:
            return FULL
        return WINDOW if place < self.block_places() else STATE

    def ordinal_of(self, place: Place) -> Ordinal:
        """The block of a place that is not of recurrent state."""
        return place if place < self.params.blocks_max else place - self.params.blocks_max

    def window_place(self, ordinal: Ordinal) -> Place:
        """The place of a block in the window."""
        return self.params.blocks_max + ordinal

    def state_place(self) -> Place:
        """The place of the recurrent state."""
        return self.block_places()

    def snapshot_place(self) -> Place:
        """The place of the snapshot from which the recurrent state will start."""
        return self.block_places() + 1

    def has(self, cache: Cache, page: Page) -> bool:
        """Whether a cache has a page."""
        return any(self.cell[cache][place] == page for place in range(self.places()))

    def scratch_slots(self, group: Group) -> Count:
        """The slots of a group that are scratch."""
        if self.params.scratch_share == 0 or group != self.group_of_kind(WINDOW):
            return 0
        return sum(self.scratch[cache] for cache in self.every(Cache))

    @step
    def open(self, cache: Cache, text: Text, priority: Priority) -> None:
        """A new cache, without pages."""
        require(self.status[cache] == Status.CLOSED, "open-closed")
        self.status[cache] = Status.SUSPENDED
        self.text[cache] = text
        self.page_priority[cache] = priority

    @step
    def hold(self, cache: Cache, place: Place, page: Page) -> None:
        """A cache gets a page at a place that is empty."""
        require(self.status[cache] != Status.CLOSED, "hold-when-open")
        require(self.exists(page) and self.kind[page] == self.kind_of(place), "hold-of-its-kind")
        require(self.cell[cache][place] is None, "hold-in-an-empty-cell")
        self.cell[cache][place] = page
        self.holds[page] += 1

    @step
    def let_go(self, cache: Cache, place: Place) -> None:
        """A cache gives up the page at a place."""
        require(self.cell[cache][place] is not None, "let-go-what-is-there")
        require(place not in self.locked[cache], "unlock-before-let-go")
        self.holds[self.page_at(cache, place)] -= 1
        self.cell[cache][place] = None

    @step
    def lock(self, cache: Cache, place: Place) -> None:
        """A cache uses a page from here on: it is in device memory, `lock-on-device` (S-3), and no victim."""
        require(self.cell[cache][place] is not None and place not in self.locked[cache], "lock-once")
        require(self.is_usable(self.page_at(cache, place)), "lock-on-device")
        self.locks[self.page_at(cache, place)] += 1
        self.locked[cache].add(place)

    def is_usable(self, page: Page) -> bool:
        """Whether a page is in device memory and in no queue."""
        return self.level[page] == PRIMARY and page not in self.queue[PRIMARY]

    def page_at(self, cache: Cache, place: Place) -> Page:
        """The page at a place that is not empty."""
        page = self.cell[cache][place]
        return FIRST if page is None else page

    @step
    def unlock(self, cache: Cache, place: Place) -> None:
        """A cache does not use a page any longer, but keeps it."""
        require(place in self.locked[cache], "unlock-locked")
        self.locks[self.page_at(cache, place)] -= 1
        self.locked[cache].discard(place)

    @step
    def take_scratch(self, cache: Cache, count: Count) -> None:
        """A cache gets scratch slots: they hold nothing that is read in a later pass."""
        require(self.vacant[PRIMARY][self.group_of_kind(WINDOW)] >= count, "slot-is-vacant")
        self.scratch[cache] += count
        self.vacant[PRIMARY][self.group_of_kind(WINDOW)] -= count

    @step
    def give_scratch(self, cache: Cache, count: Count) -> None:
        """A cache gives scratch slots back."""
        require(self.scratch[cache] >= count, "scratch-of-its-own")
        self.scratch[cache] -= count
        self.vacant[PRIMARY][self.group_of_kind(WINDOW)] += count

    @step
    def activate(self, cache: Cache) -> None:
        """A cache is in use: all its blocks of full attention are locked already."""
        require(self.status[cache] == Status.SUSPENDED, "activate-suspended")
        require(
            all(
                self.cell[cache][place] is None or place in self.locked[cache]
                for place in range(self.params.blocks_max)
            ),
            "lock-before-activate",
        )
        self.status[cache] = Status.ACTIVE

    @step
    def deactivate(self, cache: Cache) -> None:
        """A cache rests, without a lock, `unlock-before-suspend`, and without scratch, `scratch-before-suspend` (S-6)."""
        require(self.status[cache] == Status.ACTIVE, "suspend-active")
        require(len(self.locked[cache]) == 0, "unlock-before-suspend")
        require(self.scratch[cache] == 0, "scratch-before-suspend")
        self.status[cache] = Status.SUSPENDED

    @step
    def stop(self, cache: Cache) -> None:
        """No more blocks of a cache will be committed."""
        require(self.status[cache] != Status.CLOSED, "stop-open")
        self.stopped[cache] = True

    @step
    def measure(self, cache: Cache, committed: BlockCount, history: TokenCount, capacity: TokenCount) -> None:
        """Write the three lengths, last of all: `committed-history-capacity`, `one-page-a-block` (S-1)."""
        require(
            committed * self.params.tokens_per_block <= history and history <= capacity, "committed-history-capacity"
        )
        require(
            (self.blocks(capacity) == 0 or self.cell[cache][self.blocks(capacity) - 1] is not None)
            and (self.blocks(capacity) == self.params.blocks_max or self.cell[cache][self.blocks(capacity)] is None),
            "one-page-a-block",
        )
        self.committed[cache] = committed
        self.history[cache] = history
        self.capacity[cache] = capacity

    @step
    def shut(self, cache: Cache) -> None:
        """A cache without pages is closed."""
        require(self.status[cache] == Status.SUSPENDED, "close-suspended")
        require(all(self.cell[cache][place] is None for place in range(self.places())), "close-empty")
        self.status[cache] = Status.CLOSED
        self.text[cache] = ()
        self.committed[cache] = 0
        self.history[cache] = 0
        self.capacity[cache] = 0
        self.stopped[cache] = False
        self.page_priority[cache] = 0
