"""Replays through an executor of sequence caches: without a divergence, with planted bugs, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from workload_cases import SHARED_TRACES, generated, request

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.command_line import main
from kvproof.fuzz.commands import workload as workload_command
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.replay import Comparison, replay
from kvproof.fuzz.target import HarnessError, Operation
from kvproof.fuzz.targets.executor import ExecutorTarget, PassEngine
from kvproof.fuzz.trace import read_trace
from kvproof.fuzz.workload.executor.jobs import chunk_count, jobs_of
from kvproof.fuzz.workload.executor.prepare import Sizes, managed, prepare
from kvproof.fuzz.workload.executor.target import ReplayTarget
from kvproof.fuzz.workload.generate import write_requests
from kvproof.fuzz.workload.replay import Replay
from kvproof.fuzz.workload.request_trace import read_requests
from kvproof.impl.executor import Executor
from kvproof.impl.executor import Request as ExecutorRequest
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.scheduling import Scheduling

SUBJECT = subject_named("executor")

SMALL = Sizes(60, 60)


def small_requests(count: int = 24) -> list[Any]:
    """Conversations of some 20 blocks, most of them computed in two chunks, arriving faster than they are served."""
    texts = [tuple(range(100 * each, 100 * each + 26)) for each in range(4)]
    return [
        request(500 * at, texts[at % 4][: 12 + at % 14], partial=100 + at, output=600 + 200 * (at % 3))
        for at in range(count)
    ]


def executed(sizes: Sizes = SMALL, requests: list[Any] | None = None, **options: Any) -> Replay:
    """A finished run."""
    run = prepare(small_requests() if requests is None else requests, SUBJECT, sizes, **options)
    run.execute()
    return run


# What is replayed.


def test_a_block_of_a_trace_is_one_of_two_tokens() -> None:
    (job,) = jobs_of([request(7, (5, 9, 6), partial=300, output=40)])
    assert (job.arrival_ms, job.text, job.prompt, job.total) == (7, (0, 0), 5, 6)


def test_texts_agree_as_far_as_their_requests_do() -> None:
    jobs = jobs_of([request(0, ids) for ids in ((4, 7, 1, 9), (4, 8, 1, 9), (4, 7, 2, 9), (5, 7, 1, 9))])
    assert [job.text for job in jobs] == [(0, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0)]
    assert chunk_count(jobs) == 2


def test_the_only_request_generates_at_least_a_token() -> None:
    (job,) = jobs_of([request(0, (1,), partial=100, output=1)])
    assert job.total == job.prompt + 1


# Replays that agree.


def test_every_request_is_served_and_nothing_diverges() -> None:
    run = executed(check_every=50)
    counts, looked = run.service.counts, run.lockstep.looked
    assert run.failure is None
    assert counts.completed == counts.arrived == run.requests == 24
    assert run.tally.matched > 0
    assert run.tally.moved_down > 0
    assert run.tally.moved_up > 0
    assert looked["results"] == len(run.operations)
    assert looked["observations"] == len(run.operations) // 50 + 1
    assert min(looked["steps"], looked["bytes_read"], looked["all_bytes"]) > 100


def test_it_is_the_same_each_time() -> None:
    assert executed().operations == executed().operations


@pytest.mark.parametrize("delay", ["wait", "balance"])
def test_delay_batching_holds_prompts_back_and_they_are_released(delay: str) -> None:
    run = executed(Sizes(60, 60, delay=delay))
    counts, events = run.service.counts, run.lockstep.events
    assert run.failure is None
    assert counts.prompts_forwarded < counts.prompts_scheduled
    assert events["a first chunk is dropped"] > 0
    assert run.tally.steps["strike"] > 0


def test_without_a_delay_few_are_held_back() -> None:
    held = {
        delay: run.service.counts.prompts_scheduled - run.service.counts.prompts_forwarded
        for delay, run in ((each, executed(Sizes(60, 60, delay=each))) for each in ("none", "wait"))
    }
    assert held["none"] < held["wait"]


def test_all_life_cycles_agree() -> None:
    run = executed(Sizes(60, 60, window=2, states=12))
    assert run.failure is None
    assert run.tally.scratch > 0
    assert run.lockstep.events["a snapshot is taken"] > 0


def test_with_a_draft_model_each_request_has_two_caches() -> None:
    run = executed(Sizes(110, 110, window=2, drafts=2))
    assert run.failure is None
    assert run.service.counts.completed == 24
    assert run.tally.steps["open"] == 2 * run.tally.steps["seat"]


def test_without_overlap_or_host_memory_it_agrees_too() -> None:
    run = executed(Sizes(30, 0, overlap=False))
    assert run.failure is None
    assert run.service.counts.completed == 24
    assert run.tally.steps["migrate"] == 0


def test_prompts_that_block_each_other_are_resolved() -> None:
    requests = [request(0, tuple(range(100 * at, 100 * at + 24)), output=10) for at in range(3)]
    run = executed(Sizes(26, 1, delay="none"), requests)
    assert run.failure is None
    assert run.service.counts.completed == 3


def test_the_beginning_of_the_recorded_trace_runs_without_a_divergence() -> None:
    path = SHARED_TRACES / "mooncake_conversation_s6.jsonl.gz"
    if not path.exists():
        pytest.skip("the recorded traces are not beside this checkout, in ../shared/traces")
    run = executed(Sizes(300, 500), read_requests(path, 25))
    assert run.failure is None
    assert run.service.counts.completed == 25


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (Sizes(1, 5), "primary: 1 pages are impossible"),
        (Sizes(9, -1), "secondary: -1 pages are impossible"),
        (Sizes(5, 5), "primary: the largest request needs"),
        (Sizes(60, 60, states=4, drafts=1), "drafts: what is rejected"),
    ],
)
def test_impossible_sizes_are_refused(sizes: Sizes, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        prepare(small_requests(), SUBJECT, sizes)


# Planted bugs, one for each oracle that can see one.


class LeavesGrowth(Release):
    def release_generation(self, request: ExecutorRequest) -> None:
        self._steps.step_strike(request.number)


GrowthLeft = plant(Executor, parts={Release: LeavesGrowth})


class GivesUpAtOnce(Scheduling):
    """Makes no room for generation: allowed by every step's rules, but another result."""

    def victim_for(self, request: ExecutorRequest) -> ExecutorRequest | None:
        del request
        return None


class PausesOthers(Scheduling):
    """Suspends the first that came after and not the last: another state, with the same results."""

    def victim_for(self, request: ExecutorRequest) -> ExecutorRequest | None:
        later = False
        for other in self._steps.requests.values():
            if later and self.can_be_paused(other):
                return other
            later = later or other is request
        return None


class ForgetsToUpdate(Executor):
    def update(self, number: int, accepted: int) -> None:
        raise KeyError(number)


@pytest.mark.parametrize(
    ("executor_type", "oracle"),
    [(GrowthLeft, "step"), (ForgetsToUpdate, "crash")],
)
def test_a_planted_bug_is_seen(executor_type: type[Executor], oracle: str) -> None:
    run = executed(make_executor=executor_type)
    assert run.failure is not None
    assert run.failure.oracle == oracle
    assert not run.found_by_check


@pytest.mark.parametrize("scheduling_type", [GivesUpAtOnce, PausesOthers])
def test_another_victim_is_seen_when_pages_are_short(scheduling_type: type[Scheduling]) -> None:
    executor_type = plant(Executor, parts={Scheduling: scheduling_type})
    requests = [request(0, tuple(range(100 * at, 100 * at + 3)), output=9_000) for at in range(8)]
    sizes = Sizes(28, 40, delay="none", overlap=False)
    assert executed(sizes, requests).failure is None
    found = executed(sizes, requests, make_executor=executor_type).failure
    assert found is not None
    assert found.oracle in ("result", "step")


class WritesNothing(PassEngine):
    def write_tokens(self, cache: int, start: int, end: int) -> None:
        if start:
            super().write_tokens(cache, start, end)


def test_bytes_that_kernels_read_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplayTarget, "passes_type", WritesNothing)
    found = executed(check_every=10_000).failure
    assert found is not None
    assert found.oracle == "content"


def test_what_only_whole_states_show_is_found_by_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_positions(self: ReplayTarget) -> Any:
        shown = ExecutorTarget.observe(self)
        return {**shown, "waited": -1}

    monkeypatch.setattr(ReplayTarget, "observe", without_positions)
    run = executed(check_every=40)
    assert run.failure is not None
    assert (run.failure.oracle, run.found_by_check) == ("observation", True)
    assert len(run.operations) == 40


def test_steps_that_lead_elsewhere_are_seen_by_the_sums() -> None:
    lockstep = managed(SUBJECT).lockstep(prepare(small_requests(), SUBJECT, SMALL).lockstep.parameters)
    submit = Operation("submit", {"request": 0, "text": (), "tokens": 3, "priority": 0})
    lockstep.reference.apply("submit", {**submit.arguments, "request": 1})
    found = lockstep.apply(submit)
    assert found is not None
    assert found.fingerprint.startswith("step:state.stage")


# A divergence.


def test_a_divergence_is_made_short_and_replays_on_the_ordinary_target(tmp_path: Path) -> None:
    run = executed(make_executor=GrowthLeft)
    whole = run.trace("x:y")
    short = run.manager.shorten(whole, by_check=False)
    assert len(short.operations) <= 12 < len(whole.operations)
    assert replay(SUBJECT, short, lambda: ExecutorTarget(GrowthLeft)).verdict is Comparison.SAME
    assert replay(SUBJECT, short, ExecutorTarget).verdict is Comparison.GONE


# The command.


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["workload", *map(str, arguments)])

    return invoke


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "made.jsonl"
    write_requests(path, small_requests())
    return path


def test_the_command_replays_a_trace(command: Any, trace: Path) -> None:
    result = command(trace, "--manager", "sequence-caches", "--primary", 60, "--secondary", 60, "--limit", 8)
    assert result.exit_code == 0, result.output
    assert "8 requests, 60 device pages, 60 host pages" in result.output
    assert "no divergence" in result.output
    for told in ("moved down", "steps validated", "operations/s"):
        assert told in result.output


def test_the_command_writes_a_divergence_as_traces(
    command: Any, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload_command, "executor", lambda: GrowthLeft)
    sizes = ("--manager", "sequence-caches", "--primary", 60, "--secondary", 60)
    result = command(trace, *sizes, "--out", tmp_path / "found")
    assert result.exit_code == 1
    assert "dropped-means" in result.output
    kinds = {path.name.rsplit("-", 2)[1]: read_trace(path) for path in (tmp_path / "found").iterdir()}
    assert sorted(kinds) == ["short", "whole"]
    assert len(kinds["short"].operations) < len(kinds["whole"].operations)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--window", "4"], "--manager sequence-caches"),
        (["--delay", "wait"], "--manager sequence-caches"),
        (["--manager", "sequence-caches", "--delay", "never"], "'never' is not one of"),
    ],
)
def test_options_of_the_other_manager_are_refused(command: Any, trace: Path, arguments: list[str], told: str) -> None:
    result = command(trace, "--primary", 60, "--secondary", 60, *arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_a_generated_trace_is_replayed() -> None:
    run = executed(Sizes(250, 300), generated(6))
    assert run.failure is None
