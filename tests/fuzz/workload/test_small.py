"""The scheduler's loop on pools of a few blocks, many times, with every feature on; and what a broken promise does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from workload_cases import SUBJECT

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Outcome
from kvproof.fuzz.trace import fit, read_trace, write_trace
from kvproof.fuzz.workload.block_manager import prepare as run_module
from kvproof.fuzz.workload.block_manager.prepare import prepare_jobs
from kvproof.fuzz.workload.block_manager.scheduler import Scheduler
from kvproof.fuzz.workload.block_manager.small import SmallCase, small_case
from kvproof.fuzz.workload.replay import Replay
from kvproof.impl.block_manager import BlockManager

RUNS = 60

HAPPENS = {
    "a victim is offloaded",
    "a block is onboarded",
    "a duplicate stays private",
    "a partly filled block is cached",
    "a block is reused in part by copy",
    "a block is reused in part in place",
    "a source of copies is released",
    "a priority expires",
    "a batch is added with stale estimates",
    "a chunk is trimmed",
    "a batch is refused for want of blocks",
}


def prepared(case: SmallCase, subject: Subject = SUBJECT, make_manager: Any = BlockManager) -> Replay:
    return prepare_jobs(case.jobs, subject, case.parameters, case.pace, 25, make_manager)


def executed(case: SmallCase, subject: Subject = SUBJECT, make_manager: Any = BlockManager) -> Replay:
    run = prepared(case, subject, make_manager)
    run.execute()
    return run


def first_failure(subject: Subject, make_manager: Any) -> Replay:
    """The first of the runs that fails."""
    for seed in range(RUNS):
        run = executed(small_case(SUBJECT, seed), subject, make_manager)
        if run.failure is not None:
            return run
    raise AssertionError("nothing fails")


@pytest.fixture(scope="module")
def runs() -> list[Replay]:
    return [executed(small_case(SUBJECT, seed)) for seed in range(RUNS)]


def test_no_run_diverges(runs: list[Replay]) -> None:
    assert [run.failure for run in runs if run.failure is not None] == []


def test_every_request_ends(runs: list[Replay]) -> None:
    for run in runs:
        counts = run.service.counts
        assert counts.completed + counts.rejected + counts.starved == counts.arrived == run.requests
        assert not run.lockstep.target.free_counts()[0] < run.lockstep.parameters["primary_blocks"]


def test_all_that_the_features_do_has_happened(runs: list[Replay]) -> None:
    happened: Counter[str] = Counter()
    for run in runs:
        happened.update(run.lockstep.events)

    assert set(happened) >= HAPPENS


def test_the_scheduler_does_all_it_can(runs: list[Replay]) -> None:
    names = Counter(operation.name for run in runs for operation in run.operations)

    assert set(names) == {
        "estimate", "blocks_needed", "add_batch", "prefill", "store", "append", "rewind", "finish", "refresh",
    }  # fmt: skip
    assert max(run.service.counts.largest_batch for run in runs) > 2
    assert sum(run.service.counts.preemptions for run in runs) > 0


def test_estimates_are_fresh_unless_they_are_to_be_stale(runs: list[Replay]) -> None:
    promises = [run.tally.promise for run in runs if run.service.counts.stale == 0]
    held = [promise.fresh for promise in promises]
    looked_at = [promise.batches for promise in promises]

    assert sum(held) > 100
    # a prompt that exceeds the pool is refused without an estimate
    assert all(batches >= fresh for fresh, batches in zip(held, looked_at, strict=True))
    assert sum(looked_at) - sum(held) <= sum(run.service.counts.rejected for run in runs)
    assert sum(promise.trimmed for promise in promises) == 0


class ExpectsTooMuch(Scheduler):
    """Counts on one block more than it was told of."""

    def _ask(self, *arguments: Any) -> Generator[Operation, Outcome, tuple[int, int]]:
        estimate, needed = yield from super()._ask(*arguments)
        return estimate + self._block_tokens, needed


def test_a_scheduler_that_expects_too_much_is_not_taken_for_one_with_fresh_estimates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "Scheduler", ExpectsTooMuch)
    case = next(case for case in map(lambda seed: small_case(SUBJECT, seed), range(RUNS)) if fresh_with_budget(case))
    run = executed(case)

    assert run.failure is None
    assert run.tally.promise.fresh < run.tally.promise.batches


def fresh_with_budget(case: SmallCase) -> bool:
    return case.pace.stale_share == 0 and case.pace.budget > 0


def test_a_case_is_the_same_for_its_seed() -> None:
    assert small_case(SUBJECT, 3) == small_case(SUBJECT, 3) != small_case(SUBJECT, 4)


def test_operations_are_legal(runs: list[Replay]) -> None:
    for run in runs:
        shapes = SUBJECT.make_shapes(run.lockstep.parameters)
        for operation in run.operations:
            for name, value in operation.arguments.items():
                assert shapes[operation.name][name].contains(value), operation


# A promise that both sides break alike: nothing else can see it.


class EstimatesOneBlockMore(BlockManager):
    def estimate(self, tokens: Any, extra_ids: Any = None) -> int:
        return super().estimate(tokens, extra_ids) + self.config.tokens_per_block


class CountsOneBlockLess(BlockManager):
    def blocks_needed(self, tokens: Any, extra_ids: Any = None) -> int:
        return super().blocks_needed(tokens, extra_ids) - 1


def told_more(name: str, block_tokens: bool, more: int) -> Subject:
    """The machine whose question `name` is answered by as much more: a block of tokens, or one."""

    def make(parameters: Parameters) -> Any:
        side: Any = SUBJECT.make_reference(parameters)
        truth = getattr(side, name)
        size = parameters["tokens_per_block"] if block_tokens else 1
        setattr(side, name, lambda tokens: truth(tokens) + more * size)
        return side

    return evolve(SUBJECT, make_reference=make)


BROKEN = [
    (told_more("estimate", True, 1), EstimatesOneBlockMore, "promise:reuse-as-estimated:add_batch"),
    (told_more("blocks_needed", False, -1), CountsOneBlockLess, "promise:enough-blocks-are-enough:add_batch"),
]


@pytest.mark.parametrize(("subject", "manager", "fingerprint"), BROKEN, ids=["estimate", "blocks_needed"])
def test_a_promise_broken_by_both_sides_is_found_written_and_made_short(
    subject: Subject, manager: Any, fingerprint: str, tmp_path: Path
) -> None:
    run = first_failure(subject, manager)
    short = run.manager.shorten(run.trace(None), by_check=False)
    write_trace(tmp_path / "short.json", short)
    again = fit(read_trace(tmp_path / "short.json"), SUBJECT, "short.json")

    assert isinstance(short.failure, Failure)
    assert short.failure.fingerprint == fingerprint
    assert again.operations == short.operations
    assert len(short.operations) <= 8


@pytest.mark.parametrize("manager", [EstimatesOneBlockMore, CountsOneBlockLess])
def test_a_promise_broken_by_the_implementation_alone_is_another_answer(manager: Any) -> None:
    failure = first_failure(SUBJECT, manager).failure

    assert failure is not None
    assert failure.oracle == "result"
