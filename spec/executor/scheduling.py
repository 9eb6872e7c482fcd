"""Scheduling one request: it has its memory at once, or it does not, and then keeps nothing that it did not have.

Source: the scheduler's pass of TensorRT-LLM (B-17), and how it asks for room (B-19).
"""

from __future__ import annotations

from kvproof.spec.executor.batches import Batches
from kvproof.spec.executor.kinds import ChunkTokens, Request, Row
from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.kinds import Status, TokenCount


class Scheduling(Batches):
    """What a request gets in a pass."""

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
