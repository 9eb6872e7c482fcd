"""Requests: how far each is, what it has been promised in this pass, and where its last forward pass left it.

The steps of this file write nothing else. Their rules say what must have happened to the caches before, so that whoever
forgets it is found at that step: C-n are the laws of a pass in `spec/SOURCES.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvproof.spec.executor.kinds import (
    FIRST_CACHE,
    BudgetTokens,
    ChunkTokens,
    ExecutorParameters,
    Growth,
    InFlight,
    PassCount,
    Phase,
    Position,
    Request,
    Requests,
    RequestText,
    Row,
    Stage,
)
from kvproof.spec.lang import Machine, Map, require, step
from kvproof.spec.sequence_caches.actions import CacheActions
from kvproof.spec.sequence_caches.kinds import Cache, Priority, Status, TokenCount


class RequestTable(CacheActions, Machine[ExecutorParameters]):
    """The executor's own state."""

    if TYPE_CHECKING:
        params: ExecutorParameters

    stage: Map[Request, Stage]
    """How far each request is."""
    prompt: Map[Request, TokenCount]
    """Tokens that have to be computed before it generates; 0 for what is not there."""
    request_text: Map[Request, RequestText]
    """What the full blocks of its prompt are, all but the last token: that is computed even if all else is known."""
    request_priority: Map[Request, Priority]
    """The priority of the pages that it takes."""
    cursor: Map[Request, TokenCount]
    """How many of the prompt's tokens have been computed."""
    chunk: Map[Request, TokenCount]
    """How many are being computed: scheduled in this pass, or in flight."""
    outstanding: Map[Request, InFlight]
    """Forward passes of a request that are not updated yet."""
    saved: Map[Request, TokenCount | None]
    """The capacity of a context request before this pass gave it more; None when it did not (C-3)."""
    grown: Map[Request, Growth]
    """The room that this pass gave to a generating request; 0 when it did not (C-9)."""
    resumed: Map[Request, bool]
    """Whether this pass found the caches of a generating request suspended."""
    first_chunk: Map[Request, bool]
    """Whether the caches of a context request were made in this pass, for its first chunk."""
    row: Map[Request, Row | None]
    """The row through which kernels find its pages, while it may run (C-10)."""
    position: Map[Request, Position | None]
    """Its place in the last batch; None when it was not in it, or has lost its memory since (C-15)."""
    phase: Phase
    """How far the pass is."""
    arrivals: Requests
    """All requests in the order in which they came."""
    generating: Requests
    """The generating requests of this pass."""
    filling: Requests
    """The context requests of this pass."""
    scheduled_tokens: BudgetTokens
    """Tokens of this pass."""
    waited: PassCount
    """Passes for which context requests have waited."""
    held_back: PassCount
    """Passes for which they have been held back though all ranks could begin, so that generation goes on."""

    def target(self, request: Request) -> Cache:
        """The cache of a request."""
        found = FIRST_CACHE
        for cache in self.every(Cache):
            if cache - request == 0:
                found = cache
        return found

    def draft(self, request: Request) -> Cache:
        """Its cache for the draft model."""
        found = FIRST_CACHE
        for cache in self.every(Cache):
            if cache - request == self.params.requests:
                found = cache
        return found

    def is_status(self, request: Request, status: Status) -> bool:
        """Whether that is what the caches of a request do, both of them (C-13)."""
        return self.status[self.target(request)] == status and (
            self.params.draft_model == 0 or self.status[self.draft(request)] == status
        )

    def has_capacity(self, request: Request, tokens: int) -> bool:
        """Whether there is room for just so many tokens, in both caches (C-13)."""
        return self.capacity[self.target(request)] == tokens and (
            self.params.draft_model == 0 or self.capacity[self.draft(request)] == tokens
        )

    def pins_nothing(self, request: Request) -> bool:
        """Whether a request has nothing locked, and no scratch slot."""
        return all(
            len(self.locked[cache]) == 0 and self.scratch[cache] == 0
            for cache in self.every(Cache)
            if self.is_of(cache, request)
        )

    def is_of(self, cache: Cache, request: Request) -> bool:
        """Whether a cache is a request's."""
        return cache == self.target(request) or (self.params.draft_model == 1 and cache == self.draft(request))

    def is_scheduled(self, request: Request) -> bool:
        """Whether a request is in this pass."""
        return request in self.generating or request in self.filling

    @step
    def enter(self, request: Request, prompt: TokenCount, text: RequestText, priority: Priority) -> None:
        """A new request comes."""
        require(self.stage[request] == Stage.NONE, "enter-once")
        require(prompt > 0, "enter-with-a-prompt")
        self.stage[request] = Stage.CONTEXT
        self.prompt[request] = prompt
        self.request_text[request] = text
        self.request_priority[request] = priority
        self.arrivals = self.arrivals + (request,)

    @step
    def open_pass(self) -> None:
        """A pass begins."""
        require(self.phase == Phase.IDLE, "one-pass-at-a-time")
        self.phase = Phase.GENERATING

    @step
    def fill(self) -> None:
        """Generation is settled, and context begins."""
        require(self.phase == Phase.GENERATING, "context-after-generation")
        self.phase = Phase.FILLING

    @step
    def seat(self, request: Request, row: Row, cursor: TokenCount) -> None:
        """A request's first chunk is coming: it has caches, knows what it need not compute, and gets a row."""
        require(self.stage[request] == Stage.CONTEXT and self.row[request] is None, "seat-once")
        require(all(self.row[other] != row for other in self.every(Request)), "rows-have-one-owner")
        require(self.is_status(request, Status.SUSPENDED), "caches-before-a-row")
        require(cursor < self.prompt[request], "the-last-token-is-computed")
        self.row[request] = row
        self.cursor[request] = cursor
        self.first_chunk[request] = True

    @step
    def rewind(self, request: Request, prompt: TokenCount) -> None:
        """A request has lost its caches and begins again; what it has generated belongs to its prompt now."""
        require(self.stage[request] == Stage.CONTEXT or self.stage[request] == Stage.GENERATION, "rewind-what-runs")
        require(self.outstanding[request] == 0, "victims-are-not-in-flight")
        require(not self.is_scheduled(request) or self.first_chunk[request], "victims-are-not-scheduled")
        require(self.is_status(request, Status.CLOSED), "rewind-without-caches")
        self.stage[request] = Stage.CONTEXT
        self.prompt[request] = prompt
        self.cursor[request] = 0
        self.chunk[request] = 0
        self.saved[request] = None
        self.first_chunk[request] = False
        self.row[request] = None
        self.position[request] = None

    @step
    def pause(self, request: Request) -> None:
        """A request has been suspended, so its place in the last batch means nothing any more (C-15).

        A victim has not run out of turn: `victims-are-not-in-flight`, `victims-are-not-scheduled` (C-12).
        """
        require(self.outstanding[request] == 0, "victims-are-not-in-flight")
        require(not self.is_scheduled(request), "victims-are-not-scheduled")
        require(not self.first_chunk[request], "first-chunks-are-freed")
        require(self.pins_nothing(request), "victims-pin-nothing")
        self.position[request] = None

    @step
    def grow(self, request: Request, resumed: bool) -> None:
        """A generating request is in this pass with room for what it computes (C-8), `scheduled-means-active` (C-11)."""
        require(self.stage[request] == Stage.GENERATION and not self.is_scheduled(request), "schedule-once")
        require(self.is_status(request, Status.ACTIVE), "scheduled-means-active")
        require(self.scheduled_tokens + self.params.growth <= self.params.max_tokens, "token-budget")
        self.generating = self.generating + (request,)
        self.grown[request] = self.params.growth
        self.resumed[request] = resumed
        self.scheduled_tokens += self.params.growth

    @step
    def take_chunk(self, request: Request, tokens: ChunkTokens, snapshot: TokenCount | None) -> None:
        """A context request is in this pass, `scheduled-means-active` (C-11), with so many tokens of its prompt."""
        require(self.stage[request] == Stage.CONTEXT and not self.is_scheduled(request), "schedule-once")
        require(self.is_status(request, Status.ACTIVE), "scheduled-means-active")
        require(self.scheduled_tokens + tokens <= self.params.max_tokens, "token-budget")
        require(self.cursor[request] + tokens <= self.prompt[request], "within-the-prompt")
        self.filling = self.filling + (request,)
        self.chunk[request] = tokens
        self.saved[request] = snapshot
        self.scheduled_tokens += tokens

    @step
    def strike(self, request: Request) -> None:
        """A scheduled request is not forwarded after all, and has nothing of what this pass has given it.

        It has the room that it had before, `dropped-means-as-before` (C-1; of C-4 the lengths). A prompt rests,
        `dropped-means-released` (C-2). That is the same step whatever dropped it (C-14). A first chunk is not dropped: it
        is freed and begins again.
        """
        require(self.is_scheduled(request), "strike-what-is-scheduled")
        require(self.has_capacity(request, self.room_before(request)), "dropped-means-as-before")
        require(self.stage[request] == Stage.GENERATION or self.pins_nothing(request), "dropped-means-released")
        require(not self.first_chunk[request], "first-chunks-are-freed")
        self.chunk[request] = 0
        self.saved[request] = None
        self.grown[request] = 0
        self.resumed[request] = False
        self.position[request] = None

    def room_before(self, request: Request) -> TokenCount:
        """The capacity that a request had before this pass scheduled it."""
        if self.stage[request] == Stage.GENERATION:
            return self.history[self.target(request)] + self.params.growth * self.outstanding[request]
        return self.cursor[request]

    @step
    def clear_batch(self) -> None:
        """The last batch is history: nobody has a place in it."""
        for request in self.every(Request):
            self.position[request] = None

    @step
    def forward(self, request: Request, position: Position) -> None:
        """A scheduled request, `forward-what-is-scheduled` (C-11), goes into the forward pass, at a place of the batch.

        The place is its own: `one-place-each` (C-15).
        """
        require(self.is_scheduled(request), "forward-what-is-scheduled")
        require(self.is_status(request, Status.ACTIVE), "forward-means-active")
        require(self.row[request] is not None, "forward-with-a-row")
        require(all(self.position[other] != position for other in self.every(Request)), "one-place-each")
        self.outstanding[request] += 1
        self.position[request] = position
        self.saved[request] = None
        self.grown[request] = 0
        self.resumed[request] = False
        self.first_chunk[request] = False

    @step
    def close_pass(self, waited: PassCount, held_back: PassCount) -> None:
        """The pass is over: what was scheduled was forwarded or released, and no record of it is left (C-3, C-9, C-14)."""
        require(
            all(
                self.saved[request] is None and self.grown[request] == 0 and not self.first_chunk[request]
                for request in self.every(Request)
            ),
            "forwarded-or-released",
        )
        self.phase = Phase.IDLE
        self.generating = ()
        self.filling = ()
        self.scheduled_tokens = 0
        self.waited = waited
        self.held_back = held_back

    @step
    def landed(self, request: Request, cursor: TokenCount) -> None:
        """What one forward pass of a request has computed is accounted for."""
        require(self.outstanding[request] > 0, "land-what-flies")
        self.outstanding[request] -= 1
        self.cursor[request] = cursor
        self.chunk[request] = 0

    @step
    def generate(self, request: Request) -> None:
        """The prompt is computed."""
        require(self.stage[request] == Stage.CONTEXT, "generate-after-context")
        require(self.cursor[request] == self.prompt[request], "prompt-is-computed")
        self.stage[request] = Stage.GENERATION

    @step
    def send(self, request: Request) -> None:
        """A request gives its row back and keeps its pages for somebody who reads them (V2-14)."""
        require(self.stage[request] == Stage.GENERATION, "send-after-context")
        require(self.outstanding[request] == 0 and not self.is_scheduled(request), "send-at-rest")
        self.stage[request] = Stage.SENDING
        self.row[request] = None
        self.position[request] = None

    @step
    def leave(self, request: Request) -> None:
        """A request is over, and everything about it forgotten."""
        require(self.stage[request] != Stage.NONE, "leave-once")
        require(self.outstanding[request] == 0 and not self.is_scheduled(request), "leave-at-rest")
        require(self.is_status(request, Status.CLOSED), "leave-without-caches")
        self.stage[request] = Stage.NONE
        self.prompt[request] = 0
        self.request_text[request] = ()
        self.request_priority[request] = 0
        self.cursor[request] = 0
        self.row[request] = None
        self.position[request] = None
        self.arrivals = self.without(request)

    def without(self, request: Request) -> Requests:
        """All other requests in the order in which they came."""
        found: Requests = ()
        for other in self.arrivals:
            if other != request:
                found = found + (other,)
        return found
