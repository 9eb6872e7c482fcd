"""What is scheduled and not computed: one release for all of it, whatever held it back."""

from __future__ import annotations

import pytest
from executor_cases import Engine

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.executor import Delay, Executor, Peers, Request, Stage
from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.sequence_caches import Status

HELD_BACK = {
    "another rank is not ready": lambda engine: engine.run(ready=False),
    "a connector lets nothing through": lambda engine: engine.run(connector=0),
}


def second_chunk(**sizes: object) -> Engine:
    """Request 0 has computed three tokens of six, and its second chunk is scheduled; request 1 generates."""
    engine = Engine(**sizes)  # type: ignore[arg-type]
    engine.submit(0, 6, 7, 8)
    engine.submit(1, 2)
    engine.prefill(1)
    engine.prefill(0, tokens=3)
    engine.executor.begin_pass()
    assert engine.context(0)
    assert engine.at(0).snapshot == 3
    return engine


@pytest.mark.parametrize("stage", HELD_BACK)
def test_a_later_chunk_that_is_held_back_is_as_before_and_suspended(stage: str) -> None:
    engine = second_chunk()
    free = engine.vacant()
    HELD_BACK[stage](engine)
    request = engine.at(0)
    assert (engine.lengths(0), engine.status(0)) == ((1, 3, 3), Status.SUSPENDED)
    assert (request.chunk, request.cursor, request.snapshot, request.position) == (0, 3, None, None)
    assert engine.vacant() == free + 1


@pytest.mark.parametrize("stage", HELD_BACK)
def test_a_first_chunk_that_is_held_back_keeps_nothing(stage: str) -> None:
    engine = Engine()
    engine.submit(0, 6, 7, 8)
    engine.executor.begin_pass()
    engine.context(0)
    HELD_BACK[stage](engine)
    request = engine.at(0)
    assert (engine.status(0), request.row, request.cursor, request.chunk) == (Status.CLOSED, None, 0, 0)
    assert engine.vacant() == 8


def test_a_fuller_batch_that_is_waited_for_releases_the_prompts_and_keeps_the_generation() -> None:
    engine = Engine(delay=Delay.WAIT, delay_passes=1, wait_tokens=16)
    engine.submit(1, 2)
    engine.prefill(1)
    engine.submit(0, 6)
    engine.executor.begin_pass()
    engine.executor.schedule_generation(1)
    engine.context(0)
    assert engine.run() == [1]
    assert (engine.status(0), engine.at(1).outstanding) == (Status.CLOSED, 1)


def test_the_balance_of_ranks_releases_the_prompts_too() -> None:
    engine = second_chunk(delay=Delay.BALANCE, delay_passes=2, timeout_passes=2)
    engine.run(peers=Peers(all_have_context=False, all_generate=True))
    assert engine.lengths(0) == (1, 3, 6)  # nothing generates in this pass, so nothing waits
    assert engine.at(0).outstanding == 1


def test_prompts_beyond_what_may_be_attended_to_are_released() -> None:
    engine = Engine(primary=12, attended_max=6)
    for request in range(3):
        engine.submit(request, 3)
    engine.executor.begin_pass()
    for request in range(3):
        engine.context(request)
    assert engine.run() == [0, 1]
    assert engine.status(2) is Status.CLOSED


def test_when_nothing_is_ready_generation_is_taken_back_however_often() -> None:
    engine = Engine(draft_tokens=1)
    engine.submit(0, 3)
    engine.prefill(0)
    for _ in range(5):
        engine.executor.begin_pass()
        assert engine.executor.schedule_generation(0)
        assert engine.lengths(0) == (0, 3, 5)
        assert engine.run(ready=False) == []
        assert (engine.lengths(0), engine.status(0)) == ((0, 3, 3), Status.ACTIVE)


def test_a_generating_request_that_was_suspended_is_suspended_again() -> None:
    engine = Engine()
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor._scheduling._release.pause(engine.at(0))
    engine.executor.begin_pass()
    assert engine.executor.schedule_generation(0)
    engine.run(ready=False)
    assert engine.status(0) is Status.SUSPENDED


def test_with_a_pass_in_flight_only_the_growth_of_this_pass_is_taken_back() -> None:
    engine = Engine(overlap=True)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor.begin_pass()
    engine.executor.schedule_generation(0)
    engine.run()
    engine.executor.begin_pass()
    engine.executor.schedule_generation(0)
    engine.run(ready=False)
    assert engine.lengths(0) == (0, 3, 4)
    engine.executor.update(0, 1)
    assert engine.lengths(0) == (0, 4, 4)


def test_deferred_passes_leave_no_trace_in_the_one_that_is_computed() -> None:
    engine, other = second_chunk(), second_chunk()
    engine.run(ready=False)
    engine.executor.begin_pass()
    engine.context(0)
    assert engine.run() == other.run() == [0]
    for each in (engine, other):
        each.executor.update(0, 1)
    assert engine.lengths(0) == other.lengths(0) == (2, 6, 6)


def test_a_scratch_backed_prompt_is_released_like_any_other() -> None:
    sizes = {"window_tokens": 2, "scratch_share": 2, "rewind": 1, "blocks_max": 8}
    engine = Engine(primary=24, secondary=4, **sizes)
    engine.submit(0, 14)
    engine.prefill(0, tokens=2)
    free = engine.vacant()
    engine.executor.begin_pass()
    assert engine.context(0, 12)
    assert engine.pool.look.caches()[0].scratch > 0
    engine.run(ready=False)
    assert (engine.lengths(0), engine.status(0)) == ((0, 2, 2), Status.SUSPENDED)
    assert engine.vacant() == free


def test_a_recurrent_state_is_not_left_locked() -> None:
    engine = Engine(state_primary=2, state_secondary=2)
    engine.submit(0, 4)
    engine.prefill(0, tokens=2)
    engine.executor.begin_pass()
    assert engine.context(0)
    engine.run(ready=False)
    state = engine.pool.look.caches()[0].state
    assert state is not None
    assert not state.locked


def test_a_pair_is_released_as_one() -> None:
    engine = Engine(primary=16, draft_model=True, draft_text=10)
    engine.submit(0, 6)
    engine.prefill(0, tokens=3)
    engine.executor.begin_pass()
    engine.context(0)
    engine.run(ready=False)
    assert [engine.lengths(cache) for cache in (0, 4)] == [(0, 3, 3)] * 2
    assert [engine.status(cache) for cache in (0, 4)] == [Status.SUSPENDED] * 2


def test_the_last_batch_is_forgotten_by_the_next() -> None:
    engine = Engine()
    for request in range(2):
        engine.submit(request, 2)
    engine.prefill(0, 1)
    assert [engine.at(request).position for request in range(2)] == [0, 1]
    engine.executor.begin_pass()
    engine.executor.schedule_generation(1)
    engine.run()
    assert [engine.at(request).position for request in range(2)] == [None, 0]


def test_a_row_that_was_handed_over_is_written_by_its_new_owner_alone() -> None:
    engine = Engine(rows=1)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor.hand_over(0)
    engine.submit(1, 3)
    engine.prefill(1)
    row = engine.caches.rows.full(0).copy()
    assert (row[:2] >= 0).all()
    engine.executor.finish(0)
    assert (engine.caches.rows.full(0) == row).all()


class LeavesRowsBound(Pairs):
    def unbind_rows(self, request: Request) -> None:
        del request


def test_a_row_that_stays_bound_is_refused_to_its_next_owner() -> None:
    engine = Engine(rows=1, executor_type=plant(Executor, parts={Pairs: LeavesRowsBound}))
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor.hand_over(0)
    engine.submit(1, 3)
    engine.executor.begin_pass()
    with pytest.raises(ValueError, match="row 0"):
        engine.context(1)


def test_finishing_gives_everything_back() -> None:
    engine = Engine(primary=8, secondary=0)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor.finish(0)
    assert engine.vacant() == 8
    assert engine.executor.requests == {}
    engine.submit(0, 3)
    assert engine.at(0).stage is Stage.CONTEXT
