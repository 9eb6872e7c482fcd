"""The requests of a trace as jobs: what is generated, in which appends, and when."""

from __future__ import annotations

from workload_cases import request

from kvproof.fuzz.workload.block_manager.jobs import TOKEN_MS, Stage, jobs_of, next_block_start
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.tokens import TokenMapping, replay_length


def job(one: Request) -> tuple[tuple[Stage, ...], int]:
    made = jobs_of([one], TokenMapping([one]))[0]
    return made.stages, made.end_ms


def test_a_job_arrives_and_is_prompted_as_its_request() -> None:
    requests = [request(7, (3,), partial=512), request(9, (3, 4))]
    tokens = TokenMapping(requests)

    assert [(made.arrival_ms, made.prompt) for made in jobs_of(requests, tokens)] == [(7, (6, 7)), (9, (6, 7, 8))]


def test_output_that_needs_no_block_takes_only_time() -> None:
    assert job(request(0, (0,), partial=100, output=10)) == ((), 10 * TOKEN_MS)


def test_an_append_brings_what_the_last_block_still_lacked() -> None:
    stages, end = job(request(0, (0,), partial=500, output=600))

    assert [(stage.delay_ms, len(stage.tokens)) for stage in stages] == [(13 * TOKEN_MS, 2), (512 * TOKEN_MS, 2)]
    assert end == 75 * TOKEN_MS


def test_a_last_token_that_fills_its_block_is_appended_at_the_end() -> None:
    stages, end = job(request(0, (0,), partial=500, output=12))

    assert [(stage.delay_ms, len(stage.tokens)) for stage in stages] == [(12 * TOKEN_MS, 1)]
    assert end == 0


def test_appends_make_the_tokens_that_prompt_and_output_need() -> None:
    for partial, output in ((1, 0), (512, 1), (77, 2000), (500, 12), (512, 512), (511, 513)):
        one = request(0, (0, 1, 2), partial=partial, output=output)
        made = jobs_of([one], TokenMapping([one]))[0]

        assert len(made.prompt) + sum(len(stage.tokens) for stage in made.stages) == replay_length(one.total_length)
        assert sum(stage.delay_ms for stage in made.stages) + made.end_ms == output * TOKEN_MS


def test_rejected_tokens_are_not_kept() -> None:
    assert Stage(0, (1, 2, 3), rejected=2).kept == (1,)
    assert Stage(0, (1, 2, 3)).kept == (1, 2, 3)


def test_a_new_block_starts_behind_a_full_one() -> None:
    assert [next_block_start(length) for length in (1, 511, BLOCK_TOKENS, 513)] == [513, 513, 513, 1025]
