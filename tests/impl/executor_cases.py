"""Small executors for their tests: how to make one, run iterations, and look at it."""

from __future__ import annotations

from typing import Any

import pytest
from cache_cases import CachePool

from kvproof.impl.executor import Executor, ExecutorConfig, Peers, Refused, Request
from kvproof.impl.sequence_caches import Status

EXECUTOR_SIZES = frozenset(
    {
        "requests",
        "max_tokens",
        "draft_tokens",
        "draft_model",
        "draft_text",
        "overlap",
        "delay",
        "delay_passes",
        "timeout_passes",
        "wait_tokens",
        "attended_max",
    }
)


class Engine:
    """An executor over a manager with blocks of two tokens, and its step log."""

    def __init__(
        self,
        primary: int = 8,
        secondary: int = 4,
        *,
        rows: int = 4,
        executor_type: type[Executor] = Executor,
        **sizes: Any,
    ) -> None:
        own = {name: sizes.pop(name) for name in list(sizes) if name in EXECUTOR_SIZES}
        config = ExecutorConfig(**{"requests": 4, "max_tokens": 16, "rows": rows, **own})
        self.pool = CachePool(primary, secondary, rows=rows * (1 + config.draft_model), **sizes)
        self.caches = self.pool.caches
        self.steps: list[tuple[Any, ...]] = []
        self.executor = executor_type(config, self.caches, lambda name, args: self.steps.append((name, *args)))

    def submit(self, request: int, tokens: int, *text: int) -> None:
        self.executor.submit(request, text, tokens, 0)

    def context(self, request: int, tokens: int = 16) -> bool:
        return self.executor.schedule_context(request, tokens)

    def run(self, **arguments: Any) -> list[int]:
        return [request.number for request in self.executor.run(arguments.pop("peers", Peers()), **arguments)]

    def prefill(self, *requests: int, tokens: int = 16) -> None:
        """An iteration with a chunk of each of these prompts, computed and updated."""
        self.executor.begin_pass()
        for request in requests:
            assert self.context(request, tokens)
        assert self.run() == list(requests)
        for request in requests:
            self.executor.update(request, 1)

    def generate(self, *requests: int, accepted: int = 1) -> None:
        """An iteration in which these generate."""
        self.executor.begin_pass()
        for request in requests:
            assert self.executor.schedule_generation(request)
        assert self.run() == list(requests)
        for request in requests:
            self.executor.update(request, accepted)

    def at(self, request: int) -> Request:
        return self.executor.requests[request]

    def lengths(self, cache: int) -> tuple[int, int, int]:
        """Committed blocks, history and capacity."""
        return self.caches.committed(cache), self.caches.history(cache), self.caches.capacity(cache)

    def status(self, cache: int) -> Status:
        return self.caches.status(cache)

    def vacant(self) -> int:
        """Vacant device slots of full attention."""
        return self.pool.look.vacant(0, 0)

    def refused(self, call: str, *arguments: Any) -> str:
        """The error with which the call is refused."""
        with pytest.raises(Refused) as caught:
            getattr(self.executor, call)(*arguments)
        return caught.value.reason
