"""Scheduling one request: it has its memory at once, or it does not, and then keeps nothing that it did not have.

Source: the scheduler's pass of TensorRT-LLM (B-17), and how it asks for room (B-19).
"""

from __future__ import annotations

from kvproof.spec.executor.forwarding import Forwarding
from kvproof.spec.executor.kinds import ChunkTokens, Request, Row
from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.kinds import Status, TokenCount


class ExecutorActions(Forwarding):
    """What a request gets in a pass, and from whom."""

    def victim(self, request: Request) -> Request:
        """Whose memory a generating request may have: that of the request that came last, if it came later and runs, but is
        neither in flight nor in this pass (C-12). The request itself when there is none.

        A victim may still be scheduled later in the same pass, when its turn comes and there is room again: that part of
        C-12 is not demanded here.
        """
        found = request
        later = False
        for other in self.arrivals:
            if later and self.is_idle(other):
                found = other
            if other == request:
                later = True
        return found

    def nobody_idle_came_after(self, victim: Request) -> bool:
        """Whether no idle request is left that came later than the one whose memory is to be taken (C-12)."""
        after = False
        for other in self.arrivals:
            if after and self.is_idle(other):
                return False
            if other == victim:
                after = True
        return True

    def is_idle(self, request: Request) -> bool:
        """Whether a request has active caches which nobody uses in this pass."""
        return (
            self.row[request] is not None
            and self.is_status(request, Status.ACTIVE)
            and self.outstanding[request] == 0
            and not self.is_scheduled(request)
        )

    def schedule_growth(self, request: Request) -> bool:
        """Give a generating request room for one pass if there is any; returns whether it is scheduled."""
        resumed = self.status[self.target(request)] == Status.SUSPENDED
        if not self.ready(request, self.capacity[self.target(request)] + self.params.growth):
            return False
        self.grow(request, resumed)
        return True

    def schedule_chunk(self, request: Request, tokens: ChunkTokens) -> bool:
        """Give a context request room for a chunk, and caches and a row if it has none; returns whether it is scheduled.

        If not, it is turned down, and keeps no device memory.
        """
        if self.row[request] is None:
            row = self.free_row()
            if row is None:
                sometimes("no row is free")
                return False
            self.start(request, row)
        before = self.capacity[self.target(request)]
        chunk = min(tokens, self.prompt[request] - self.cursor[request])
        wanted = self.room_wanted(request, chunk)
        if self.scheduled_tokens + chunk <= self.params.max_tokens and self.ready(request, wanted):
            self.take_chunk(request, chunk, before)
            return True
        self.turn_down(request)
        return False

    def room_wanted(self, request: Request, chunk: ChunkTokens) -> TokenCount:
        """The capacity that a context request needs: counted from the beginning: asking twice adds nothing (C-7)."""
        return self.cursor[request] + chunk

    def free_row(self) -> Row | None:
        """The lowest row that nobody has."""
        for row in self.every(Row):
            if not any(self.row[request] == row for request in self.every(Request)):
                return row
        return None
