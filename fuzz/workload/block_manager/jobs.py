"""What a scheduler is given: prompts that arrive, what they go on to generate, and when.

A trace has no end of a request, so one is invented, by the rule of the traces' README: prefill takes 0.5 s and each
output token 30 ms. A job lists what its sequence is given after the prompt in stages, one for each append. For a trace
that is one when an output token needs a new block, which brings what the last block still lacked, too, and one at the
end for a last token that fills a block exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.tokens import TokenMapping, replay_length

TOKEN_MS = 30
"""Time that one output token takes."""

Tokens = tuple[int, ...]


@frozen
class Stage:
    """An append, at a time after the one before it, or after the prefill.

    Attributes:
        delay_ms: the time.
        tokens: what is appended.
        rejected: how many of these are taken back at once, as rejected draft tokens are; fewer than all.
    """

    delay_ms: int
    tokens: Tokens
    rejected: int = 0

    @property
    def kept(self) -> Tokens:
        """The tokens that stay."""
        return self.tokens[: len(self.tokens) - self.rejected]


@frozen
class Job:
    """One request of the service.

    Attributes:
        arrival_ms: when it arrives.
        prompt: its tokens, at least one.
        stages: what it generates.
        end_ms: time from the last stage, or the prefill, to its end.
        ranges: retention ranges of the prompt, as operations have them.
        decode_priority: retention priority of the blocks that it grows into; None for the default.
        decode_duration: for how many ticks.
        chunk_limit: most tokens of its prompt in one chunk, at least a block; 0 for as many as there is budget for.
    """

    arrival_ms: int
    prompt: Tokens
    stages: tuple[Stage, ...] = ()
    end_ms: int = 0
    ranges: tuple[Mapping[str, int], ...] = ()
    decode_priority: int | None = None
    decode_duration: int = 0
    chunk_limit: int = 0


def jobs_of(requests: Sequence[Request], tokens: TokenMapping) -> list[Job]:
    """The requests of a trace as jobs, their tokens as the replay has them."""
    return [_job(index, request, tokens) for index, request in enumerate(requests)]


def _job(index: int, request: Request, tokens: TokenMapping) -> Job:
    length, total = request.input_length, request.total_length
    stages = []
    while length < total:
        reached = next_block_start(length)
        if reached > total:
            if replay_length(total) == replay_length(length):
                break
            reached = total
        made = tokens.generated(index, replay_length(length), replay_length(reached))
        stages.append(Stage(TOKEN_MS * (reached - length), made))
        length = reached
    return Job(request.timestamp, tokens.prompt(index), tuple(stages), TOKEN_MS * (total - length))


def next_block_start(length: int) -> int:
    """The length at which a sequence of `length` tokens first needs one block more."""
    return -(-length // BLOCK_TOKENS) * BLOCK_TOKENS + 1
