"""The adapter of the project's own executor: what it tells, and that a wrong executor does not get past it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from passes_in_flight import PassesInFlight

from kvproof.fuzz.bugs.executor.sizes import DRAFTED, PLAIN, SCRATCH, STATES
from kvproof.fuzz.bugs.executor.x27_pass_does_not_wait import PassesUnordered
from kvproof.fuzz.bugs.executor.x28_index_rows_overwritten import OverwrittenRows
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Refused, Returned, UnsupportedParameters, load_target
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.targets.executor import ExecutorTarget, PassEngine, simulated
from kvproof.impl.device import Stream
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.scheduling import Scheduling
from kvproof.impl.sequence_caches import IndexRows, SequenceCaches

MACHINE = subject_named("executor")

BEGIN = Operation("begin_pass", {})
ALL_READY = {"all_have_context": True, "all_generate": True, "some_do_not_generate": False}

DRAFTS: Mapping[str, int] = {**PLAIN, "draft_tokens": 2, "overlap": 1, "blocks_max": 6, "primary_slots": 6}
"""Two passes under way, each with two drafts."""


def on(request: int, name: str, **others: Any) -> Operation:
    return Operation(name, {"request": request, **others})


def submit(request: int, tokens: int, *text: int) -> Operation:
    return on(request, "submit", text=text, tokens=tokens, priority=0)


def context(request: int, tokens: int = 6) -> Operation:
    return on(request, "schedule_context", tokens=tokens)


def generation(request: int) -> Operation:
    return on(request, "schedule_generation")


def forward(ready: bool = True, connector: int = 2, encoder: int = 2) -> Operation:
    return Operation("run", {"peers": ALL_READY, "ready": ready, "connector": connector, "encoder": encoder})


def update(request: int, accepted: int = 1) -> Operation:
    return on(request, "update", accepted=accepted)


def prefilled(request: int, tokens: int, *text: int) -> tuple[Operation, ...]:
    """A request whose prompt is computed in one chunk."""
    return (submit(request, tokens, *text), BEGIN, context(request), forward(), update(request))


@contextmanager
def lockstep(target: ExecutorTarget, parameters: Mapping[str, int] = PLAIN) -> Iterator[Lockstep]:
    with Lockstep(MACHINE, target, parameters) as running:
        assert running.initial() is None
        yield running


def passes(*operations: Operation, parameters: Mapping[str, int] = PLAIN) -> Mapping[str, Any]:
    """What the target shows after these, on which both sides agree."""
    target = simulated()
    with lockstep(target, parameters) as running:
        assert run(running, operations) is None
        return dict(target.observe())


def failure_of(target: ExecutorTarget, *operations: Operation, parameters: Mapping[str, int] = PLAIN) -> Failure:
    passes(*operations, parameters=parameters)
    with lockstep(target, parameters) as running:
        found = run(running, operations)
    assert found is not None
    return found


def test_it_is_the_default_target_of_its_machine() -> None:
    assert isinstance(load_target(DEFAULT_TARGETS["executor"]), ExecutorTarget)


def test_a_prompt_is_computed_committed_and_reused() -> None:
    shown = passes(*prefilled(0, 5, 1, 1), *prefilled(1, 5, 1, 1)[:-2], parameters=PLAIN)
    assert shown["requests"]["1"]["cursor"] == 4
    assert shown["caches"]["1"]["FULL"][:2] == [
        ["text", "FULL", [1], "PRIMARY", True],
        ["text", "FULL", [1, 1], "PRIMARY", True],
    ]


def test_rows_name_the_pages_that_their_owner_has_locked() -> None:
    shown = passes(*prefilled(0, 3, 1))
    assert shown["rows"] == {
        "0": {"FULL": [["text", "FULL", [1]], ["cache", 0, "FULL", 1]], "WINDOW": [], "STATE": None},
        "1": None,
    }


def test_the_row_of_a_suspended_request_names_nothing() -> None:
    first = (submit(0, 5), BEGIN, context(0, 3), forward(), update(0))
    shown = passes(*first, BEGIN, context(0), forward(False))
    assert shown["caches"]["0"]["status"] == "SUSPENDED"
    assert shown["rows"]["0"] == {"FULL": [None, None], "WINDOW": [], "STATE": None}


def test_refusals_are_named() -> None:
    target = simulated()
    target.reset(PLAIN)
    assert target.apply(generation(0)) == Refused("no-pass")
    assert target.apply(BEGIN) == Returned(None)
    assert target.apply(BEGIN) == Refused("pass-open")


def test_a_refusal_by_the_caches_that_the_executor_does_not_expect_is_a_crash() -> None:
    class Shortens(Pairs):
        def shrink(self, cache: int, capacity: int) -> None:
            super().shrink(cache, 0)

    target = ExecutorTarget(plant(Executor, parts={Pairs: Shortens}))
    operations = (*prefilled(0, 3), BEGIN, generation(0), forward(False))
    assert failure_of(target, *operations).fingerprint.startswith("crash:Refused")


def test_sizes_that_the_implementation_does_not_offer_are_left_to_others() -> None:
    with pytest.raises(UnsupportedParameters):
        simulated().reset({**PLAIN, "tertiary_slots": 2})


def test_the_steps_of_executor_and_caches_are_told_in_their_order() -> None:
    target = simulated()
    target.reset(PLAIN)
    for operation in (submit(0, 1), BEGIN):
        target.apply(operation)
    target.steps()
    target.apply(context(0))
    names = [step.name for step in target.steps()]
    assert names == ["fill", "open", "measure", "seat", "activate", *names[5:-1], "take_chunk"]
    assert names[5:-1] == ["take_slot", "hold", "lock", "measure"]


@pytest.mark.parametrize(
    "parameters",
    [
        *(PLAIN, SCRATCH, STATES, DRAFTED, {**PLAIN, "overlap": 1}, {**PLAIN, "secondary_slots": 0}),
        DRAFTS,
    ],
    ids=["plain", "scratch", "states", "drafted", "overlap", "no-host", "drafted-overlap"],
)
def test_random_sequences_agree(parameters: Mapping[str, int]) -> None:
    plan = Plan(seconds=20.0, operations=600, seed=5, engine=Engine.WALK, parameters=parameters)
    campaign = run_campaign(MACHINE, simulated, plan)
    assert campaign.finding is None, campaign.finding and campaign.finding.best().failure.message
    assert campaign.progress.acceptances["run"] > 50
    assert campaign.progress.contents > 100


class SkipsATokenOfThePass(PassEngine):
    """Kernels that leave the last token of a chunk out."""

    def write_tokens(self, cache: int, start: int, end: int) -> None:
        super().write_tokens(cache, start, end - 1)


class WrongKernels(ExecutorTarget):
    passes_type = SkipsATokenOfThePass


def test_what_kernels_have_not_written_is_seen() -> None:
    assert failure_of(WrongKernels(), *prefilled(0, 3)).oracle == "content"


class KeepsDrafts(PassEngine):
    """Takes the drafts that it has written for right, whatever is accepted."""

    def accept(self, cache: int, accepted: int) -> None:
        """Nothing."""


class WrongDrafts(ExecutorTarget):
    passes_type = KeepsDrafts


def test_drafts_are_not_what_is_accepted() -> None:
    operations = (*prefilled(0, 2), BEGIN, generation(0), forward())
    passes(*operations, update(0, 1), parameters=DRAFTS)
    assert failure_of(WrongDrafts(), *operations, update(0, 2), parameters=DRAFTS).oracle == "content"


def test_of_passes_that_overlap_each_is_accepted_where_the_one_before_has_ended() -> None:
    overlapped = (BEGIN, generation(0), forward(), BEGIN, generation(0), forward())
    passes(
        *prefilled(0, 2), *overlapped, update(0, 1), update(0, 3), BEGIN, generation(0), forward(), parameters=DRAFTS
    )


class WrongState(PassEngine):
    """Kernels that leave the recurrent state as it was."""

    def write_state(self, cache: int, before: int, history: int) -> None:
        """Nothing."""


class StaleState(ExecutorTarget):
    passes_type = WrongState


def test_a_recurrent_state_that_was_not_brought_forward_is_seen() -> None:
    found = failure_of(StaleState(), submit(0, 2), BEGIN, context(0), forward(), parameters=STATES)
    assert (found.oracle, "STATE" in found.message) == ("content", True)


def test_a_state_is_looked_at_as_of_what_is_in_flight() -> None:
    passes(*prefilled(0, 2), BEGIN, generation(0), forward(), parameters=STATES)


class LeavesEntries(IndexRows):
    """Gives rows back without emptying them."""

    def release(self, row: int) -> None:
        self.owner[row] = None


LeavesRows = plant(SequenceCaches, parts={IndexRows: LeavesEntries})


def test_entries_that_are_left_in_a_row_that_nobody_has_are_seen() -> None:
    target = ExecutorTarget(caches_type=LeavesRows)
    found = failure_of(target, *prefilled(0, 3), on(0, "hand_over"))
    assert "index row 0 of nobody" in found.message


class ForgetsTheBatch(Release):
    def release(self, requests: list[Request]) -> None:
        for request in requests:
            self._steps.step_strike(request.number)


BatchForgotten = plant(Executor, parts={Release: ForgetsTheBatch})


def test_what_is_dropped_and_not_released_breaks_a_rule_at_once() -> None:
    operations = (*prefilled(0, 3), BEGIN, generation(0), forward(False))
    assert failure_of(ExecutorTarget(BatchForgotten), *operations).fingerprint.startswith("step:dropped-means")


def test_a_request_whose_encoder_fails_is_released_and_those_behind_it_go_on() -> None:
    two = (submit(0, 3), submit(1, 3), BEGIN, context(0), context(1))
    shown = passes(*two, forward(encoder=0))
    assert (shown["requests"]["1"]["position"], shown["requests"]["1"]["outstanding"]) == (0, 1)
    assert (shown["requests"]["0"]["row"], list(shown["caches"])) == (None, ["1"])
    again = passes(*two, forward(encoder=0), BEGIN, context(0), forward())
    assert (again["requests"]["0"]["row"], again["requests"]["0"]["outstanding"]) == (0, 1)


class DropsWhatFollows(Scheduling):
    """Takes a failed encoder for a limit: forwards what comes before."""

    def without_failed(self, kept: int, failed: int | None) -> tuple[list[Request], list[Request]]:
        kept = kept if failed is None else min(kept, failed)
        return self._steps.filling[:kept], self._steps.filling[kept:]


class ForgetsTheFailed(Scheduling):
    """Leaves the one whose encoder failed as it is: it is to be finished anyway."""

    def without_failed(self, kept: int, failed: int | None) -> tuple[list[Request], list[Request]]:
        filling, dropped = super().without_failed(kept, failed)
        return filling, [each for each in dropped if failed is None or each is not self._steps.filling[failed]]


@pytest.mark.parametrize("wrong", [DropsWhatFollows, ForgetsTheFailed])
def test_a_failed_encoder_is_dealt_with_as_any_other_that_drops(wrong: type[Scheduling]) -> None:
    two = (submit(0, 3), submit(1, 3), BEGIN, context(0), context(1))
    failure_of(ExecutorTarget(plant(Executor, parts={Scheduling: wrong})), *two, forward(encoder=0))


# Passes in flight.


SEEDS = range(6)

UNDER_WAY: Mapping[str, int] = {
    **PLAIN,
    "overlap": 1,
    "draft_tokens": 3,
    "tokens_per_block": 1,
    "blocks_max": 16,
    "primary_slots": 14,
    "max_tokens": 16,
}
"""Requests that are in many passes, and give up to three pages back after each."""


@pytest.mark.parametrize(
    "parameters",
    [
        {**UNDER_WAY, "primary_slots": 20},
        DRAFTS,
        {**DRAFTED, "overlap": 1, "blocks_max": 8, "primary_slots": 16, "max_tokens": 16},
        {**STATES, "overlap": 1, "blocks_max": 6, "primary_slots": 6},
        {**PLAIN, "overlap": 1, "blocks_max": 8, "primary_slots": 12, "window_tokens": 2},
        {**PLAIN, "overlap": 1, "blocks_max": 6, "secondary_slots": 0, "requests": 3, "rows": 3},
    ],
    ids=["drafts of three", "drafts of two", "draft model", "states", "windows", "no host"],
)
def test_passes_in_flight_agree(parameters: Mapping[str, int]) -> None:
    cases = [PassesInFlight(simulated(), parameters, seed) for seed in range(4)]
    for case in cases:
        assert case.run() is None, case.failure and case.failure.message
    assert sum(case.launched_over for case in cases) > 5


class WaitsForThePassThatIsOver(Executor):
    """What an update gives up waits for the pass that it is about, and not for the next one, which is under way."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._under_way: dict[int, deque[Stream]] = {}

    def run(self, *arguments: Any, **others: Any) -> list[Request]:
        batch = super().run(*arguments, **others)
        for request in batch:
            assert self.started is not None
            self._under_way.setdefault(request.number, deque()).append(self.started.stream)
        return batch

    def update(self, number: int, accepted: int) -> None:
        request = self.requests.get(number)
        caches = [] if request is None or not request.outstanding else [*request.caches]
        streams = {cache: self.caches._steps.caches[cache].stream for cache in caches}
        if caches:
            self._set_streams(dict.fromkeys(caches, self._under_way[number].popleft()))
        super().update(number, accepted)
        self._set_streams(streams)

    def _set_streams(self, streams: dict[int, Stream]) -> None:
        for cache, stream in streams.items():
            self.caches._steps.caches[cache].stream = stream


def test_pages_given_up_under_a_pass_in_flight_are_seen() -> None:
    found = [PassesInFlight(ExecutorTarget(WaitsForThePassThatIsOver), UNDER_WAY, seed).run() for seed in SEEDS]
    assert {failure.oracle for failure in found if failure is not None} == {"race"}


class OneStream(ExecutorTarget):
    """All passes run on one stream, one after another."""

    def reset(self, parameters: Mapping[str, int]) -> None:
        two = self._make_caches
        self._make_caches = lambda *arguments: two(*arguments, forward_streams=(Stream.COMPUTE,))
        super().reset(parameters)


def test_with_one_forward_stream_they_could_not_be() -> None:
    assert not any(PassesInFlight(OneStream(WaitsForThePassThatIsOver), UNDER_WAY, seed).run() for seed in SEEDS)


UNDER_ANOTHER = (
    *(*prefilled(0, 1), BEGIN, generation(0), forward(), BEGIN, generation(0), forward()),
    *(update(0), submit(1, 1), BEGIN, context(1), forward()),
)
"""A request gives up a page of the pass before, which the pass after still writes; another request gets it."""


def test_a_page_that_changes_hands_under_a_pass_in_flight_is_seen() -> None:
    parameters = {**UNDER_WAY, "draft_tokens": 1, "blocks_max": 8, "primary_slots": 5}
    found = failure_of(ExecutorTarget(WaitsForThePassThatIsOver), *UNDER_ANOTHER, parameters=parameters)
    assert found.oracle == "race"


@pytest.mark.parametrize("wrong", [PassesUnordered, OverwrittenRows])
def test_passes_that_are_not_kept_apart_are_seen(wrong: type[SequenceCaches]) -> None:
    parameters = {**UNDER_WAY, "draft_tokens": 1, "blocks_max": 8, "primary_slots": 5}
    found = failure_of(ExecutorTarget(caches_type=wrong), *UNDER_ANOTHER, parameters=parameters)
    assert found.oracle == "race"
