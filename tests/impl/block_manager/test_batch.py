"""Batches: refusals in their order, how a tail is taken, what admission counts, and statistics."""

from __future__ import annotations

from typing import Any

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager import AdmittedRequest, BlockManager, ProtocolError, Request, RetentionRange
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.plan import Plan


def partial_pool(primary: int, secondary: int = 0, **config: Any) -> Pool:
    return Pool(primary, secondary, partial_reuse=True, **config)


def refused(pool: Pool, *requests: Request, budget: int | None = None) -> str:
    return pool.refusal("add_sequence_batch", requests, budget).reason


def modes(pool: Pool, *prompts: list[int]) -> list[tuple[bool, bool]]:
    """Of a batch of prompts: whether each takes its tail in place, and whether it gives its source back."""
    admission = pool.manager._admission
    plans = admission.plan_batch([Request(9 + number, prompt) for number, prompt in enumerate(prompts)])
    admission.match_batch(plans)
    admission.choose_modes(plans)
    return [(plan.in_place, plan.releases_source) for plan in plans]


IN_PLACE, COPY, COPY_AND_RELEASE = (True, False), (False, False), (False, True)


# Refusals, in the order in which they are sought


def test_empty_batch_is_refused() -> None:
    assert refused(Pool(2)) == "empty-batch"


def test_sequence_twice_in_a_batch_is_refused() -> None:
    assert refused(Pool(2), Request(0, [1]), Request(0, [2])) == "sequence-in-use"


def test_requests_are_checked_in_order() -> None:
    assert refused(Pool(2), Request(0, []), Request(0, [2])) == "empty-prompt"


def test_live_sequence_is_refused_before_its_empty_prompt() -> None:
    pool = Pool(2)
    pool.add(0, [1])
    assert refused(pool, Request(0, [])) == "sequence-in-use"


def test_prompt_beyond_the_pool_is_refused_before_its_chunk() -> None:
    assert refused(Pool(1, chunked=True), Request(0, [1] * 3, chunk=1)) == "prompt-exceeds-pool"


def test_chunk_below_a_block_is_refused_before_a_later_requests_fault() -> None:
    assert refused(Pool(2, chunked=True), Request(0, [1] * 3, chunk=1), Request(1, [])) == "chunk-below-block"


def test_any_requests_fault_is_refused_before_the_budget() -> None:
    assert refused(Pool(2), Request(0, [1] * 4), Request(1, []), budget=1) == "empty-prompt"


def test_budget_is_refused_before_want_of_blocks() -> None:
    pool = Pool(2)
    pool.add(0, [1] * 4)
    assert refused(pool, Request(1, [1] * 4), budget=1) == "over-token-budget"


def test_batch_without_room_is_refused_with_the_numbers() -> None:
    pool = Pool(3)
    refusal = pool.refusal("add_sequence_batch", [Request(0, [1] * 4), Request(1, [2] * 4)])
    assert str(refusal) == "batch of 2: needs 4 primary blocks, 3 are free; wait"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(0, [1], decode_priority=101), "priority 101 is not among 0..100"),
        (Request(0, [1], (RetentionRange(0, 1, -1),)), "priority -1 is not among 0..100"),
        (Request(0, [1], (RetentionRange(-1, 1, 0),)), "a retention range starts at -1"),
        (Request(0, [1], (RetentionRange(0, 1, 0, 4),)), "duration 4 is not among 0..3"),
        (Request(0, [1], decode_duration=4), "duration 4 is not among 0..3"),
        (Request(0, [1], chunk=2), "chunk 2, but PoolConfig.chunked is False"),
        (Request(0, [1], estimated=-1), "estimate -1 is negative"),
    ],
)
def test_number_that_means_nothing_is_an_error(request_: Request, message: str) -> None:
    pool = Pool(2, duration_max=3)
    with pytest.raises(ValueError, match=f"sequence 0: .*{message}"):
        pool.manager.add_sequence_batch([request_])


# How a tail is taken


def test_free_leaf_is_taken_in_place() -> None:
    pool = partial_pool(4)
    pool.cache(0, [1, 2])
    assert modes(pool, [1, 9]) == [IN_PLACE]


def test_last_of_several_takes_the_leaf_in_place() -> None:
    pool = partial_pool(6)
    pool.cache(0, [1, 2])
    assert modes(pool, [1, 9], [1, 8], [1, 7]) == [COPY, COPY, IN_PLACE]


def test_leaf_matched_whole_by_another_is_copied_and_not_given_back() -> None:
    for order in (([1, 9], [1, 2, 3]), ([1, 2, 3], [1, 9])):
        pool = partial_pool(6)
        pool.cache(0, [1, 2])
        assert (True, False) not in modes(pool, *order)
        assert (False, True) not in modes(pool, *order)


def test_block_with_children_is_copied_and_given_back_by_the_last_copier() -> None:
    pool = partial_pool(6)
    pool.cache(0, [1, 2, 3, 4])
    assert modes(pool, [1, 9], [1, 8]) == [COPY, COPY_AND_RELEASE]


def test_block_in_use_is_copied_and_not_given_back() -> None:
    pool = partial_pool(6)
    pool.add(0, [1, 2])
    pool.manager.store(0)
    assert modes(pool, [1, 9]) == [COPY]


def test_pinned_block_is_copied_and_not_given_back() -> None:
    pool = partial_pool(6)
    pool.cache(0, [1, 2])
    pool.manager.pin([1, 2])
    assert modes(pool, [1, 9]) == [COPY]


def test_copiers_and_the_taker_of_one_leaf_all_get_its_tokens() -> None:
    pool = partial_pool(4)
    pool.cache(0, [1, 2, 3])
    admitted = pool.batch(Request(1, [1, 2, 3, 9]), Request(2, [1, 2, 3, 8]))
    assert [each.reused for each in admitted] == [3, 3]
    pool.manager.finish(1)
    pool.manager.finish(2)
    assert pool.wrong_contents() == []
    assert pool.device.races == []


def test_copy_of_a_host_block_goes_straight_to_the_new_block() -> None:
    pool = partial_pool(3, 2)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2])
    assert pool.batch(Request(1, [1, 9]))[0] == AdmittedRequest(1, 2, 0, 1, 1, 0, 0)
    pool.manager.finish(1)
    assert pool.wrong_contents() == []


def test_host_leaf_taken_in_place_is_onboarded() -> None:
    pool = partial_pool(2, 1)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    assert pool.batch(Request(1, [1, 9]))[0] == AdmittedRequest(1, 2, 0, 1, 1, 1, 0)
    pool.manager.finish(1)
    assert pool.wrong_contents() == []


# Phases, by the step log


def steps_of_batch(pool: Pool, *requests: Request) -> list[tuple[Any, ...]]:
    pool.steps.clear()
    pool.manager.add_sequence_batch(requests)
    return pool.steps


def test_everything_is_claimed_before_the_first_request_begins() -> None:
    pool = partial_pool(5)
    pool.cache(0, [1, 2, 3, 4])  # blocks 0 and 1
    names = [step[0] for step in steps_of_batch(pool, Request(1, [1, 2, 9]), Request(2, [1, 2, 3, 9]))]
    assert names.index("close_claims") == 6
    assert names[:6] == ["open_claims", "claim", "prioritise", "prioritise", "claim", "prioritise"]
    assert names.index("begin") == 7


def test_claims_are_closed_with_each_match_once_in_order() -> None:
    pool = partial_pool(6)
    pool.cache(0, [1, 2, 3, 4])
    steps = steps_of_batch(pool, Request(1, [1, 2, 3, 9]), Request(2, [1, 2, 3, 4, 5]))
    assert ("close_claims", (0, 1)) in steps


def test_copy_source_is_given_back_right_after_its_copy() -> None:
    pool = partial_pool(4)
    pool.cache(0, [1, 2, 3, 4])
    assert steps_of_batch(pool, Request(1, [1, 9, 7])) == [
        ("open_claims",),
        ("claim", 0),
        ("close_claims", (0,)),
        ("begin", 1, (1, 9, 7), None, 0),
        ("claim", 2),
        ("prioritise", 2, 35, 0),
        ("copy", 0, 2, 1),
        ("release", 0, False),
        ("acquire", 1, 2),
        ("claim", 3),
        ("prioritise", 3, 35, 0),
        ("acquire", 1, 3),
        ("reuse", 1, 1),
        ("write", 1, 0, 2),
        ("write", 1, 1, 3),
    ]


def test_taking_in_place_detaches_in_the_second_phase() -> None:
    pool = partial_pool(2)
    pool.cache(0, [1, 2])
    assert steps_of_batch(pool, Request(1, [1, 9])) == [
        ("open_claims",),
        ("claim", 0),
        ("prioritise", 0, None, 0),
        ("close_claims", (0,)),
        ("begin", 1, (1, 9), None, 0),
        ("detach", 0),
        ("acquire", 1, 0),
        ("reuse", 1, 1),
        ("write", 1, 0, 2),
    ]


# Admission


def m38_pool(manager_type: type[BlockManager] = BlockManager) -> Pool:
    """The only free block is cached, has a child in use, and shares its first token with the prompt [1, 7]."""
    pool = partial_pool(5, manager_type=manager_type)
    pool.batch(Request(0, [1, 2, 9]), Request(1, [1, 2, 3, 4, 5]))
    pool.manager.store(0)
    pool.manager.store(1)
    pool.manager.finish(0)
    pool.add(2, [8, 8])
    return pool


def test_copy_source_that_is_the_only_free_block_is_refused() -> None:
    assert refused(m38_pool(), Request(9, [1, 7])) == "no-free-blocks"


def test_without_counting_the_source_the_second_phase_runs_out_of_blocks() -> None:
    class IgnoresSources(AdmissionControl):
        def admission_shortfall(self, plans: list[Plan]) -> int:
            return max(0, sum(plan.needed - len(plan.chain) for plan in plans) - self._blocks.queues.counts[0])

    with pytest.raises(ProtocolError, match="no block is free"):
        m38_pool(plant(BlockManager, parts={AdmissionControl: IgnoresSources})).manager.add_sequence_batch(
            [Request(9, [1, 7])]
        )


def test_source_given_back_can_be_taken_by_a_later_request() -> None:
    pool = partial_pool(3)
    pool.cache(0, [1, 2, 3, 4])
    # Two blocks are free besides the source: the copy takes one, and two are left once the source is given back.
    admitted = pool.batch(Request(1, [1, 9]), Request(2, [8, 8, 8, 8]))
    assert [each.allocated for each in admitted] == [1, 2]


def test_source_given_back_only_at_the_end_runs_out_of_blocks() -> None:
    not_now = Patch(
        "block_manager.batch",
        old="""
        if plan.releases_source:
            blocks.step_release(plan.tail, False)
""",
        new="",
    )
    pool = partial_pool(3, manager_type=plant(BlockManager, not_now))
    pool.cache(0, [1, 2, 3, 4])
    with pytest.raises(ProtocolError, match="no block is free"):
        pool.manager.add_sequence_batch([Request(1, [1, 9]), Request(2, [8, 8, 8, 8])])


def test_host_match_of_two_requests_is_onboarded_once() -> None:
    pool = Pool(3, 1)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    admitted = pool.batch(Request(1, [1, 2, 3]), Request(2, [1, 2, 4]))
    assert [each.onboarded for each in admitted] == [1, 0]


def test_free_match_of_two_requests_counts_once() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2])
    assert len(pool.batch(Request(1, [1, 2, 3]), Request(2, [1, 2, 4]))) == 2


def test_blocks_needed_counts_a_free_source_once_more() -> None:
    pool = partial_pool(4)
    pool.cache(0, [1, 2, 3, 4])
    assert pool.manager.blocks_needed([1, 9]) == 2
    assert pool.manager.blocks_needed([7, 9]) == 1


def test_blocks_needed_leaves_out_matches_in_use_on_primary() -> None:
    pool = Pool(4, 1)
    pool.cache(0, [1, 2])
    assert pool.manager.blocks_needed([1, 2, 3]) == 2
    pool.add(1, [1, 2, 3])
    assert pool.manager.blocks_needed([1, 2, 3]) == 1


def test_empty_prompt_has_no_estimate() -> None:
    for operation in ("estimate", "blocks_needed"):
        assert Pool(2).refusal(operation, []).reason == "empty-prompt"


def test_allocations_of_one_request_do_not_evict_the_match_of_another() -> None:
    pool = Pool(6)
    pool.cache(0, [1, 2, 3, 4, 5])
    pool.cache(1, [6, 6, 7, 7, 8])
    admitted = pool.batch(Request(2, [9] * 5), Request(3, [1, 2, 3, 4, 5]))  # M-29
    assert [each.reused for each in admitted] == [0, 4]


# Statistics


def test_statistics_are_each_requests_own() -> None:
    pool = partial_pool(8, 1)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2])
    requests = Request(1, [9, 9, 9]), Request(2, [1, 2, 3, 7, 5])
    assert pool.batch(*requests) == [AdmittedRequest(0, 3, 0, 0, 2, 0, 2), AdmittedRequest(3, 5, 1, 1, 2, 1, 1)]


def test_totals_come_from_the_running_totals() -> None:
    class CountsForEach(BatchPhases):
        """Per-request numbers that begin at the batch's start (M-36)."""

        def run_batch(self, plans: list[Plan]) -> list[AdmittedRequest]:
            before = self.running_totals()
            super().run_batch(plans)
            return [self.totals_since(before) for _ in plans]

    bug = plant(BlockManager, parts={BatchPhases: CountsForEach})
    for manager_type, wanted in ((BlockManager, 2), (bug, 4)):
        pool = Pool(4, manager_type=manager_type)
        admission = pool.manager.add_sequence_batch([Request(1, [1]), Request(2, [2])])
        assert (sum(each.new for each in admission.requests), admission.totals.new) == (wanted, 2)


# Non-reuse mode


def test_without_reuse_nothing_is_stored_or_matched() -> None:
    pool = partial_pool(4, reuse=False)
    pool.add(0, [1, 2, 3])
    assert (pool.manager.store(0), pool.manager.finish(0)) == (0, 0)
    assert pool.manager.estimate([1, 2, 3]) == 0
    assert pool.add(1, [1, 2, 3]) == 0
