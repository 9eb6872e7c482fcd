"""Bugs of executors by their numbers in `spec/BUGS.md` (V2-nn), and mutants of the protocol (X-nn).

Every checker must find each of them.
"""

from __future__ import annotations

from kvproof.spec.executor.kinds import Accepted, ChunkTokens, Growth, Position, Request, Stage
from kvproof.spec.executor.machine import Executor
from kvproof.spec.lang import require, step
from kvproof.spec.sequence_caches.kinds import Cache, Status, TokenCount


class ShrinksWithoutScratchOnly(Executor):
    """V2-02 (#14849, #14934): a first chunk that is dropped is to shrink like any other, but shrinking presumes that there
    is no scratch, so a cache with scratch slots stays as it is."""

    BREAKS = ("dropped-means-as-before",)

    def release(self, request: Request) -> None:
        if self.first_chunk[request] and self.scratch[self.target(request)] == 0:
            self.free(request)
        else:
            self.shrink_both(request, self.recorded_room(request))
            if self.stage[request] == Stage.CONTEXT or self.resumed[request]:
                self.rest_both(request)
            self.strike(request)

    def shrink_both(self, request: Request, capacity: TokenCount) -> None:
        if self.scratch[self.target(request)] == 0:
            self.shrink(self.target(request), capacity, self.history[self.target(request)])


class StaleSnapshot(Executor):
    """V2-04 (review of #13805): the capacity before a chunk stays noted when the chunk has been forwarded."""

    BREAKS = ("forwarded-or-released",)

    @step
    def forward(self, request: Request, position: Position) -> None:
        """A scheduled request goes into the forward pass, and its snapshot stays."""
        require(self.is_scheduled(request), "forward-what-is-scheduled")
        require(self.is_status(request, Status.ACTIVE), "forward-means-active")
        self.outstanding[request] += 1
        self.position[request] = position
        self.grown[request] = 0
        self.resumed[request] = False
        self.first_chunk[request] = False


class SuspendsIffSnapshot(Executor):
    """V2-06 (#13805): only what had room before is suspended, though a recurrent state has a page without any block."""

    BREAKS = ("dropped-means-released",)

    def release(self, request: Request) -> None:
        self.shrink_both(request, self.recorded_room(request))
        if self.recorded_room(request) > 0:
            self.rest_both(request)
        self.strike(request)


class SuspendsInFlight(Executor):
    """V2-08: a victim may be in flight, and its update then finds no active cache to account to."""

    BREAKS = ("victims-are-not-in-flight",)

    def is_idle(self, request: Request) -> bool:
        return (
            self.row[request] is not None and self.is_status(request, Status.ACTIVE) and not self.is_scheduled(request)
        )


class SkipsForGenerationOnly(Executor):
    """V2-09 (review of #13805): a skipped pass takes back what generation was given, and leaves prompts grown."""

    BREAKS = ("dropped-means-as-before",)

    def release(self, request: Request) -> None:
        if self.stage[request] == Stage.GENERATION:
            self.shrink_both(request, self.recorded_room(request))
            if self.resumed[request]:
                self.rest_both(request)
        self.strike(request)


class KeepsGrowth(Executor):
    """V2-15 (#13104): a skipped pass takes nothing back from generation, which has more after each."""

    BREAKS = ("dropped-means-as-before",)

    def release(self, request: Request) -> None:
        if self.stage[request] == Stage.GENERATION:
            self.strike(request)
        elif self.first_chunk[request]:
            self.free(request)
        else:
            self.shrink_both(request, self.recorded_room(request))
            self.rest_both(request)
            self.strike(request)


class KeepsFirstChunks(Executor):
    """V2-21 (#19202): a first chunk that does not run is suspended, and goes on holding what it has found for reuse."""

    BREAKS = ("first-chunks-are-freed",)

    def release(self, request: Request) -> None:
        self.shrink_both(request, self.recorded_room(request))
        if self.stage[request] == Stage.CONTEXT or self.resumed[request]:
            self.rest_both(request)
        self.strike(request)

    def turn_down(self, request: Request) -> None:
        self.rest_both(request)
        self.pause(request)


class AdmitsTargets(Executor):
    """V2-22 (#18660, #19006, #18093): whether a request fits is decided by the target's cache alone."""

    BREAKS = ("scheduled-means-active",)

    def ready(self, request: Request, capacity: TokenCount) -> bool:
        return self.is_made_ready(self.target(request), capacity)


class ReclaimsPadding(Executor):
    """V2-23 (#18661, #19120): what is taken back is counted from a padded draft, one token more than was given."""

    BREAKS = ("committed-history-capacity",)

    def reclaimed(self, accepted: Accepted) -> Growth:
        return min(self.params.growth - accepted + 1, self.params.growth)


class KeepsPlaces(Executor):
    """V2-24 (#13592): a request that is suspended keeps its place in the last batch."""

    BREAKS = ("batch_places_are_current",)

    @step
    def pause(self, request: Request) -> None:
        """A request has been suspended."""
        require(self.outstanding[request] == 0, "victims-are-not-in-flight")
        require(not self.is_scheduled(request), "victims-are-not-scheduled")


class SuspendsAnyway(Executor):
    """V2-26 (#12306, #13488): victims are suspended though there is no level below, and free nothing."""

    BREAKS = ("victims-free-their-memory",)

    def has_host_memory(self) -> bool:
        return True


class TakesTargetsBack(Executor):
    """X-21: of a pair only the target's cache gives back what the pass had given."""

    BREAKS = ("dropped-means-as-before",)

    def shrink_both(self, request: Request, capacity: TokenCount) -> None:
        self.shrink(self.target(request), capacity, self.history[self.target(request)])


class AsksForMore(Executor):
    """X-23: room for the next chunk is asked for relative to what there is, and what is held back keeps what it got."""

    BREAKS = ("dropped-means-as-before",)

    def room_wanted(self, request: Request, chunk: ChunkTokens) -> TokenCount:
        return min(self.capacity[self.target(request)] + chunk, self.params.tokens_max)

    def release(self, request: Request) -> None:
        self.rest_both(request)
        self.strike(request)


class ForgetsTheDraft(Executor):
    """X-24: when the draft model's cache does not fit, the target's stays active and grown."""

    BREAKS = ("context_has_room_for_its_chunk",)

    def ready(self, request: Request, capacity: TokenCount) -> bool:
        return self.is_made_ready(self.target(request), capacity) and self.is_made_ready(self.mirror(request), capacity)

    def mirror(self, request: Request) -> Cache:
        """The draft model's cache, or the only one."""
        return self.draft(request) if self.params.draft_model == 1 else self.target(request)


class DroppedAndSuspended(Executor):
    """X-29: whatever is dropped is suspended, also a generating request that ran: it may have to come up again (C-4)."""

    BREAKS = ("dropped-growth-leaves-no-trace",)

    def release(self, request: Request) -> None:
        if self.first_chunk[request]:
            self.free(request)
        else:
            self.shrink_both(request, self.recorded_room(request))
            self.rest_both(request)
            self.strike(request)


VARIANTS: dict[str, type[Executor]] = {
    "V2-02": ShrinksWithoutScratchOnly,
    "V2-04": StaleSnapshot,
    "V2-06": SuspendsIffSnapshot,
    "V2-08": SuspendsInFlight,
    "V2-09": SkipsForGenerationOnly,
    "V2-15": KeepsGrowth,
    "V2-21": KeepsFirstChunks,
    "V2-22": AdmitsTargets,
    "V2-23": ReclaimsPadding,
    "V2-24": KeepsPlaces,
    "V2-26": SuspendsAnyway,
    "X-21": TakesTargetsBack,
    "X-23": AsksForMore,
    "X-24": ForgetsTheDraft,
    "X-29": DroppedAndSuspended,
}
