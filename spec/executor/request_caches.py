"""What an executor does to the caches of one request: to that of the model, and to that of the draft model if there is one.

Both always have the same status and the same lengths (C-13), so whatever fails for one is taken back for the other. The
target's cache comes first where something is taken, the draft's where something is given up.
"""

from __future__ import annotations

from kvproof.spec.executor.kinds import Request, RequestText, Row, Stage
from kvproof.spec.executor.requests import RequestTable
from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.kinds import (
    PRIMARY,
    SECONDARY,
    BlockCount,
    Cache,
    Chunk,
    Page,
    Status,
    Text,
    TokenCount,
)


class RequestCaches(RequestTable):
    """Making, growing, updating and releasing the caches of a request."""

    def target_text(self, text: RequestText) -> Text:
        """The text of a request's blocks."""
        found: Text = ()
        for part in text:
            for chunk in self.every(Chunk):
                if chunk - part == 0:
                    found = found + (chunk,)
        return found

    def draft_text(self, text: RequestText) -> Text:
        """The text of the draft model's blocks: the same tokens, but other data, which the target must never find."""
        found: Text = ()
        for part in text:
            for chunk in self.every(Chunk):
                if chunk - part == self.params.chunks // 2:
                    found = found + (chunk,)
        return found

    def matched_by_both(self, text: RequestText) -> BlockCount:
        """The most blocks of a text that both caches can begin with.

        What only one of them knows is computed again and committed, so that the other catches up.
        """
        if self.params.draft_model == 0:
            return self.matched(self.target_text(text))
        best = 0
        for count in range(1, self.params.blocks_max + 1):
            if self.is_match(self.target_text(text), count) and self.is_match(self.draft_text(text), count):
                best = count
        return best

    def start(self, request: Request, row: Row) -> None:
        """Make the caches of a request for its first chunk, with what is known of its prompt."""
        text = self.request_text[request]
        priority = self.request_priority[request]
        count = self.matched_by_both(text)
        self.begin_with(self.target(request), self.target_text(text), count, priority)
        if self.params.draft_model == 1:
            self.begin_with(self.draft(request), self.draft_text(text), count, priority)
        self.seat(request, row, count * self.params.tokens_per_block)

    def ready(self, request: Request, capacity: TokenCount) -> bool:
        """Have the caches of a request active with so much room, both of them; or leave them as they were.

        What was brought up for an attempt that then fails stays up, where it is a victim again, and what had to go for it
        has gone: pages below, and droppable ones, if need be, for good.
        """
        target = self.target(request)
        before = self.capacity[target]
        rested = self.status[target] == Status.SUSPENDED
        if not self.is_made_ready(target, capacity):
            return False
        if self.params.draft_model == 1 and not self.is_made_ready(self.draft(request), capacity):
            sometimes("the draft model's cache does not fit")
            self.shrink(target, before, self.history[target])
            if rested:
                self.rest(target)
            return False
        return True

    def is_made_ready(self, cache: Cache, capacity: TokenCount) -> bool:
        """The same for one cache."""
        rested = self.status[cache] == Status.SUSPENDED
        if rested:
            if not self.can_resume(cache):
                return False
            self.wake(cache)
        if not self.can_reshape(cache, capacity, self.history[cache]):
            if rested:
                sometimes("a cache is resumed in vain")
                self.rest(cache)
            return False
        self.reshape(cache, capacity, self.history[cache])
        return True

    def shrink(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """Give an active cache less room, or let it have computed more. That takes no page, whatever is in scratch: what
        may be taken back is never scratch, so it cannot fail (V2-02)."""
        self.give_back(cache, capacity, history)
        self.measure(cache, self.committed[cache], history, capacity)

    def shrink_both(self, request: Request, capacity: TokenCount) -> None:
        """Take room back from a request: nothing is computed or forgotten."""
        if self.params.draft_model == 1:
            self.shrink(self.draft(request), capacity, self.history[self.draft(request)])
        self.shrink(self.target(request), capacity, self.history[self.target(request)])

    def rest_both(self, request: Request) -> None:
        """Suspend a request's caches, if they are active."""
        if self.params.draft_model == 1 and self.status[self.draft(request)] == Status.ACTIVE:
            self.rest(self.draft(request))
        if self.status[self.target(request)] == Status.ACTIVE:
            self.rest(self.target(request))

    def end_both(self, request: Request) -> None:
        """Close a request's caches, if there are any."""
        if self.params.draft_model == 1 and self.status[self.draft(request)] != Status.CLOSED:
            self.end(self.draft(request))
        if self.status[self.target(request)] != Status.CLOSED:
            self.end(self.target(request))

    def record_both(self, request: Request, capacity: TokenCount, history: TokenCount, ends: bool) -> None:
        """Tell a request's caches what was computed; commit all blocks that are full, and no more when the prompt ends."""
        self.record(self.target(request), capacity, history, ends)
        if self.params.draft_model == 1:
            self.record(self.draft(request), capacity, history, ends)

    def record(self, cache: Cache, capacity: TokenCount, history: TokenCount, ends: bool) -> None:
        """The same for one cache."""
        self.shrink(cache, capacity, history)
        for _ in range(self.params.blocks_max):
            if self.can_commit(cache):
                self.commit_next(cache)
        if ends:
            self.stop_keeping(cache)

    def put_aside(self, request: Request) -> None:
        """Take the device memory of a request that runs.

        Where each pool group has host memory, its caches are suspended, and can be evicted. Where one has none, that would
        free nothing (V2-26): the request is freed, and computes all that it has again; what it has generated belongs to its
        prompt then.
        """
        if self.has_host_memory():
            self.rest_both(request)
            self.pause(request)
        else:
            prompt = self.prompt[request]
            if self.stage[request] == Stage.GENERATION:
                prompt = min(self.history[self.target(request)] + 1, self.params.tokens_max)
            self.end_both(request)
            self.rewind(request, prompt)

    def keeps_nothing(self, request: Request) -> bool:
        """Whether all device memory of a request can be had by others, but for what others use."""
        return all(
            self.is_obtainable(self.cell[cache][place])
            for cache in self.every(Cache)
            if self.is_of(cache, request)
            for place in range(self.places())
        )

    def is_obtainable(self, page: Page | None) -> bool:
        """Whether a page is a victim, or nothing that its suspended owner could give up."""
        return page is None or self.is_locked(page) or self.level[page] != PRIMARY or self.is_queued(page)

    def has_host_memory(self) -> bool:
        """Whether suspended pages of every group can leave the device."""
        return all(self.slots(SECONDARY, group) > 0 for group in range(self.groups()) if self.slots(PRIMARY, group) > 0)

    def free(self, request: Request) -> None:
        """Give up all memory of a request that has not run, or may not go on; it begins again with the same prompt."""
        self.end_both(request)
        self.rewind(request, self.prompt[request])

    def turn_down(self, request: Request) -> None:
        """A context request is not scheduled after all, and keeps no device memory (C-2): it is suspended.

        If this would have been its first chunk, nothing of it is kept (#19202): requests that hold what they have matched
        and never run can fill the memory (V2-21, D-13).
        """
        if self.first_chunk[request]:
            self.free(request)
        else:
            self.rest_both(request)
            self.pause(request)

    def release(self, request: Request) -> None:
        """Take back what this pass gave to a scheduled request that is not forwarded: it is as before, or freed (C-5).

        A context request is suspended, whatever it was before (C-2); a generating one if it was.
        """
        if self.first_chunk[request]:
            self.free(request)
        else:
            self.shrink_both(request, self.recorded_room(request))
            if self.stage[request] == Stage.CONTEXT or self.resumed[request]:
                self.rest_both(request)
            self.strike(request)

    def recorded_room(self, request: Request) -> TokenCount:
        """The capacity that a scheduled request had before, as this pass has recorded it."""
        before = self.saved[request]
        if before is not None:
            return before
        return self.capacity[self.target(request)] - self.grown[request]
