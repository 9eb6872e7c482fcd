"""What is always true between the operations of an executor: of its passes, its requests, and the memory that these have.

C-n are the laws of a pass in `spec/SOURCES.md`. What they say of one moment is an invariant here; what they say of a change
is a rule of the step that makes it, in `requests`; what they say of a change and its reverse is a trial, in `trials`.
"""

from __future__ import annotations

from kvproof.spec.executor.actions import ExecutorActions
from kvproof.spec.executor.kinds import Phase, Request, Stage
from kvproof.spec.lang import invariant
from kvproof.spec.sequence_caches.kinds import Cache, Status


class ExecutorInvariants(ExecutorActions):
    """The invariants of the executor."""

    @invariant
    def what_is_not_there_has_nothing(self) -> bool:
        """A place without a request is empty, and has no caches; so it has no row (`rows_have_one_owner`)."""
        return all(
            self.stage[request] != Stage.NONE
            or (
                self.prompt[request] == 0
                and len(self.request_text[request]) == 0
                and self.request_priority[request] == 0
                and self.cursor[request] == 0
                and self.chunk[request] == 0
                and self.is_status(request, Status.CLOSED)
            )
            for request in self.every(Request)
        )

    @invariant
    def arrivals_are_the_requests(self) -> bool:
        """Every request is in the order of arrival, once."""
        return all(
            sum(1 for other in self.arrivals if other == request) == (0 if self.stage[request] == Stage.NONE else 1)
            for request in self.every(Request)
        )

    @invariant
    def passes_have_what_was_scheduled(self) -> bool:
        """A pass has generating requests and then context requests, each once; while none is open, nothing is scheduled."""
        return (
            (self.phase != Phase.IDLE or len(self.generating) == 0)
            and (self.phase == Phase.FILLING or len(self.filling) == 0)
            and all(self.is_scheduled_right(request) for request in self.every(Request))
        )

    def is_scheduled_right(self, request: Request) -> bool:
        """Whether a pass has a request as often as it may, and the records of its growth are there only then (C-3, C-9).

        That they are there then, and right, is in `context_has_room_for_its_chunk` and here.
        """
        as_generation = sum(1 for other in self.generating if other == request)
        as_context = sum(1 for other in self.filling if other == request)
        return (
            as_generation <= (1 if self.stage[request] == Stage.GENERATION else 0)
            and as_context <= (1 if self.stage[request] == Stage.CONTEXT else 0)
            and self.grown[request] == as_generation * self.params.growth
            and (not self.resumed[request] or (as_generation == 1 and self.outstanding[request] == 0))
            and (self.saved[request] is None or as_context == 1)
            and (not self.first_chunk[request] or as_context == 1)
        )

    @invariant
    def budget_is_kept(self) -> bool:
        """The tokens of a pass are those of its requests, and within the budget."""
        return self.scheduled_tokens == self.params.growth * len(self.generating) + sum(
            self.chunk[request] for request in self.filling
        )

    @invariant
    def rows_have_one_owner(self) -> bool:
        """C-10: a request has a row exactly while it has caches and may run; no two share one."""
        return all(
            (self.row[request] is not None)
            == (
                (self.stage[request] == Stage.CONTEXT or self.stage[request] == Stage.GENERATION)
                and self.status[self.target(request)] != Status.CLOSED
            )
            and all(
                other == request or self.row[other] is None or self.row[other] != self.row[request]
                for other in self.every(Request)
            )
            for request in self.every(Request)
        )

    @invariant
    def context_has_room_for_its_chunk(self) -> bool:
        """C-1, C-5, C-7: a context request has computed up to its cursor, and has room for the chunk that comes, no more.

        So whatever was deferred has left nothing behind. Before its first chunk it has computed nothing, and without a row
        it has no caches (`rows_have_one_owner`); all blocks that are full are committed.
        """
        return all(
            self.stage[request] != Stage.CONTEXT or self.is_context_right(request) for request in self.every(Request)
        )

    def is_context_right(self, request: Request) -> bool:
        """The same for one request."""
        target = self.target(request)
        text = self.request_text[request]
        if self.row[request] is None:
            return self.cursor[request] == 0 and self.chunk[request] == 0
        return (
            self.cursor[request] + self.chunk[request] <= self.prompt[request]
            and self.cursor[request] < self.prompt[request]
            and self.history[target] == self.cursor[request]
            and self.capacity[target] == self.cursor[request] + self.chunk[request]
            and self.committed[target] == min(len(text), self.cursor[request] // self.params.tokens_per_block)
            and not self.stopped[target]
            and (self.chunk[request] > 0) == (request in self.filling or self.outstanding[request] > 0)
            and (request not in self.filling or self.saved[request] == self.cursor[request])
        )

    @invariant
    def generation_has_room_for_what_flies(self) -> bool:
        """C-7, C-8: a generating request has room for what it has computed, for each pass in flight, and for the one that
        is scheduled; for nothing else, however many passes were skipped."""
        return all(
            self.stage[request] != Stage.GENERATION or self.is_generation_right(request)
            for request in self.every(Request)
        )

    def is_generation_right(self, request: Request) -> bool:
        """The same for one request."""
        target = self.target(request)
        return (
            self.chunk[request] == 0
            and self.cursor[request] == self.prompt[request]
            and self.prompt[request] <= self.history[target]
            and self.stopped[target]
            and self.capacity[target]
            == self.history[target] + self.params.growth * self.outstanding[request] + self.grown[request]
        )

    @invariant
    def what_is_sent_is_at_rest(self) -> bool:
        """A request whose pages somebody else reads has them, in caches that are stopped and so not closed, and nothing is
        computed for it any more."""
        return all(
            self.stage[request] != Stage.SENDING
            or (
                self.chunk[request] == 0
                and self.cursor[request] == self.prompt[request]
                and self.stopped[self.target(request)]
            )
            for request in self.every(Request)
        )

    @invariant
    def what_has_run_has_its_state(self) -> bool:
        """A request that has run has its recurrent state from then on: suspending it takes nothing but the locks (C-4)."""
        return not self.states() or all(
            self.row[request] is None
            or self.first_chunk[request]
            or all(
                self.cell[cache][self.state_place()] is not None
                for cache in self.every(Cache)
                if self.is_of(cache, request)
            )
            for request in self.every(Request)
        )

    @invariant
    def prompts_fit(self) -> bool:
        """All of a prompt is text but for its end: it has a token, and at least the last one is computed."""
        return all(
            self.stage[request] == Stage.NONE
            or len(self.request_text[request]) * self.params.tokens_per_block < self.prompt[request]
            for request in self.every(Request)
        )

    @invariant
    def what_runs_is_active(self) -> bool:
        """C-11: what is scheduled or in flight has active caches; as many passes are in flight as the loops allow."""
        return all(
            (
                (self.outstanding[request] == 0 and not self.is_scheduled(request))
                or (
                    self.is_status(request, Status.ACTIVE)
                    and (self.stage[request] == Stage.CONTEXT or self.stage[request] == Stage.GENERATION)
                )
            )
            and self.outstanding[request] + (1 if self.is_scheduled(request) else 0)
            <= (1 if self.stage[request] == Stage.CONTEXT else 1 + self.params.overlap)
            for request in self.every(Request)
        )

    @invariant
    def batch_places_are_current(self) -> bool:
        """C-15: only a request that has its memory still has a place in the last batch, and no two have the same."""
        return all(
            self.position[request] is None
            or (
                self.row[request] is not None
                and self.is_status(request, Status.ACTIVE)
                and all(
                    other == request or self.position[other] != self.position[request] for other in self.every(Request)
                )
            )
            for request in self.every(Request)
        )

    @invariant
    def pairs_are_alike(self) -> bool:
        """C-13: the caches of a request have the same status and the same lengths, and the texts of their models."""
        return all(self.is_pair_right(request) for request in self.every(Request))

    def is_pair_right(self, request: Request) -> bool:
        """The same for one request."""
        target = self.target(request)
        if self.status[target] != Status.CLOSED and self.text[target] != self.target_text(self.request_text[request]):
            return False
        return self.params.draft_model == 0 or self.is_mirror(self.draft(request), target, request)

    def is_mirror(self, draft: Cache, target: Cache, request: Request) -> bool:
        """Whether the draft model's cache is as the target's."""
        return (
            self.status[draft] == self.status[target]
            and self.history[draft] == self.history[target]
            and self.capacity[draft] == self.capacity[target]
            and self.committed[draft] == self.committed[target]
            and self.stopped[draft] == self.stopped[target]
            and (self.status[draft] == Status.CLOSED or self.text[draft] == self.draft_text(self.request_text[request]))
        )
