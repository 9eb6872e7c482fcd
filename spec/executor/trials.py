"""What a release takes back: everything (C-4, C-5, C-6). Schedule and release, at once or later, tried from every state.

These are trials: they say of two moments what no invariant can, and leave the state as it was.

Source: #13805 and what became of it (B-20).
"""

from __future__ import annotations

from kvproof.spec.executor.actions import ExecutorActions
from kvproof.spec.executor.kinds import Cells, ChunkTokens, Phase, Request, Share, Stage
from kvproof.spec.lang import assume, ensure, trial
from kvproof.spec.sequence_caches.kinds import PRIMARY, Cache, Count, Group, Page, Place, Status, TokenCount


class ExecutorTrials(ExecutorActions):
    """Revert after grow is the identity; a second revert does nothing; reverts of two requests do not meet."""

    def share(self, cache: Cache) -> Share:
        """All that a cache has."""
        cells: Cells = ()
        for place in range(self.places()):
            cells = cells + (self.cell[cache][place],)
        return Share(
            self.status[cache],
            self.committed[cache],
            self.history[cache],
            self.capacity[cache],
            self.stopped[cache],
            self.scratch[cache],
            len(self.locked[cache]),
            cells,
        )

    def asleep(self, share: Share) -> Share:
        """The same after a suspension: without locks and scratch."""
        return Share(Status.SUSPENDED, share.committed, share.history, share.capacity, share.stopped, 0, 0, share.cells)

    def freed_by_rest(self, request: Request, group: Group) -> Count:
        """Device slots of a group that others could have, if a request's caches were suspended: its scratch, and, where
        there is a level below, what nobody else has locked."""
        count = 0
        for cache in self.every(Cache):
            if self.is_of(cache, request) and self.scratch_slots(group) > 0:
                count += self.scratch[cache]
        if not self.is_last(PRIMARY, group):
            for page in self.every(Page):
                if (
                    self.group(page) == group
                    and self.is_locked(page)
                    and self.locks[page] == self.locks_of(request, page)
                ):
                    count += 1
        return count

    def locks_of(self, request: Request, page: Page) -> Count:
        """How often a request's caches use a page."""
        return sum(
            1
            for cache in self.every(Cache)
            if self.is_of(cache, request)
            for place in range(self.places())
            if self.cell[cache][place] == page and place in self.locked[cache]
        )

    @trial
    def a_dropped_generation_is_as_before(self, request: Request, cache: Cache, group: Group) -> None:
        """C-4, C-6: a generating request that is given room and then dropped has what it had, page by page, and others can
        have as many device slots as before."""
        assume(self.is_of(cache, request))
        assume(self.phase == Phase.GENERATING and self.stage[request] == Stage.GENERATION)
        assume(not self.is_scheduled(request) and self.outstanding[request] <= self.params.overlap)
        assume(self.capacity[self.target(request)] + self.params.growth <= self.params.tokens_max)
        assume(self.scheduled_tokens + self.params.growth <= self.params.max_tokens)
        before = self.share(cache)
        taken = self.unavailable(group)
        if self.schedule_growth(request):
            self.release(request)
        ensure(self.share(cache) == before, "dropped-growth-leaves-no-trace")
        ensure(self.unavailable(group) == taken, "dropped-growth-takes-no-slot")

    @trial
    def a_dropped_chunk_is_as_before(self, request: Request, tokens: ChunkTokens, cache: Cache, group: Group) -> None:
        """C-4, C-6: a context request that is given room and then dropped, or turned down, has what it had, page by page,
        but rests; others can have the device slots that they could, and those that it used alone.

        With its first chunk it loses everything again, and its cursor is where it was (C-5): it begins again as it came,
        with its prompt, its text and its turn.
        """
        assume(self.is_of(cache, request))
        assume(self.phase != Phase.IDLE and self.stage[request] == Stage.CONTEXT)
        assume(not self.is_scheduled(request) and self.outstanding[request] == 0)
        before = self.share(cache)
        cursor = self.cursor[request]
        row = self.row[request]
        prompt = self.prompt[request]
        text = self.request_text[request]
        order = self.arrivals
        left = self.unavailable(group) - self.freed_by_rest(request, group)
        if self.phase == Phase.GENERATING:
            self.fill()
        if self.schedule_chunk(request, tokens):
            self.release(request)
        ensure(self.cursor[request] == cursor and self.row[request] == row, "dropped-chunk-keeps-its-place")
        ensure(self.prompt[request] == prompt and self.request_text[request] == text, "dropped-chunk-is-not-forgotten")
        ensure(self.arrivals == order, "dropped-chunk-keeps-its-turn")
        ensure(
            self.share(cache) == (before if before.status == Status.CLOSED else self.asleep(before)),
            "dropped-chunk-leaves-no-trace",
        )
        ensure(self.unavailable(group) == left, "dropped-chunk-takes-no-slot")

    @trial
    def a_release_takes_back_this_pass(self, request: Request, cache: Cache) -> None:
        """C-4: a release leaves a scheduled request its lengths, its pages as far as the recorded room goes, and its status
        as it was before this pass, whatever has been scheduled since."""
        assume(self.is_of(cache, request) and self.is_scheduled(request) and not self.first_chunk[request])
        before = self.share(cache)
        room = self.recorded_room(request)
        rests = self.stage[request] == Stage.CONTEXT or self.resumed[request]
        self.release(request)
        ensure(self.status[cache] == (Status.SUSPENDED if rests else Status.ACTIVE), "released-as-it-was")
        ensure(
            self.committed[cache] == before.committed
            and self.history[cache] == before.history
            and self.stopped[cache] == before.stopped
            and self.capacity[cache] == room,
            "released-to-what-is-recorded",
        )
        ensure(
            all(
                self.cell[cache][place] == (before.cells[place] if self.is_within(place, room) else None)
                for place in range(self.places())
            ),
            "released-pages-are-the-last",
        )

    def is_within(self, place: Place, room: TokenCount) -> bool:
        """Whether a place is of so many tokens: a block's, or that of the recurrent state."""
        return place >= self.block_places() or self.ordinal_of(place) < self.blocks(room)

    @trial
    def a_victim_forgets_nothing(self, request: Request) -> None:
        """Whoever is put aside keeps what it has computed, or has all of it in its prompt (#12306); and its turn."""
        assume(self.row[request] is not None and self.is_idle(request))
        computed = max(self.prompt[request], self.history[self.target(request)])
        text = self.request_text[request]
        order = self.arrivals
        self.put_aside(request)
        ensure(
            self.history[self.target(request)] == computed or self.prompt[request] >= computed,
            "victims-forget-nothing",
        )
        ensure(self.request_text[request] == text and self.arrivals == order, "victims-keep-their-turn")

    @trial
    def a_second_release_does_nothing(self, request: Request, cache: Cache, group: Group) -> None:
        """C-6: to release a request again changes nothing of it, and frees nothing more."""
        assume(self.is_of(cache, request) and self.is_scheduled(request))
        self.release(request)
        before = self.share(cache)
        taken = self.unavailable(group)
        assume(before.status != Status.CLOSED)
        self.release(request)
        ensure(self.share(cache) == before, "released-once-is-released")
        ensure(self.unavailable(group) == taken, "released-once-is-released")

    @trial
    def releases_do_not_meet(self, request: Request, other: Request, cache: Cache) -> None:
        """C-6: a release leaves every other request all that it has, so their order makes no difference."""
        assume(self.is_of(cache, other) and other != request and self.is_scheduled(request))
        before = self.share(cache)
        self.release(request)
        ensure(self.share(cache) == before, "releases-commute")
