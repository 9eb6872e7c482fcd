"""The executor's side of an iteration: schedule, hold back, forward, update.

For each iteration the engine calls `begin_pass`, `schedule_generation` and `schedule_context` for its requests, and `run`;
then it launches its kernels for the requests that `run` kept, as `Executor.started` says, and calls `update` for each when
its tokens are there. With overlap that may be after the next iteration has been scheduled, or launched.
"""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.impl.executor.config import ExecutorConfig, check_caches
from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.reasons import refuse
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.requests import Peers, Request
from kvproof.impl.executor.scheduling import Scheduling
from kvproof.impl.executor.snapshot import Snapshot, take_snapshot
from kvproof.impl.executor.steps import ExecutorSteps
from kvproof.impl.executor.updates import Updates
from kvproof.impl.observer import Observer
from kvproof.impl.sequence_caches import Pass, SequenceCaches


class Executor:
    """Drives sequence caches for requests that come and go.

    Args:
        config: sizes and policies.
        caches: the manager of the caches.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.

    Raises:
        ValueError: the caches have too few index rows; or are of a kind that would refuse what the executor may ask for.
    """

    def __init__(self, config: ExecutorConfig, caches: SequenceCaches, observer: Observer | None = None) -> None:
        check_caches(config, caches.config)
        steps = self._steps = ExecutorSteps(config, observer)
        pairs = self._pairs = Pairs(config, caches)
        release = Release(steps, pairs)
        self._scheduling = Scheduling(steps, pairs, release)
        self._updates = Updates(steps, pairs)

    # What it was made of, and what it knows.

    @property
    def config(self) -> ExecutorConfig:
        """Sizes and policies."""
        return self._steps.config

    @property
    def caches(self) -> SequenceCaches:
        """The manager of the caches."""
        return self._pairs.caches

    @property
    def prompt_max(self) -> int:
        """Tokens of the longest prompt: it must be able to generate."""
        return self._pairs.tokens_max - self.config.step_tokens

    @property
    def requests(self) -> Mapping[int, Request]:
        """Those that are in, in the order in which they were submitted; to be read only."""
        return self._steps.requests

    @property
    def started(self) -> Pass | None:
        """The forward pass that `run` has started last: where its kernels run and find their index rows."""
        return self._pairs.started

    def row_of(self, cache: int) -> int:
        """The index row of a cache of a request that has one: those of the draft model are behind all others."""
        request = self.requests[cache % self.config.requests]
        if request.row is None:
            raise ValueError(f"cache {cache}: request {request.number} has no index row")
        return self._pairs.row_of(request, cache, request.row)

    def snapshot(self) -> Snapshot:
        """All that the executor knows, copied, for inspection."""
        return take_snapshot(self._steps)

    # Requests come.

    def submit(self, number: int, text: tuple[int, ...], tokens: int, priority: int) -> None:
        """Take a request in: a prompt of `tokens` tokens.

        Args:
            number: below `ExecutorConfig.requests`, and not in.
            text: what the full blocks of its prompt are: requests with equal beginnings share what is committed.
                At least one token is left to compute, so what would be all of the prompt is cut.
            tokens: of the prompt.
            priority: of its pages; lower ones are evicted first.

        Raises:
            Refused: request-in-use, empty-prompt or too-long.
            ValueError: there is no such number.
        """
        if not 0 <= number < self.config.requests:
            raise ValueError(
                f"request {number}: numbers are 0..{self.config.requests - 1}; see ExecutorConfig.requests"
            )
        if number in self._steps.requests:
            refuse("request-in-use", f"request {number}: is in already; finish it or take another number")
        if tokens < 1:
            refuse("empty-prompt", f"request {number}: a prompt of {tokens} tokens; give at least 1")
        if tokens > self.prompt_max:
            refuse("too-long", f"request {number}: a prompt of {tokens} tokens; a cache has room for {self.prompt_max}")
        self._steps.step_enter(number, tokens, text[: (tokens - 1) // self._pairs.block_tokens], priority)

    # An iteration.

    def begin_pass(self) -> None:
        """Begin to schedule an iteration.

        Raises:
            Refused: pass-open.
        """
        self._scheduling.begin_pass()

    def schedule_generation(self, number: int) -> bool:
        """Schedule a generating request for its next token and the draft's; False when there is no room.

        Where pages are lacking, requests that arrived later are paused for it, the last to have arrived first; and itself
        when that was not enough.

        Raises:
            Refused: no-pass, context-has-begun, not-generating, scheduled, in-flight or too-long.
        """
        return self._scheduling.schedule_generation(number)

    def schedule_context(self, number: int, tokens: int) -> bool:
        """Schedule at most `tokens` tokens of a request's prompt; False when there is no room for them.

        With its first chunk it gets its caches and an index row. If there is no room for that chunk, it loses both again:
        what it has found would only be kept from others (#19202).

        Raises:
            Refused: no-pass, no-context, scheduled or in-flight.
            ValueError: fewer than one token.
        """
        return self._scheduling.schedule_context(number, tokens)

    def run(
        self, peers: Peers, ready: bool = True, connector: int | None = None, encoder_failed: int | None = None
    ) -> list[Request]:
        """End the pass: decide what of it is computed, and release all else that it has scheduled.

        Args:
            peers: what the other ranks have.
            ready: every rank can go on; False: nothing is computed.
            connector: how many of the context requests a connector lets through; None: all.
            encoder_failed: which of the context requests, in the order in which they were scheduled, has failed in its
                encoder; None: none of them. It is released like all others, and may be finished then, or tried again.

        Returns:
            What is computed, in the order of the batch.

        Raises:
            Refused: no-pass.
            ValueError: a connector cannot let fewer than none through, and requests are counted from 0.
        """
        return self._scheduling.run(peers, ready, connector, encoder_failed)

    def update(self, number: int, accepted: int) -> None:
        """The oldest forward pass of a request is over.

        Args:
            number: the request.
            accepted: tokens that it has generated, 1 to those of a step; of a context request any.

        Raises:
            Refused: not-in-flight.
            ValueError: a request cannot accept so many.
        """
        self._updates.update(number, accepted)

    # Requests go.

    def hand_over(self, number: int) -> None:
        """Another engine goes on with a request: its row is free now, its data stay until `finish`.

        Raises:
            Refused: not-generating, in-flight or scheduled.
        """
        self._updates.hand_over(number)

    def finish(self, number: int) -> None:
        """Forget a request and what it has.

        Raises:
            Refused: unknown, in-flight or scheduled.
        """
        self._updates.finish(number)
