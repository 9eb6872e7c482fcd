"""The sequence caches: their pages block by block, their three lengths, and what is committed of their text.

`committed <= history <= capacity`: the tokens whose blocks others may reuse, those that have been computed, and those
for which there is room. A cache has one page a block of its capacity. Below its committed blocks it has the pages that
everybody finds; above, pages of its own.

Sources: sections 1.1 and 2 of the domain notes on sequence caches.
"""

from __future__ import annotations

from kvproof.spec.lang import Map, require, step
from kvproof.spec.sequence_caches.kinds import (
    NO_TEXT,
    PRIMARY,
    BlockCount,
    Cache,
    Ordinal,
    Page,
    Prompt,
    Status,
    TokenCount,
)
from kvproof.spec.sequence_caches.storage import Storage


class Caches(Storage):
    """What each cache has."""

    text: Map[Cache, Prompt]
    """The text of each cache; 0 for one that is closed."""
    committed: Map[Cache, BlockCount]
    """Blocks of a cache that others may reuse."""
    history: Map[Cache, TokenCount]
    """Tokens that have been computed."""
    capacity: Map[Cache, TokenCount]
    """Tokens for which there are pages."""

    def blocks(self, tokens: TokenCount) -> BlockCount:
        """How many blocks so many tokens take."""
        return (tokens + self.params.tokens_per_block - 1) // self.params.tokens_per_block

    @step
    def open(self, cache: Cache, prompt: Prompt) -> None:
        """A new cache, without pages."""
        require(self.status[cache] == Status.CLOSED, "open-closed")
        self.status[cache] = Status.SUSPENDED
        self.text[cache] = prompt

    @step
    def attach(self, cache: Cache, page: Page) -> None:
        """Make a page the next of a cache."""
        require(self.status[cache] != Status.CLOSED, "attach-to-open")
        require(self.exists(page) and not self.has(cache, page), "attach-once")
        self.pages[cache] = self.pages[cache] + (page,)

    @step
    def drop_last(self, cache: Cache) -> None:
        """Take the last page from a cache."""
        require(len(self.pages[cache]) > 0, "drop-what-is-there")
        self.pages[cache] = self.pages[cache][: len(self.pages[cache]) - 1]

    @step
    def rebase(self, cache: Cache, ordinal: Ordinal, page: Page) -> None:
        """Replace a page of one's own by the committed one of the same block."""
        require(ordinal < len(self.pages[cache]), "rebase-block")
        require(self.prompt[page] == self.text[cache] and self.ordinal[page] == ordinal, "rebase-same-block")
        self.pages[cache] = self.pages[cache][:ordinal] + (page,) + self.pages[cache][ordinal + 1 :]

    @step
    def activate(self, cache: Cache) -> None:
        """Lock all pages of a cache: they are in device memory, and in no queue (S3)."""
        require(self.status[cache] == Status.SUSPENDED, "activate-suspended")
        require(
            all(self.level[page] == PRIMARY and not self.is_queued(page) for page in self.pages[cache]),
            "lock-on-device",
        )
        self.status[cache] = Status.ACTIVE

    @step
    def deactivate(self, cache: Cache) -> None:
        """Give up the locks and keep the pages."""
        require(self.status[cache] == Status.ACTIVE, "suspend-active")
        self.status[cache] = Status.SUSPENDED

    @step
    def measure(self, cache: Cache, committed: BlockCount, history: TokenCount, capacity: TokenCount) -> None:
        """Write the three lengths, last of all (S1)."""
        require(
            committed * self.params.tokens_per_block <= history and history <= capacity, "committed-history-capacity"
        )
        require(len(self.pages[cache]) == self.blocks(capacity), "one-page-a-block")
        self.committed[cache] = committed
        self.history[cache] = history
        self.capacity[cache] = capacity

    @step
    def shut(self, cache: Cache) -> None:
        """A cache without pages is closed."""
        require(self.status[cache] == Status.SUSPENDED and len(self.pages[cache]) == 0, "close-empty")
        self.status[cache] = Status.CLOSED
        self.text[cache] = NO_TEXT
        self.committed[cache] = 0
        self.history[cache] = 0
        self.capacity[cache] = 0
