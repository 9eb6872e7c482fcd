"""The adapter of the project's own manager: what it tells, and that a wrong manager does not get past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Returned, UnsupportedParameters
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated, simulated_device
from kvproof.impl.block_manager import BatchAdmission, BlockManager, Stored
from kvproof.impl.block_manager.blocks import Blocks

MACHINE = subject_named("block-manager")

PARAMETERS = {
    **MACHINE.presets[-1],
    "primary_blocks": 5,
    "secondary_blocks": 2,
    "tokens_per_block": 2,
    "sequences": 3,
    "max_tokens": 8,
    "vocabulary": 4,
    "priorities": 3,
    "default_priority": 1,
    "offload_threshold": 1,
    "pins_max": 1,
    "reuse": 1,
    "partial_reuse": 1,
    "copy_on_partial_reuse": 1,
    "batch_max": 2,
    "ranges_max": 1,
    "duration_max": 4,
    "budget_max": 8,
    "extra_ids": 2,
}


def request(sequence: int, *tokens: int, **others: Any) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "tokens": tokens,
        "ranges": (),
        "decode_priority": None,
        "decode_duration": 0,
        "chunk": 0,
        "estimated": 0,
        **others,
    }


def batch(*requests: dict[str, Any], budget: int = 8) -> Operation:
    return Operation("add_batch", {"requests": requests, "budget": budget})


def on(sequence: int, name: str, **others: Any) -> Operation:
    return Operation(name, {"sequence": sequence, **others})


def path(name: str, *tokens: int) -> Operation:
    return Operation(name, {"tokens": tokens})


@contextmanager
def lockstep(make_manager: Any = BlockManager, parameters: Mapping[str, int] = PARAMETERS) -> Iterator[Lockstep]:
    with Lockstep(MACHINE, BlockManagerTarget(simulated_device, make_manager), parameters) as running:
        assert running.initial() is None
        yield running


def failure_of(make_manager: Any, *operations: Operation) -> Failure:
    with lockstep(make_manager) as running:
        found = run(running, operations)
    assert found is not None
    return found


SOON_ORDINARY = {"start": 0, "end": 2, "priority": 2, "duration": 3}

EVERYTHING = (
    batch(
        request(0, 0, 1, 2, 3, 0, chunk=2),
        request(1, 1, ranges=({"start": 0, "end": 2, "priority": 2, "duration": 3},)),
    ),
    on(0, "prefill", chunk=0),
    on(1, "append", tokens=(2, 2)),
    on(1, "rewind", count=1),
    on(0, "store"),
    on(0, "finish"),
    on(1, "finish"),
    path("estimate", 0, 1, 2),
    path("blocks_needed", 0, 1, 2, 2),
    batch(request(2, 0, 1, 2, 2), request(0, 0, 1, 2, 3)),
    on(2, "finish"),
    on(0, "finish"),
    path("pin_path", 0, 1),
    path("unpin_path", 0, 1),
    path("offload", 0, 1, 2, 3),
    Operation("refresh", {"elapsed": 3}),
    path("release_subtree", 0, 1),
    Operation("add", {"sequence": 1, "tokens": (0, 1, 2, 3), "priority": 2}),
)


def test_every_operation_agrees_with_the_specification() -> None:
    assert {operation.name for operation in EVERYTHING} == set(MACHINE.operations)
    with lockstep() as running:
        for operation in EVERYTHING:
            assert running.apply(operation) is None
            assert isinstance(running.outcome, Returned), operation


def test_a_result_of_records_is_plain_data() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    outcome = target.apply(batch(request(0, 1, 2, 3)))
    one = {"reused": 0, "computed": 3, "full": 0, "partial": 0, "allocated": 2, "onboarded": 0, "new": 2}
    assert outcome == Returned((one, one))


def test_what_is_cached_is_told_by_events_alone() -> None:
    class Silent(BlockManager):
        def drain_events(self) -> list[Any]:
            super().drain_events()
            return []

    found = failure_of(Silent, batch(request(0, 1, 2)), on(0, "finish"))
    assert found.fingerprint == "observation:cached:finish"


def test_a_stream_of_events_that_does_not_fit_together_is_a_difference_not_a_crash() -> None:
    class Repeating(BlockManager):
        def drain_events(self) -> list[Any]:
            return [event for event in super().drain_events() for _ in range(2) if isinstance(event, Stored)]

    found = failure_of(Repeating, batch(request(0, 1, 2)), on(0, "finish"))
    assert found.fingerprint == "observation:cached:finish"
    assert "this hash is stored already, for the path [1, 2]" in str(found.actual)


def test_the_used_count_is_the_managers_own() -> None:
    class Miscounting(BlockManager):
        def used_counts(self) -> tuple[int, int]:
            primary, secondary = super().used_counts()
            return primary - 2 * (primary > 0), secondary

    found = failure_of(Miscounting, batch(request(0, 1)))
    assert (found.fingerprint, found.actual) == ("observation:used.PRIMARY:add_batch", -1)


def test_wrong_totals_of_a_batch_are_told_with_their_field() -> None:
    class Doubling(BlockManager):
        def add_sequence_batch(self, *arguments: Any) -> BatchAdmission:
            found = super().add_sequence_batch(*arguments)
            return found._replace(totals=found.totals._replace(new=2 * found.totals.new))

    found = failure_of(Doubling, batch(request(0, 1, 2)))
    assert found.fingerprint == "result:value.new:add_batch"
    assert "result[1].new: the specification has 1, the target 2" in found.message


def test_bytes_of_a_part_that_was_copied_are_compared() -> None:
    class CopiesTooLittle(Blocks):
        def step_copy(self, source: int, target: int, tokens: int) -> None:
            super().step_copy(source, target, tokens - 1)

    wide = {**PARAMETERS, "tokens_per_block": 4, "primary_blocks": 3}
    operations = (
        batch(request(0, 0, 1, 2, 3)),
        on(0, "store"),
        batch(request(1, 0, 1, 3)),
        on(1, "append", tokens=(1,)),
    )
    with lockstep(parameters=wide) as running:
        assert run(running, operations) is None
    target = BlockManagerTarget(simulated_device, plant(BlockManager, parts={Blocks: CopiesTooLittle}))
    with Lockstep(MACHINE, target, wide) as running:
        found = run(running, operations)
    assert found is not None
    assert found.fingerprint == "content:bytes:add_batch"


def test_a_chunk_that_is_not_computed_yet_is_not_compared() -> None:
    target = simulated()
    target.reset(PARAMETERS)
    target.apply(batch(request(0, 0, 1, 2, 3, 0, chunk=2)))
    target.apply(on(0, "prefill", chunk=2))
    assert [content.path for content in target.contents() if "of sequence 0" in content.where] == [(0, 1)]


def test_without_retention_ranges_a_prompt_is_kept_as_by_default() -> None:
    with lockstep(parameters={**PARAMETERS, "ranges_max": 0}) as running:
        assert running.apply(Operation("add", {"sequence": 1, "tokens": (0, 1), "priority": 2})) is None
        assert running.reference.observe()["in_use"] == [[None, "PRIMARY", 1, 0, PARAMETERS["default_priority"], 0]]


def test_time_is_told_as_it_stands() -> None:
    times: list[int] = []

    class Clocked(BlockManager):
        def refresh(self, now: int) -> int:
            times.append(now)
            return super().refresh(now)

    with lockstep(Clocked) as running:
        assert run(running, [Operation("refresh", {"elapsed": elapsed}) for elapsed in (1, 0, 4)]) is None
    assert times == [1, 1, 5]


def test_sizes_that_the_pool_does_not_allow_are_told_as_unsupported() -> None:
    with pytest.raises(UnsupportedParameters, match="offload_threshold"):
        simulated().reset({**PARAMETERS, "offload_threshold": 4})
