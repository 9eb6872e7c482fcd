"""The adapter of the project's own sequence caches: what it tells, and that a wrong manager does not get past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.sequence_caches.x15_row_keeps_unlocked_slots import RowsKeepSlots
from kvproof.fuzz.campaign import Engine, Plan, run_campaign
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Refused, Returned, UnsupportedParameters
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget, layered, simulated
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import Forward, Kind, SequenceCaches, Use
from kvproof.impl.sequence_caches import Refused as RefusedByManager
from kvproof.impl.sequence_caches.forward import ForwardPlaces
from kvproof.impl.sequence_caches.page_copies import PageCopies

MACHINE = subject_named("sequence-caches")

PARAMETERS = {
    **MACHINE.presets[0],
    "primary_slots": 6,
    "secondary_slots": 3,
    "tertiary_slots": 0,
    "window_tokens": 3,
    "sink_blocks": 0,
    "window_primary": 4,
    "window_secondary": 2,
    "scratch_share": 2,
    "rewind": 0,
    "state_primary": 3,
    "state_secondary": 2,
    "caches": 3,
    "chunks": 3,
    "tokens_per_block": 2,
    "blocks_max": 4,
    "priorities": 2,
    "gate_percent": 100,
}
"""All life cycles, each with a pool group of its own."""

PLAIN = {
    **PARAMETERS,
    "window_tokens": 0,
    "window_primary": 0,
    "window_secondary": 0,
    "scratch_share": 0,
    "state_primary": 0,
    "state_secondary": 0,
}
"""Full attention alone."""


def on(cache: int, name: str, **others: Any) -> Operation:
    return Operation(name, {"cache": cache, **others})


def create(cache: int, *text: int, priority: int = 0) -> Operation:
    return on(cache, "create", text=text, priority=priority)


def resize(cache: int, capacity: int, history: int) -> Operation:
    return on(cache, "resize", capacity=capacity, history=history)


@contextmanager
def lockstep(target: SequenceCachesTarget, parameters: Mapping[str, int] = PARAMETERS) -> Iterator[Lockstep]:
    with Lockstep(MACHINE, target, parameters) as running:
        assert running.initial() is None
        yield running


def failure_of(
    caches_type: type[SequenceCaches], *operations: Operation, parameters: Mapping[str, int] = PARAMETERS
) -> Failure:
    with lockstep(simulated(), parameters) as running:
        assert run(running, operations) is None
    with lockstep(SequenceCachesTarget(caches_type), parameters) as running:
        found = run(running, operations)
    assert found is not None
    return found


PREFILL = (create(0, 1, 2, 0), on(0, "resume"), resize(0, 4, 0), resize(0, 4, 4))
COMMITTED = (*PREFILL, on(0, "commit"), on(0, "commit"))

EVERYTHING = (
    *COMMITTED,
    resize(0, 8, 4),  # block 2 is scratch
    resize(0, 8, 8),
    on(0, "commit"),
    on(0, "stop_committing"),
    create(1, 1, 2, 1, priority=1),
    on(1, "resume"),
    on(0, "suspend"),
    resize(1, 6, 6),
    on(1, "commit"),
    on(1, "suspend"),
    on(0, "prefetch"),
    on(0, "close"),
    on(1, "close"),
)


@pytest.mark.parametrize("make_target", [simulated, layered])
def test_every_operation_agrees_with_the_specification(make_target: Any) -> None:
    assert {operation.name for operation in EVERYTHING} == set(MACHINE.operations)
    with lockstep(make_target()) as running:
        for operation in EVERYTHING:
            failure = running.apply(operation)
            assert failure is None, failure
            assert isinstance(running.outcome, Returned), operation


def test_a_step_that_the_log_does_not_tell_is_a_difference() -> None:
    class Silent(SequenceCachesTarget):
        def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
            if name != "enqueue":
                super()._report(name, arguments)

    with lockstep(Silent(), PLAIN) as running:
        found = run(running, (*PREFILL, on(0, "suspend")))
    assert found is not None
    assert found.fingerprint == "step:state.victims.PRIMARY/0:suspend"


def test_a_wrong_count_of_pages_is_a_difference() -> None:
    class Miscounting(SequenceCaches):
        def resume(self, cache: int, stream: Stream | None = None) -> int:
            return super().resume(cache, stream) + 1

    assert failure_of(Miscounting, *PREFILL[:2]).fingerprint == "result:value:resume"


def test_a_refusal_by_another_name_is_a_difference() -> None:
    class Misnaming(SequenceCaches):
        def prefetch(self, cache: int) -> int:
            raise RefusedByManager("closed", f"cache {cache}: of another name")

    found = failure_of(Misnaming, on(0, "prefetch"))
    assert found.fingerprint == "result:refused not-suspended/refused closed:prefetch"


@pytest.mark.parametrize("method", ["copy", "copy_in_passing"])
def test_a_recurrent_state_that_is_not_copied_is_seen_by_its_bytes(method: str) -> None:
    class Uncopied(PageCopies):
        pass

    setattr(Uncopied, method, lambda *_: None)

    planted = plant(SequenceCaches, parts={PageCopies: Uncopied})

    found = failure_of(planted, *COMMITTED, create(1, 1, 2, 1), on(1, "resume"))
    assert found.oracle == "content"
    assert "STATE page" in found.message


def test_a_window_page_is_not_taken_for_that_of_full_attention() -> None:
    class Mixed(SequenceCaches):
        def forward(self, cache: int, start: int, end: int) -> Forward:
            passed = super().forward(cache, start, end)
            slots = {use.kind: use.slot for use in passed.writes}
            swapped = {Kind.FULL: slots.get(Kind.WINDOW), Kind.WINDOW: slots.get(Kind.FULL)}
            return evolve(passed, writes=tuple(evolve(use, slot=swapped[use.kind]) for use in passed.writes))

    class WithoutRows(SequenceCachesTarget):
        def reset(self, parameters: Mapping[str, int]) -> None:
            super().reset(parameters)
            self._engine._slot = lambda cache, use: use.slot  # type: ignore[method-assign]

    shared = {**PARAMETERS, "window_primary": 0, "window_secondary": 0, "state_primary": 0, "state_secondary": 0}
    with lockstep(WithoutRows(Mixed), shared) as running:
        found = run(running, (create(0, 1), on(0, "resume"), resize(0, 2, 0), resize(0, 2, 1)))
    assert found is not None
    assert found.fingerprint == "content:bytes:resize"


def test_a_pass_that_is_told_another_slot_than_the_index_row_has_is_an_error() -> None:
    class Misleading(SequenceCaches):
        def forward(self, cache: int, start: int, end: int) -> Forward:
            passed = super().forward(cache, start, end)
            return evolve(passed, writes=tuple(evolve(use, slot=use.slot + 1) for use in passed.writes))

    assert failure_of(Misleading, *PREFILL).fingerprint == "crash:EngineError:resize"


SCRATCH = {**PARAMETERS, "window_tokens": 1, "scratch_share": 1, "primary_slots": 8, "window_primary": 8}
"""A prefill of two blocks goes through two scratch slots."""


class ReadsNothing(SequenceCaches):
    def forward(self, cache: int, start: int, end: int) -> Forward:
        return evolve(super().forward(cache, start, end), reads=())


class ReadsTooFewTokens(SequenceCaches):
    def forward(self, cache: int, start: int, end: int) -> Forward:
        passed = super().forward(cache, start, end)
        return evolve(passed, reads=tuple(evolve(use, end=min(use.end, start - 1)) for use in passed.reads))


class ForgetsThePageBefore(ForwardPlaces):
    """Windows are one token shorter for those who read them."""

    def _windows_seen(self, cache: Any, start: int) -> list[Use]:
        seen: list[Use] = super()._windows_seen(cache, start)
        last_unseen = start + 1 - self._config.window_tokens
        return [use for use in seen if (use.ordinal + 1) * self._config.tokens_per_block - 1 > last_unseen]


class OneScratchSlot(SequenceCaches):
    def forward(self, cache: int, start: int, end: int) -> Forward:
        passed = super().forward(cache, start, end)
        first = next((use.slot for use in passed.writes if use.scratch), 0)
        return evolve(passed, writes=tuple(evolve(use, slot=first) if use.scratch else use for use in passed.writes))


class ScratchUnwritten(SequenceCaches):
    def forward(self, cache: int, start: int, end: int) -> Forward:
        passed = super().forward(cache, start, end)
        return evolve(passed, writes=tuple(use for use in passed.writes if not use.scratch))


WRONG_PASSES = [
    pytest.param(ReadsNothing, SCRATCH, "was not told where to read", id="reads-nothing"),
    pytest.param(ReadsTooFewTokens, PLAIN, "was not told where to read", id="reads-too-few-tokens"),
    pytest.param(
        plant(SequenceCaches, parts={ForwardPlaces: ForgetsThePageBefore}),
        PARAMETERS,
        "the WINDOW page",
        id="window-one-token-short",
    ),
    pytest.param(OneScratchSlot, SCRATCH, "may share one", id="one-scratch-slot"),
    pytest.param(ScratchUnwritten, SCRATCH, "was not told where to write", id="scratch-unwritten"),
]


@pytest.mark.parametrize(("caches_type", "parameters", "message"), WRONG_PASSES)
def test_a_short_walk_finds_a_pass_that_is_told_wrong_places(
    caches_type: type[SequenceCaches], parameters: Mapping[str, int], message: str
) -> None:
    plan = Plan(seconds=20.0, operations=400, seed=1, engine=Engine.WALK, parameters=parameters, minimising_runs=0)
    found = run_campaign(MACHINE, lambda: SequenceCachesTarget(caches_type), plan).finding
    assert found is not None
    assert found.failure.fingerprint == "crash:EngineError:resize"
    assert message in found.failure.message


def test_no_pass_of_a_short_walk_is_told_wrong_places_by_the_manager_itself() -> None:
    plan = Plan(seconds=20.0, operations=150, seed=1, engine=Engine.WALK, parameters=SCRATCH)
    campaign = run_campaign(MACHINE, simulated, plan)
    assert campaign.finding is None
    assert campaign.progress.acceptances["resize"] > 5


def test_what_is_written_into_scratch_is_read_back() -> None:
    class SkipsScratch(SequenceCachesTarget):
        def reset(self, parameters: Mapping[str, int]) -> None:
            super().reset(parameters)
            write = self._engine._write
            self._engine._write = lambda cache, stream, use, end: (  # type: ignore[method-assign]
                None if use.scratch else write(cache, stream, use, end)
            )

    operations = (create(0, 1, 2), on(0, "resume"), resize(0, 4, 0), resize(0, 4, 4))
    for target, agrees in ((simulated(), True), (SkipsScratch(), False)):
        with lockstep(target, SCRATCH) as running:
            found = run(running, operations)
        assert (found is None) == agrees
    assert found is not None
    assert found.fingerprint == "content:bytes:resize"
    assert "the WINDOW scratch block 0 as a kernel of cache 0 read it" in found.message


def test_an_index_row_that_keeps_what_is_not_locked_is_an_error() -> None:
    found = failure_of(RowsKeepSlots, *PREFILL, on(0, "suspend"))
    assert found.fingerprint == "crash:EngineError:suspend"
    assert "index row 0 of cache 0" in found.message


def test_a_refusal_is_told_by_its_name() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    assert target.apply(on(0, "resume")) == Refused("not-suspended")
    assert target.steps() == []


def test_a_third_level_is_told_as_unsupported() -> None:
    with pytest.raises(UnsupportedParameters, match="tertiary_slots"):
        simulated().reset({**PARAMETERS, "tertiary_slots": 1})


def test_every_committed_page_and_every_computed_one_is_compared() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    for operation in COMMITTED:
        target.apply(operation)
    paths = {(content.path, content.start, content.layer // 8) for content in target.contents()}
    first, second = (2, 3), (2, 3, 4, 5)
    assert {(first, 0, 0), (second, 2, 0), (second, 3, 2)} <= paths


def test_a_token_that_is_not_computed_yet_is_not_compared() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    for operation in (create(0, 1, 2), on(0, "resume"), resize(0, 8, 1)):
        target.apply(operation)
    assert {content.path for content in target.contents()} == {(2,)}


def test_a_block_is_computed_to_its_end_before_its_page_leaves_the_window() -> None:
    sizes = {**PARAMETERS, "window_tokens": 1, "scratch_share": 0}
    operations = (create(0, 1), on(0, "resume"), resize(0, 1, 1), resize(0, 4, 4), on(0, "commit"))
    with lockstep(simulated(), sizes) as running:
        assert run(running, operations) is None
        told = running.target.contents()  # type: ignore[attr-defined]
    assert [content.path for content in told if "the WINDOW page committed for [1]" in content.where] == [(2, 3)] * 2


def test_what_a_kernel_reads_is_looked_at_once_it_has_arrived_and_then_forgotten() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    target.pace("eager", 0)
    for operation in (*PREFILL, resize(0, 8, 5)):
        target.pace("eager", 0)
        target.apply(operation)
    assert any("as a kernel of cache 0 read it" in content.where for content in target.contents())
    assert not any("as a kernel of cache 0 read it" in content.where for content in target.contents())


def test_the_caches_run_on_two_streams() -> None:
    target = simulated()
    target.reset(PLAIN)
    for operation in (create(0, 1), on(0, "resume"), resize(0, 2, 2), create(1, 2), on(1, "resume"), resize(1, 2, 2)):
        target.pace("lazy", 0)
        target.apply(operation)
    target.pace("eager", 0)
    target.apply(on(2, "resume"))
    picks = target.schedule()
    assert picks is not None
    assert set(picks) == {"0:compute", "0:execution"}


def test_picks_are_those_of_the_pool_groups() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    for operation in PREFILL:
        target.pace("eager", 0)
        target.apply(operation)
    picks = target.schedule()
    assert picks is not None
    assert {pick.partition(":")[0] for pick in picks} == {"0", "1", "2"}


def test_a_schedule_that_is_followed_is_told_again() -> None:
    told: list[list[str]] = []
    for given in (None, 0):
        target = simulated()
        target.reset(PARAMETERS)
        for index, operation in enumerate(EVERYTHING):
            if given is None:
                target.pace("drawn", index)
            else:
                target.follow(told[index])
            target.apply(operation)
            picks = target.schedule()
            assert picks is not None
            if given is None:
                told.append(picks)
            else:
                assert picks == told[index]
    assert any(told)
