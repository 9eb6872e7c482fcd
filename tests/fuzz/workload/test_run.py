"""Replays end to end: without a divergence, with a planted bug, with full pools, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from workload_cases import SHARED_TRACES, SUBJECT, executed, generated, request

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.command_line import main
from kvproof.fuzz.commands import workload as workload_command
from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.trace import fit, read_trace
from kvproof.fuzz.workload.block_manager.prepare import RETENTION, managed, prepare
from kvproof.fuzz.workload.block_manager.target import ReplayTarget
from kvproof.fuzz.workload.generate import write_requests
from kvproof.fuzz.workload.replay import Replay
from kvproof.impl.block_manager import BlockManager, Counters
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.event_log import EventLog
from kvproof.impl.block_manager.free_queues import FreeQueues
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.plan import Plan
from kvproof.impl.block_manager.transfers import Transfers

# Planted bugs, one for each oracle that can see one.


class ClaimsAfterTheSwap(Allocation):
    """The bug of #12834."""

    def exchange_with_host(self, victim: int, host: int) -> None:
        self._blocks.step_copy(victim, host, self._config.tokens_per_block)
        self._blocks.step_swap(victim, host)
        self._blocks.step_claim(victim)
        self._blocks.step_claim(host)
        self._blocks.step_release(victim, False)


class ReusesOneBlockLess(AdmissionControl):
    """Computes the last matched block again: allowed by every step's rules, but another result."""

    def match_batch(self, plans: list[Plan]) -> None:
        super().match_batch(plans)
        for plan in plans:
            del plan.chain[-1:]
            plan.reused = len(plan.chain) * self._config.tokens_per_block


class EstimatesOneBlockMore(PromptMatching):
    """Tells the scheduler what it will not keep."""

    def estimate(self, prompt: tuple[int, ...]) -> int:
        return super().estimate(prompt) + 1


class LowersThePriority(BatchPhases):
    """Reused blocks are kept at less than they were."""

    def claim_matches(self, plans: list[Plan]) -> None:
        super().claim_matches(plans)
        for plan in plans:
            for block in plan.chain:
                self._blocks.step_prioritise(block, self._blocks.config.default_priority - 1, 0)


class CopiesNothing(Blocks):
    """Reports copies, and leaves them out."""

    def step_copy(self, source: int, target: int, tokens: int) -> None:
        del source, target, tokens


class NoWaitForCopies(Transfers):
    def wait_for_copies(self) -> None:
        """The kernels start at once (#15349)."""


class AlwaysInFront(FreeQueues):
    """The step log says back, the queue says front."""

    def push(self, block: int, level: int, rank: int, to_front: bool) -> None:
        super().push(block, level, rank, True)


class Raises(Allocation):
    def onboard(self, block: int) -> None:
        raise LookupError(f"no way to bring block {block} back")


class SilentOnMoves(EventLog):
    def moved(self, block: int) -> None:
        """A listener goes on believing that the block is where it was."""


class StoresTwice(EventLog):
    def stored(self, block: int, parent: int, key: tuple[int, ...]) -> None:
        super().stored(block, parent, key)
        super().stored(block, parent, key)


class CountsRefused(AdmissionControl):
    """Statistics of a batch that is refused stay (M-37)."""

    def check_admission(self, plans: list[Plan]) -> None:
        self._blocks.counters.tokens_reused += len(plans)
        super().check_admission(plans)


CLAIMS_AFTER_THE_SWAP = plant(BlockManager, parts={Allocation: ClaimsAfterTheSwap})
QUEUES_IN_FRONT = plant(BlockManager, parts={FreeQueues: AlwaysInFront})

BUGS: list[tuple[type, type, str]] = [
    (Allocation, ClaimsAfterTheSwap, "step:claim-before-swap:"),
    (AdmissionControl, ReusesOneBlockLess, "result:value.reused:add_batch"),
    (PromptMatching, EstimatesOneBlockMore, "result:value:estimate"),
    (BatchPhases, LowersThePriority, "step:touched:"),
    (Blocks, CopiesNothing, "content:bytes:"),
    (Transfers, NoWaitForCopies, "race:"),
    (FreeQueues, AlwaysInFront, "step:touched:"),
    (Allocation, Raises, "crash:LookupError:add_batch"),
    (EventLog, SilentOnMoves, "observation:events:add_batch"),
    (EventLog, StoresTwice, "observation:events:"),
    (AdmissionControl, CountsRefused, "observation:statistics.reused:"),
]


@pytest.fixture(scope="module")
def clean() -> Replay:
    return executed(generated(70), 120, 150, check_every=40)


def test_a_generated_trace_runs_without_a_divergence(clean: Replay) -> None:
    assert clean.failure is None
    assert clean.service.counts.completed == 70
    assert not clean.interrupted


def test_every_oracle_has_looked(clean: Replay) -> None:
    looked = clean.lockstep.looked
    changes = sum(operation.name not in SUBJECT.queries for operation in clean.operations)

    assert looked["results"] == looked["promises"] == looked["races"] == len(clean.operations) > changes
    assert looked["observations"] == looked["invariants"] == changes // 40 + 1
    assert all(looked[name] > 0 for name in clean.manager.oracles)


def test_all_that_two_levels_do_has_happened(clean: Replay) -> None:
    counters, lookups = counters_of(clean), clean.tally

    assert min(counters.blocks_offloaded, counters.blocks_onboarded, counters.blocks_evicted) > 0
    assert min(lookups.on_device, lookups.on_host) > 0
    assert lookups.on_host == counters.blocks_onboarded


def test_the_counters_shown_are_those_of_the_specification(clean: Replay) -> None:
    """The implementation counts for itself; the specification's events are the witness."""
    counters, events = counters_of(clean), clean.lockstep.events

    assert counters.blocks_offloaded == events["a victim is offloaded"]
    assert counters.blocks_onboarded == events["a block is onboarded"]


def test_a_run_is_the_same_each_time(clean: Replay) -> None:
    again = executed(generated(70), 120, 150, check_every=40)

    assert again.operations == clean.operations
    assert counters_of(again) == counters_of(clean)


def test_full_pools_make_requests_wait_and_all_complete() -> None:
    requests = [request(at * 100, (0, *range(at * 20 + 1, at * 20 + 20)), output=900) for at in range(12)]
    run = executed(requests, 40, 20, check_every=10)
    counts = run.service.counts

    assert run.failure is None
    assert counts.waited > 0
    assert counts.preemptions > 0
    assert counts.completed == 12
    assert set(run.refusals) == {"append: no-free-blocks"}


def test_without_a_host_level_nothing_is_offloaded() -> None:
    run = executed(generated(30), 120, 0, check_every=50)

    assert run.failure is None
    assert counters_of(run).blocks_offloaded == 0
    assert run.tally.on_device > 0


def test_requests_larger_than_the_pool_are_counted() -> None:
    run = executed([request(0, tuple(range(9))), request(5, (0, 10))], 4, 2)

    assert run.failure is None
    assert (run.service.counts.rejected, run.service.counts.completed) == (1, 1)
    assert run.refusals == {"add_batch: prompt-exceeds-pool": 1}


@pytest.mark.parametrize(
    ("primary", "secondary", "told"),
    [(0, 4, "primary: 0 blocks"), (4, -1, "secondary: -1 blocks"), (3, 4, "the smallest prompt needs 4")],
)
def test_impossible_sizes_are_errors(primary: int, secondary: int, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        prepare([request(0, (0, 1, 2, 3))], SUBJECT, primary, secondary)


@pytest.mark.parametrize(("part", "wrong", "fingerprint"), BUGS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_bug_is_found_and_made_short(part: type, wrong: type, fingerprint: str) -> None:
    bug = plant(BlockManager, parts={part: wrong})
    run = executed(generated(70), 120, 150, check_every=40, make_manager=bug)

    assert run.failure is not None
    assert run.failure.fingerprint.startswith(fingerprint)
    short = run.manager.shorten(run.trace(None), run.found_by_check, budget=3_000)
    assert short.failure is not None
    assert len(short.operations) <= 8
    assert fit(short, SUBJECT, "short").operations == short.operations


def test_what_no_operation_shows_yet_is_found_by_comparing_whole_states() -> None:
    run = executed(generated(70), 120, 150, check_every=1, make_manager=QUEUES_IN_FRONT)

    assert run.failure is not None
    assert run.found_by_check
    assert run.failure.fingerprint == "observation:free.PRIMARY:finish"
    short = run.manager.shorten(run.trace(None), run.found_by_check, budget=3_000)
    assert len(short.operations) <= 8


def test_the_retention_priority_is_the_default_of_the_parameters() -> None:
    assert prepare([request(0, (0,))], SUBJECT, 1, 0).lockstep.parameters["default_priority"] == RETENTION


def counters_of(run: Replay) -> Counters:
    """The implementation's own totals."""
    target = run.lockstep.target
    assert isinstance(target, ReplayTarget)
    return target.counters


# The command


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "requests.jsonl.gz"
    write_requests(path, generated(40))
    return path


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def invoke(*arguments: object) -> Result:
        return runner.invoke(main, ["workload", *map(str, arguments)], catch_exceptions=False)

    return invoke


def test_the_command_shows_hit_rates_and_no_divergence(command: Any, trace: Path) -> None:
    result = command(trace, "--primary", 150, "--secondary", 200, "--check-every", 100)

    assert result.exit_code == 0, result.output
    for told in ("no divergence", "on the device", "onboardings", "steps validated", "operations/s", "40"):
        assert told in result.output


def test_the_command_replays_only_so_many_requests(command: Any, trace: Path) -> None:
    result = command(trace, "--primary", 150, "--secondary", 200, "--limit", 7)

    assert "7 requests, 150 device blocks" in result.output


def test_a_divergence_exits_1_and_leaves_traces_that_can_be_read(
    command: Any, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workload_command, "block_manager", lambda: CLAIMS_AFTER_THE_SWAP)

    result = command(trace, "--primary", 120, "--secondary", 150, "--out", tmp_path / "found")

    assert result.exit_code == 1
    assert "divergence" in result.output
    assert "claim-before-swap" in result.output
    traces = {path.name.rsplit("-", 2)[1]: read_trace(path) for path in (tmp_path / "found").iterdir()}
    assert sorted(traces) == ["short", "whole"]
    assert len(traces["short"].operations) < len(traces["whole"].operations)
    assert {found.origin for found in traces.values()} == {"workload"}


def test_the_trace_of_a_divergence_replays_in_the_same_way(tmp_path: Path) -> None:
    """Written, read, and run on the ordinary target with the ordinary lockstep."""
    from kvproof.fuzz.replay import Comparison, replay
    from kvproof.fuzz.trace import write_trace

    run = executed(generated(40), 120, 150, make_manager=CLAIMS_AFTER_THE_SWAP)
    short = run.manager.shorten(run.trace("x:y"), by_check=False)
    write_trace(tmp_path / "short.json", short)
    again = fit(read_trace(tmp_path / "short.json"), SUBJECT, "short.json")

    assert replay(SUBJECT, again, run.manager.make_target).verdict is Comparison.SAME
    assert replay(SUBJECT, again, managed(SUBJECT).make_target).verdict is Comparison.GONE


def test_ctrl_c_shows_what_there_is_so_far(command: Any, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(BlockManager):
        def finish(self, sequence: int) -> int:
            raise KeyboardInterrupt

    monkeypatch.setattr(workload_command, "block_manager", lambda: Interrupted)

    result = command(trace, "--primary", 150, "--secondary", 200)

    assert result.exit_code == 130
    assert "interrupted" in result.output
    assert "steps validated" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.jsonl", "--primary", "9", "--secondary", "9"], "nothing.jsonl: cannot be read"),
        (["bad.jsonl", "--primary", "9", "--secondary", "9"], "bad.jsonl, line 1: input_length"),
        (["TRACE", "--primary", "0", "--secondary", "9"], "primary: 0 blocks are impossible"),
        (["TRACE", "--primary", "9", "--secondary", "-2"], "secondary: -2 blocks are impossible"),
        (["TRACE", "--primary", "1", "--secondary", "0"], "too few for every request"),
        (["TRACE"], "--primary N --secondary N"),
        ([], "give the TRACE"),
        (["TRACE", "--generate", "new.jsonl"], "give one of the two"),
    ],
)
def test_bad_input_exits_2_and_writes_nothing(
    command: Any, trace: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "bad.jsonl").write_text(json.dumps({"timestamp": 0}) + "\n")
    before = sorted(tmp_path.iterdir())

    result = command(*[str(trace) if text == "TRACE" else text for text in arguments])

    assert result.exit_code == 2
    assert told in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_a_generated_trace_is_replayed(command: Any, tmp_path: Path) -> None:
    made = command("--generate", tmp_path / "made.jsonl", "--requests", 20, "--seed", 3)

    assert made.exit_code == 0
    assert "hit rate of an infinite cache" in made.output
    assert command(tmp_path / "made.jsonl", "--primary", 250, "--secondary", 100).exit_code == 0


def test_the_beginning_of_the_recorded_trace_runs_without_a_divergence() -> None:
    path = SHARED_TRACES / "mooncake_conversation_s6.jsonl.gz"
    if not path.exists():
        pytest.skip("the recorded traces are not beside this checkout, in ../shared/traces")
    from kvproof.fuzz.workload.request_trace import read_requests

    run = executed(read_requests(path, 100), 250, 500, check_every=100)

    assert run.failure is None
    assert counters_of(run).blocks_onboarded > 0
