"""The adapter of the project's own executor: what it tells, and that a wrong executor does not get past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from kvproof.fuzz.bugs.executor_sizes import DRAFTED, PLAIN, SCRATCH, STATES
from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Refused, Returned, UnsupportedParameters, load_target
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.targets.executor import ExecutorTarget, PassEngine, simulated
from kvproof.impl.executor import Executor, Request
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


def forward(ready: bool = True, connector: int = 2) -> Operation:
    return Operation("run", {"peers": ALL_READY, "ready": ready, "connector": connector})


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
    class Shortens(Executor):
        def shrink(self, cache: int, capacity: int) -> None:
            super().shrink(cache, 0)

    operations = (*prefilled(0, 3), BEGIN, generation(0), forward(False))
    assert failure_of(ExecutorTarget(Shortens), *operations).fingerprint.startswith("crash:CacheRefused")


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


class LeavesRows(SequenceCaches):
    rows_type = LeavesEntries


def test_entries_that_are_left_in_a_row_that_nobody_has_are_seen() -> None:
    target = ExecutorTarget(caches_type=LeavesRows)
    found = failure_of(target, *prefilled(0, 3), on(0, "hand_over"))
    assert "index row 0 of nobody" in found.message


class ForgetsTheBatch(Executor):
    def release(self, requests: list[Request]) -> None:
        for request in requests:
            self.step_strike(request.number)


def test_what_is_dropped_and_not_released_breaks_a_rule_at_once() -> None:
    operations = (*prefilled(0, 3), BEGIN, generation(0), forward(False))
    assert failure_of(ExecutorTarget(ForgetsTheBatch), *operations).fingerprint.startswith("step:dropped-means")
