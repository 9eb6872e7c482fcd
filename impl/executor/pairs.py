"""The caches of a request, the target model's and the draft model's, as one: both or neither.

Whatever is done to a pair is done in full or undone, so that both always have the same lengths and the same status.
"""

from __future__ import annotations

from typing import NamedTuple

from kvproof.impl.device import Stream
from kvproof.impl.executor.config import ExecutorConfig
from kvproof.impl.executor.requests import Request
from kvproof.impl.sequence_caches import Pass, Refused, SequenceCaches, Status

NO_ROOM = ("device-full", "out-of-pages")
"""Refusals that say that others have the memory. Any other one is a mistake of the executor's, which must be seen."""


class Readied(NamedTuple):
    """A cache that has been made ready: its capacity before, and whether it had to be resumed."""

    cache: int
    before: int
    resumed: bool


class Pairs:
    """What is done to all caches of a request.

    Args:
        config: of the executor.
        caches: the manager of the caches.
    """

    def __init__(self, config: ExecutorConfig, caches: SequenceCaches) -> None:
        self.caches = caches
        self.block_tokens = caches.config.tokens_per_block
        self.tokens_max = caches.config.blocks_max * self.block_tokens
        """Tokens of the longest cache."""
        self.started: Pass | None = None
        """The forward pass that was started last: where its kernels run and find their index rows."""
        self._config = config
        self._passes = 0

    @property
    def stream(self) -> Stream:
        """Where the next forward pass will run: on the forward streams of the caches in turn."""
        streams = self.caches.forward_streams
        return streams[self._passes % len(streams)]

    def start(self, batch: list[Request]) -> None:
        """Kernels may be submitted for a batch; passes that are under way on other streams go on beside them."""
        self.started = self.caches.start_pass([cache for request in batch for cache in request.caches], self.stream)
        self._passes += 1

    def is_active(self, request: Request) -> bool:
        """Its caches are open, and locked in device memory."""
        return request.has_caches and self.is_cache_active(request.caches[0])

    def is_cache_active(self, cache: int) -> bool:
        """The cache is locked in device memory."""
        return self.caches.status(cache) is Status.ACTIVE

    def capacity(self, request: Request) -> int:
        """Tokens for which its caches have room."""
        return self.caches.capacity(request.caches[0])

    def make_caches(self, request: Request, row: int) -> int:
        """Open them for an index row; returns the blocks of its text that all of them have found."""
        texts = [self.text_of(request, cache) for cache in request.caches]
        found = self.found_by_all(texts) if len(texts) > 1 else None
        for cache, text in zip(request.caches, texts, strict=True):
            found = self.caches.create(cache, text, request.priority, found)
            self.caches.bind_row(cache, self.row_of(request, cache, row))
        return found or 0

    def text_of(self, request: Request, cache: int) -> tuple[int, ...]:
        """What the blocks of one of its caches are."""
        if cache == request.number:
            return request.text
        return tuple(chunk + self._config.draft_text for chunk in request.text)

    def row_of(self, request: Request, cache: int, row: int) -> int:
        """The index row of one of its caches: those of the draft model are behind all others."""
        return row if cache == request.number else self._config.rows + row

    def found_by_all(self, texts: list[tuple[int, ...]]) -> int:
        """The longest beginning, in blocks, that is there for each text: a pair has equal lengths."""
        found, agreed = len(texts[0]), 0
        while agreed < len(texts):
            for text in texts:
                least = self.caches.matched(text, found)
                agreed = agreed + 1 if least == found else 1
                found = least
        return found

    def unbind_rows(self, request: Request) -> None:
        """They write no row from now on: the next owner's entries would be lost (#14423)."""
        for cache in request.caches:
            self.caches.unbind_row(cache)

    def close_caches(self, request: Request) -> None:
        """Close them."""
        for cache in reversed(request.caches):
            self.caches.close(cache)

    def suspend_caches(self, request: Request) -> None:
        """Give up their locks, if they are active."""
        for cache in reversed(request.caches):
            if self.is_cache_active(cache):
                self.caches.suspend(cache)

    def make_ready(self, request: Request, capacity: int) -> bool:
        """Make them active, with room for `capacity` tokens; or leave them as they were and answer False."""
        done: list[Readied] = []
        for cache in request.caches:
            readied = self.make_cache_ready(cache, capacity)
            if readied is None:
                for other in reversed(done):
                    self.undo(other)
                return False
            done.append(readied)
        return True

    def make_cache_ready(self, cache: int, capacity: int) -> Readied | None:
        """The same for one cache; None when there is no room for it, and it is as it was."""
        caches = self.caches
        resumed = not self.is_cache_active(cache)
        try:
            if resumed:
                caches.resume(cache, self.stream)
            else:
                caches.run_on(cache, self.stream)
        except Refused as refused:
            if refused.reason not in NO_ROOM:
                raise
            return None
        before = caches.capacity(cache)
        try:
            caches.resize(cache, capacity, caches.history(cache))
        except Refused as refused:
            if refused.reason not in NO_ROOM:
                raise
            if resumed:
                caches.suspend(cache)
            return None
        return Readied(cache, before, resumed)

    def undo(self, readied: Readied) -> None:
        """Take back what `make_cache_ready` has done."""
        self.shrink(readied.cache, readied.before)
        if readied.resumed:
            self.caches.suspend(readied.cache)

    def shrink_caches(self, request: Request, capacity: int) -> None:
        """Give up the room beyond `capacity` tokens."""
        for cache in reversed(request.caches):
            self.shrink(cache, capacity)

    def shrink(self, cache: int, capacity: int) -> None:
        """Give up a cache's room beyond `capacity` tokens. It takes no page, and so is never refused."""
        self.caches.resize(cache, capacity, self.caches.history(cache))
