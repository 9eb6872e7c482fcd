"""Taking back: what a pass has given a request that it does not compute, and the pages of one that has to wait.

A request is left as it was before the pass, or, where it has computed nothing yet, without caches: what it has found would
only be kept from others (#19202).
"""

from __future__ import annotations

from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.requests import Request, Stage
from kvproof.impl.executor.steps import ExecutorSteps


class Release:
    """What becomes of requests that are not computed.

    Args:
        steps: the requests.
        pairs: their caches.
    """

    def __init__(self, steps: ExecutorSteps, pairs: Pairs) -> None:
        self._steps = steps
        self._pairs = pairs
        self._config = steps.config

    def release(self, requests: list[Request]) -> None:
        """Leave those that are scheduled and not computed as they were before the pass, whatever has held them back."""
        for request in sorted(requests, key=lambda each: each.number):
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            elif request.fresh:
                self.free(request, request.prompt)
            else:
                self.release_context(request)

    def release_generation(self, request: Request) -> None:
        """Take back the room that it was given (#13104), and the locks if it had none before."""
        self._pairs.shrink_caches(request, self._pairs.capacity(request) - self._config.step_tokens)
        if request.resumed:
            self._pairs.suspend_caches(request)
        self._steps.step_strike(request.number)

    def release_context(self, request: Request) -> None:
        """Take back the room that it was given, and all locks (C-1, C-2)."""
        if request.snapshot is not None:
            self._pairs.shrink_caches(request, request.snapshot)
        self._pairs.suspend_caches(request)
        self._steps.step_strike(request.number)

    def reject_context(self, request: Request) -> None:
        """There is no room for its next chunk: nothing of it stays locked."""
        if request.fresh:
            self.free(request, request.prompt)
        else:
            self._pairs.suspend_caches(request)
            self._steps.step_pause(request.number)

    def pause(self, request: Request) -> None:
        """Let others have its pages.

        Suspended, they can be brought to host memory. Where there is none, that would free nothing (#12306): the request
        gives them up, and begins again with what it has generated as a part of its prompt.
        """
        if self.suspending_frees():
            self._pairs.suspend_caches(request)
            self._steps.step_pause(request.number)
        elif request.stage is Stage.GENERATION:
            self.free(request, min(self._pairs.caches.history(request.number) + 1, self._pairs.tokens_max))
        else:
            self.free(request, request.prompt)

    def suspending_frees(self) -> bool:
        """Pages of suspended caches can make room: those of each pool group."""
        config = self._pairs.caches.config
        return all(host for _, host in map(config.slots_of, config.groups))

    def free(self, request: Request, prompt: int) -> None:
        """Close its caches and let it begin again with a prompt of so many tokens."""
        self._pairs.close_caches(request)
        self._steps.step_rewind(request.number, prompt)
