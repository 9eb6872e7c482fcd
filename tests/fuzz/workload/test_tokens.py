"""A block of 512 tokens replayed as a block of 2."""

from __future__ import annotations

import pytest

from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request, blocks_for
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS, TokenMapping, replay_length

LENGTHS = [*range(1, 5), *range(509, 516), *range(1020, 1030), 126_000, 126_464]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_replay_has_as_many_blocks_full_blocks_and_reusable_blocks(length: int) -> None:
    short = replay_length(length)

    assert -(-short // REPLAY_BLOCK_TOKENS) == blocks_for(length)
    assert short // REPLAY_BLOCK_TOKENS == length // BLOCK_TOKENS
    assert (short - 1) // REPLAY_BLOCK_TOKENS == (length - 1) // BLOCK_TOKENS


def test_a_full_block_is_two_tokens_and_a_partly_filled_one_is_one() -> None:
    mapping = TokenMapping([Request(0, 512 + 9, 1, (3, 8)), Request(0, 1024, 1, (3, 8))])

    assert mapping.prompt(0) == (6, 7, 16)
    assert mapping.prompt(1) == (6, 7, 16, 17)


def test_no_two_requests_generate_the_same_token() -> None:
    requests = [Request(0, 600, 1500, (0, 5)), Request(0, 512, 512, (0,)), Request(1, 600, 1500, (0, 5))]
    mapping = TokenMapping(requests)
    generated: list[int] = []
    for index, request in enumerate(requests):
        generated += mapping.generated(index, replay_length(request.input_length), replay_length(request.total_length))

    assert len(generated) == len(set(generated)) > 0
    assert min(generated) > max(max(mapping.prompt(index)) for index in range(3))
    assert max(generated) < mapping.vocabulary
