"""Between scheduling and the forward pass: delays, limits, and one release for whatever they drop (C-14).

Each stage keeps a prefix of the context requests: all, none, or the first few; but of those that are left, one whose
encoder fails is taken out, whatever its place. What is not kept, and everything when the pass is not run at all, is
released in one place (D-12).

Sources: the delays of TensorRT-LLM's executor (B-18); #13104, #13805, #14849 (B-20).
"""

from __future__ import annotations

from kvproof.spec.executor.kinds import BALANCE, WAIT, Delay, Peers, Request, RequestCount, Requests
from kvproof.spec.executor.request_caches import RequestCaches
from kvproof.spec.lang import sometimes


class Forwarding(RequestCaches):
    """What of a pass is forwarded, and the release of the rest."""

    def delay(self, peers: Peers) -> Delay:
        """Whether the context requests may go on now, or wait for other ranks, or for a fuller batch."""
        if self.params.delay == BALANCE and len(self.filling) > 0:
            return self.balance(peers)
        if self.params.delay == WAIT and len(self.filling) > 0 and len(self.generating) > 0:
            if self.waited < self.params.delay_passes and self.scheduled_tokens < self.params.wait_tokens:
                return Delay(False, self.waited + 1, self.held_back)
            return Delay(True, 0, self.held_back)
        return Delay(True, self.waited, self.held_back)

    def balance(self, peers: Peers) -> Delay:
        """With attention data parallelism a context pass is best begun on all ranks at once.

        While all generate, they go on doing so for a few passes; a rank alone with its context waits for the others, unless
        one of them has nothing to do meanwhile.
        """
        if peers.all_have_context:
            if peers.all_generate and len(self.generating) > 0 and self.held_back < self.params.delay_passes:
                return Delay(False, 0, self.held_back + 1)
            return Delay(True, 0, 0)
        if peers.some_do_not_generate or len(self.generating) == 0 or self.waited >= self.params.timeout_passes:
            return Delay(True, 0, self.held_back)
        return Delay(False, self.waited + 1, self.held_back)

    def within_attention(self, count: RequestCount) -> RequestCount:
        """How many of the first context requests attend to no more tokens than allowed; the first always may."""
        if self.params.attended_max == 0:
            return count
        attended = 0
        fitting = 0
        for position in range(count):
            attended += self.cursor[self.filling[position]] + self.chunk[self.filling[position]]
            if position == 0 or attended <= self.params.attended_max:
                fitting = position + 1
        return fitting

    def is_within_attention(self, batch: Requests) -> bool:
        """Whether the context requests of a batch attend to no more tokens than allowed, if there are several."""
        several = sum(1 for request in batch if request in self.filling) > 1
        attended = sum(self.cursor[request] + self.chunk[request] for request in batch if request in self.filling)
        return self.params.attended_max == 0 or not several or attended <= self.params.attended_max

    def batch(self, passes: bool, ready: bool, connector: RequestCount, encoder: RequestCount) -> Requests:
        """What is forwarded, in order: all that generate and the context requests that no stage has dropped; or nothing."""
        kept = 0
        if passes:
            kept = min(self.within_attention(len(self.filling)), connector)
        if not ready:
            sometimes("another rank has nothing to run")
            return ()
        if encoder < kept:
            sometimes("a context request's encoder fails")
            return self.generating + self.filling[:encoder] + self.filling[encoder + 1 : kept]
        return self.generating + self.filling[:kept]

    def release_others(self, batch: Requests) -> None:
        """Release every scheduled request that is not in the batch."""
        for request in self.every(Request):
            if self.is_scheduled(request) and request not in batch:
                if self.first_chunk[request]:
                    sometimes("a first chunk is dropped")
                self.release(request)
