"""Delay batching: which of the scheduled context requests go into this iteration, and which wait for a later one.

Each stage keeps all of them, the first few, or none; what is not kept is released by the executor, whichever stage it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.impl.executor.config import Delay, ExecutorConfig
from kvproof.impl.executor.requests import Peers, Request


class DelayBatching:
    """Decides iteration by iteration.

    Attributes:
        waited: iterations for which context work has been held back for others, or for more of it.
        held_back: iterations for which it has been held back though everybody has some (BALANCE).
    """

    def __init__(self, config: ExecutorConfig) -> None:
        self._config = config
        self.waited = 0
        self.held_back = 0

    def keeps(self, generates: bool, scheduled_tokens: int, peers: Peers) -> tuple[bool, int, int]:
        """Whether the context requests, of which there are some, go on; and both counters after that.

        Args:
            generates: generation work is scheduled, too.
            scheduled_tokens: tokens of all that is scheduled.
            peers: what the other ranks have.
        """
        if self._config.delay is Delay.BALANCE:
            return self._balances(generates, peers)
        if self._config.delay is Delay.WAIT and generates:
            return self._waits(scheduled_tokens)
        return True, self.waited, self.held_back

    def _balances(self, generates: bool, peers: Peers) -> tuple[bool, int, int]:
        """Context work of all ranks at once, and not at once if they could generate meanwhile."""
        if peers.all_have_context:
            if peers.all_generate and generates and self.held_back < self._config.delay_passes:
                return False, 0, self.held_back + 1
            return True, 0, 0
        if peers.some_do_not_generate or not generates or self.waited >= self._config.timeout_passes:
            return True, 0, self.held_back
        return False, self.waited + 1, self.held_back

    def _waits(self, scheduled_tokens: int) -> tuple[bool, int, int]:
        """A batch that is worth it, or for so long."""
        if self.waited < self._config.delay_passes and scheduled_tokens < self._config.wait_tokens:
            return False, self.waited + 1, self.held_back
        return True, 0, self.held_back

    def within_attended(self, filling: Sequence[Request]) -> int:
        """How many of the context requests attend to few enough tokens in sum; one goes whatever it attends to."""
        most = self._config.attended_max
        if not most:
            return len(filling)
        attended = 0
        for count, request in enumerate(filling):
            attended += request.cursor + request.chunk
            if attended > most:
                return max(1, count)
        return len(filling)
