"""Scheduling passes: who is admitted, what that allocates, and who makes room."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from cache_cases import CachePool
from executor_cases import Engine

from kvproof.impl.device import Stream
from kvproof.impl.executor import Executor, ExecutorConfig, Peers, Phase, ProtocolError, Stage
from kvproof.impl.executor import Reason as ExecutorReason
from kvproof.impl.sequence_caches import Kind, Reason, Refused, Status


def test_a_prompt_is_computed_in_one_chunk_and_then_generates() -> None:
    engine = Engine()
    engine.submit(0, 5, 7, 8)
    engine.prefill(0)
    assert engine.at(0).stage is Stage.GENERATION
    assert engine.lengths(0) == (2, 5, 5)


def test_chunks_follow_each_other_and_full_blocks_are_committed_as_they_come() -> None:
    engine = Engine()
    engine.submit(0, 6, 7, 8)
    engine.prefill(0, tokens=3)
    assert (engine.at(0).stage, engine.lengths(0)) == (Stage.CONTEXT, (1, 3, 3))
    engine.prefill(0, tokens=3)
    assert (engine.at(0).stage, engine.lengths(0)) == (Stage.GENERATION, (2, 6, 6))


def test_what_another_request_has_computed_is_found_but_the_last_token_is_computed() -> None:
    engine = Engine()
    engine.submit(0, 4, 7, 8)
    engine.prefill(0)
    engine.submit(1, 5, 7, 8)
    engine.executor.begin_pass()
    assert engine.context(1)
    assert (engine.at(1).cursor, engine.at(1).chunk) == (2, 3)


def test_the_tokens_of_a_pass_are_bounded() -> None:
    engine = Engine(max_tokens=6)
    engine.submit(0, 5)
    engine.submit(1, 5)
    engine.executor.begin_pass()
    assert engine.context(0)
    assert not engine.context(1, 2)
    assert engine.context(1, 1)


def test_a_first_chunk_without_room_loses_row_and_caches() -> None:
    engine = Engine(max_tokens=6)
    engine.submit(0, 5)
    engine.submit(1, 5)
    engine.executor.begin_pass()
    engine.context(0)
    engine.context(1)
    assert (engine.at(1).row, engine.status(1)) == (None, Status.CLOSED)


def test_a_later_chunk_without_room_leaves_the_request_suspended_with_what_it_has() -> None:
    engine = Engine(primary=3, secondary=4)
    engine.submit(0, 5)
    engine.prefill(0, tokens=3)
    engine.submit(1, 2)
    engine.executor.begin_pass()
    assert engine.context(1)
    assert not engine.context(0)
    assert (engine.status(0), engine.lengths(0)) == (Status.SUSPENDED, (0, 3, 3))


def test_without_a_free_row_nothing_is_made() -> None:
    engine = Engine(rows=1)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.submit(1, 3)
    engine.executor.begin_pass()
    assert not engine.context(1)
    assert engine.status(1) is Status.CLOSED


def test_rows_are_given_lowest_first_and_come_back() -> None:
    engine = Engine()
    for request in range(3):
        engine.submit(request, 1)
    engine.prefill(0, 1, 2)
    assert [engine.at(request).row for request in range(3)] == [0, 1, 2]
    engine.executor.finish(1)
    engine.submit(3, 1)
    engine.prefill(3)
    assert engine.at(3).row == 1


def test_generating_grows_by_a_token_and_its_drafts_and_gives_back_what_was_rejected() -> None:
    engine = Engine(draft_tokens=2)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.executor.begin_pass()
    assert engine.executor.schedule_generation(0)
    assert engine.lengths(0) == (0, 3, 6)
    engine.run()
    engine.executor.update(0, 2)
    assert engine.lengths(0) == (0, 5, 5)


def test_for_want_of_pages_the_last_to_have_come_is_suspended() -> None:
    engine = Engine(primary=3, secondary=3)
    for request in range(3):
        engine.submit(request, 2)
        engine.prefill(request)
    engine.executor.begin_pass()
    assert engine.executor.schedule_generation(0)
    assert [engine.status(request) for request in range(3)] == [Status.ACTIVE, Status.ACTIVE, Status.SUSPENDED]


def test_those_that_came_before_are_never_suspended_for_a_request() -> None:
    engine = Engine(primary=2, secondary=3)
    for request in range(2):
        engine.submit(request, 2)
        engine.prefill(request)
    engine.executor.begin_pass()
    assert not engine.executor.schedule_generation(1)
    assert [engine.status(request) for request in range(2)] == [Status.ACTIVE, Status.SUSPENDED]


def test_who_is_in_this_pass_or_in_flight_is_never_suspended_for_a_request() -> None:
    engine = Engine(primary=4, secondary=3, overlap=True)
    for request in range(3):
        engine.submit(request, 2)
        engine.prefill(request)
    engine.executor.begin_pass()
    assert engine.executor.schedule_generation(2)
    assert not engine.executor.schedule_generation(0) or engine.status(2) is Status.ACTIVE
    assert engine.status(2) is Status.ACTIVE
    engine.run()
    engine.executor.begin_pass()
    engine.executor.schedule_generation(0)
    assert engine.status(2) is Status.ACTIVE


def test_without_host_memory_a_victim_begins_again_with_what_it_has_generated() -> None:
    engine = Engine(primary=3, secondary=0)
    for request in range(2):
        engine.submit(request, 2)
        engine.prefill(request)
    engine.generate(1)
    engine.executor.begin_pass()
    assert engine.executor.schedule_generation(0)
    victim = engine.at(1)
    assert (victim.stage, victim.prompt, victim.cursor, victim.row) == (Stage.CONTEXT, 4, 0, None)


def test_a_request_whose_cache_is_full_begins_again_with_no_more_than_fits() -> None:
    engine = Engine(primary=5, secondary=0, blocks_max=2)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.generate(0)
    assert engine.lengths(0)[1] == 4
    engine.executor._scheduling._release.pause(engine.at(0))
    assert engine.at(0).prompt == 4


def test_both_caches_of_a_pair_grow_or_neither() -> None:
    engine = Engine(primary=5, secondary=4, draft_model=True, draft_text=10)
    engine.submit(0, 4)
    engine.submit(1, 2)
    engine.prefill(0)
    engine.executor.begin_pass()
    assert not engine.context(1) or engine.status(5) is Status.ACTIVE
    assert engine.lengths(1) == engine.lengths(5)
    assert engine.status(1) is engine.status(5)


def test_a_pair_begins_with_what_both_models_have(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(primary=12, draft_model=True, draft_text=10)
    engine.submit(0, 5, 1, 2)
    engine.prefill(0)
    whole = engine.caches.matched
    monkeypatch.setattr(
        engine.caches, "matched", lambda text, limit: min(whole(text, limit), 1 if text[0] > 10 else limit)
    )
    engine.submit(1, 5, 1, 2)
    engine.executor.begin_pass()
    assert engine.context(1)
    assert engine.at(1).cursor == 2
    assert engine.lengths(1) == engine.lengths(5) == (1, 2, 5)


def test_the_longest_beginning_of_both_is_found_where_neither_has_all_that_the_other_has() -> None:
    engine = Engine(draft_model=True, draft_text=10)
    lengths = {(1, 2, 3): (3, 1), (11, 12, 13): (2, 1)}
    engine.caches.matched = lambda text, limit: max(n for n in (0, *lengths[text]) if n <= limit)  # type: ignore[method-assign]
    assert engine.executor._pairs.found_by_all(list(lengths)) == 1


@pytest.mark.parametrize(
    ("call", "arguments", "error"),
    [
        ("submit", (0, (), 3, 0), "request-in-use"),
        ("submit", (1, (), 0, 0), "empty-prompt"),
        ("submit", (1, (), 8, 0), "too-long"),
        ("schedule_generation", (0,), "no-pass"),
        ("schedule_context", (0, 1), "no-pass"),
        ("run", (Peers(),), "no-pass"),
        ("update", (0, 1), "not-in-flight"),
        ("update", (3, 1), "not-in-flight"),
        ("hand_over", (0,), "not-generating"),
        ("finish", (3,), "unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(call: str, arguments: tuple[object, ...], error: str) -> None:
    engine = Engine()
    engine.submit(0, 3)
    assert engine.refused(call, *arguments) == error


def test_what_makes_no_sense_in_a_pass_is_refused() -> None:
    engine = Engine()
    engine.submit(0, 3)
    engine.submit(1, 3)
    engine.prefill(1)
    engine.executor.begin_pass()
    assert engine.refused("begin_pass") == "pass-open"
    assert engine.refused("schedule_generation", 0) == "not-generating"
    assert engine.refused("schedule_context", 1, 1) == "no-context"
    assert engine.executor.schedule_generation(1)
    assert engine.refused("schedule_generation", 1) == "scheduled"
    assert engine.refused("finish", 1) == "scheduled"
    assert engine.refused("hand_over", 1) == "scheduled"
    assert engine.context(0)
    assert engine.refused("schedule_context", 0, 1) == "scheduled"
    assert engine.refused("schedule_generation", 1) == "context-has-begun"
    engine.run()
    engine.executor.begin_pass()
    assert engine.refused("schedule_generation", 1) == "in-flight"
    assert engine.refused("schedule_context", 0, 1) == "in-flight"
    assert engine.refused("finish", 0) == "in-flight"


def test_with_overlap_one_pass_may_be_in_flight() -> None:
    engine = Engine(overlap=True)
    engine.submit(0, 3)
    engine.prefill(0)
    for _ in range(2):
        engine.executor.begin_pass()
        assert engine.executor.schedule_generation(0)
        engine.run()
    engine.executor.begin_pass()
    assert engine.refused("schedule_generation", 0) == "in-flight"


def test_a_request_whose_cache_is_full_is_not_scheduled() -> None:
    engine = Engine(blocks_max=2)
    engine.submit(0, 3)
    engine.prefill(0)
    engine.generate(0)
    engine.executor.begin_pass()
    assert engine.refused("schedule_generation", 0) == "too-long"


def test_a_refusal_changes_nothing_and_says_what_to_do() -> None:
    engine = Engine()
    engine.submit(0, 3)
    before = engine.steps[:]
    assert engine.refused("submit", 0, (), 3, 0) == "request-in-use"
    assert (engine.steps, engine.executor.snapshot().phase) == (before, Phase.IDLE)


@pytest.mark.parametrize("name", ["requests", "max_tokens", "rows"])
def test_sizes_below_their_minimum_are_refused(name: str) -> None:
    sizes = {"requests": 1, "max_tokens": 1, "rows": 1, name: 0}
    with pytest.raises(ValueError, match=f"ExecutorConfig.{name}: needs at least 1, got 0"):
        ExecutorConfig(**sizes)


def test_sizes_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="needs a whole number"):
        ExecutorConfig(requests=True, max_tokens=1, rows=1)


@pytest.mark.parametrize(
    ("call", "arguments", "told"),
    [
        ("submit", (4, (), 1, 0), "request 4: numbers are 0..3"),
        ("submit", (-1, (), 1, 0), "request -1: numbers are 0..3"),
        ("schedule_context", (0, 0), "request 0: 0 tokens of its prompt"),
        ("run", (Peers(), True, -1), "lets -1 requests through"),
        ("update", (0, 0), "accepted 0 tokens; a step has 1..2"),
        ("update", (0, 3), "accepted 3 tokens; a step has 1..2"),
    ],
)
def test_arguments_that_there_are_not_are_told(call: str, arguments: tuple[object, ...], told: str) -> None:
    engine = Engine(draft_tokens=1)
    with pytest.raises(ValueError, match=told):
        getattr(engine.executor, call)(*arguments)


def test_a_draft_model_needs_twice_the_rows() -> None:
    pool = CachePool(rows=3)
    with pytest.raises(ValueError, match="2 rows need 4 of the caches, which have 3; make them with rows=4"):
        Executor(ExecutorConfig(requests=2, max_tokens=4, rows=2, draft_model=True), pool.caches)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"window_tokens": 2, "scratch_share": 2, "rewind": 3, "draft_tokens": 1, "overlap": True}, "rewind: 4 tokens"),
        ({"window_tokens": 2, "scratch_share": 2, "rewind": 0}, "rewind: 1 tokens"),
        ({"state_primary": 2, "draft_tokens": 1}, "draft_tokens: 1, but the caches have recurrent state"),
        (
            {"blocks_max": 1, "draft_tokens": 1},
            "draft_tokens: 1, so .* need 3 tokens, but a cache has at most 2; raise",
        ),
    ],
    ids=["scratch-overlap", "scratch", "state", "short"],
)
def test_caches_that_would_refuse_what_the_executor_asks_for_are_told(sizes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"executor {told}"):
        Engine(**sizes)


@pytest.mark.parametrize(
    "sizes",
    [
        {"window_tokens": 2, "scratch_share": 2, "rewind": 4, "draft_tokens": 1, "overlap": True},
        {"window_tokens": 2, "draft_tokens": 1, "overlap": True},
        {"state_primary": 2},
        {"blocks_max": 1},
    ],
)
def test_the_smallest_caches_that_can_do_all_of_it_are_taken(sizes: dict[str, Any]) -> None:
    Engine(**sizes)


@pytest.mark.parametrize("call", ["resume", "resize"])
@pytest.mark.parametrize("error", ["device-full", "out-of-pages"])
def test_a_lack_of_room_is_an_answer(call: str, error: Reason, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = refusing(call, error, monkeypatch)
    assert not engine.context(0)


@pytest.mark.parametrize("call", ["resume", "resize"])
@pytest.mark.parametrize("error", ["not-suspended", "not-active", "bad-lengths", "window-in-scratch", "closed"])
def test_any_other_refusal_of_the_caches_is_seen(call: str, error: Reason, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = refusing(call, error, monkeypatch)
    with pytest.raises(Refused, match="says the test") as refused:
        engine.context(0)
    assert refused.value.reason == error


def refusing(call: str, error: Reason, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A prompt is to be scheduled, and the caches refuse a call."""
    engine = Engine()
    engine.submit(0, 3)
    engine.executor.begin_pass()

    def refuse(*_: object) -> None:
        raise Refused(error, "says the test")

    monkeypatch.setattr(engine.caches, call, refuse)
    return engine


def test_a_row_that_is_not_the_lowest_free_one_is_told() -> None:
    engine = Engine()
    engine.submit(0, 1)
    with pytest.raises(ProtocolError, match="request 0: was given row 2, the lowest that is free is 0"):
        engine.executor._steps.step_seat(0, 2, 0)


def test_each_pass_that_has_something_to_compute_runs_on_the_next_forward_stream() -> None:
    streams = (Stream.COMPUTE, Stream.EXECUTION)
    engine = Engine(overlap=True, streams=streams)
    engine.submit(0, 3)
    engine.prefill(0)
    ran = [engine.executor.started]
    engine.executor.begin_pass()
    engine.run()
    assert engine.executor.started is ran[0]
    for _ in range(2):
        engine.generate(0)
        ran.append(engine.executor.started)
    assert [each and each.stream for each in ran] == [streams[0], streams[1], streams[0]]
    assert engine.pool.races() == []


def test_the_kernels_of_a_pass_find_the_pages_of_its_batch() -> None:
    engine = Engine()
    engine.submit(0, 3)
    engine.submit(1, 3)
    engine.prefill(0, 1)
    started = engine.executor.started
    assert started is not None
    (first, at), (second, behind) = (started.entry(cache, Kind.FULL, 1) for cache in (0, 1))
    assert first is second
    entries = engine.pool.devices[0].peek_buffer(first)
    assert entries[4 * at : 4 * at + 4] != entries[4 * behind : 4 * behind + 4]


def test_no_reason_of_the_executor_is_one_of_its_caches() -> None:
    assert not set(get_args(Reason)) & set(get_args(ExecutorReason))
