"""What holds for every batch and every event, over random operations."""

from __future__ import annotations

import random

from pool_cases import EventFold, Pool
from random_operations import pool_for, random_request, walk

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Refused
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.plan import Plan


def end_all(pool: Pool) -> None:
    for sequence in pool.inspection.sequences():
        pool.manager.finish(sequence)


def test_events_fold_to_what_is_cached() -> None:
    for seed in range(30):
        pool = pool_for(seed, "eager")
        fold = EventFold()
        for _ in range(20):
            walk(pool, random.Random(seed), 5)
            fold.take(pool.manager.drain_events())
            assert fold.cached() == pool.inspection.cached()


def test_refused_operations_emit_no_events() -> None:
    pool = pool_for(3, "eager")
    walk(pool, random.Random(3), 40)
    pool.manager.drain_events()
    for operation, arguments in (("finish", (9,)), ("add_sequence_batch", ((),)), ("pin", ((9, 9),))):
        pool.refusal(operation, *arguments)
    assert pool.manager.drain_events() == []


def test_statistics_of_a_batch_add_up_to_the_running_totals() -> None:
    batches = 0
    for seed in range(40):
        pool = pool_for(seed, "eager")
        rng = random.Random(seed)
        for _ in range(20):
            walk(pool, rng, 3)
            end_all(pool)
            requests = [random_request(rng, pool.config, each) for each in rng.sample(range(3), 2)]
            before = pool.manager._batch.running_totals()
            try:
                admission = pool.manager.add_sequence_batch(requests)
            except Refused:
                continue
            pool.settle()
            after = pool.manager._batch.running_totals()
            gained = tuple(now - then for now, then in zip(after, before, strict=True))
            assert admission.totals == gained
            assert tuple(map(sum, zip(*admission.requests, strict=True))) == gained
            batches += 1
    assert batches > 50


def test_enough_blocks_by_blocks_needed_admits_the_batch() -> None:
    admitted = 0
    for seed in range(60):
        pool = pool_for(seed, "eager")
        rng = random.Random(seed)
        for _ in range(20):
            walk(pool, rng, 3)
            live = pool.inspection.sequences()
            requests = [random_request(rng, pool.config, each) for each in range(3) if each not in live]
            manager = pool.manager
            needed = sum(manager.blocks_needed(each.tokens, each.extra_ids) for each in requests)
            if requests and needed <= manager.free_counts()[0]:
                manager.add_sequence_batch(requests)
                pool.settle()
                admitted += 1
    assert admitted > 50


def test_a_request_reuses_at_least_its_estimate() -> None:
    for seed in range(40):
        pool = pool_for(seed, "eager")
        rng = random.Random(seed)
        for _ in range(20):
            walk(pool, rng, 3)
            end_all(pool)
            requests = [random_request(rng, pool.config, each) for each in rng.sample(range(3), 2)]
            estimates = [pool.manager.estimate(each.tokens, each.extra_ids) for each in requests]
            try:
                admission = pool.manager.add_sequence_batch(requests)
            except Refused:
                continue
            pool.settle()
            assert all(got.reused >= least for got, least in zip(admission.requests, estimates, strict=True))


def test_batch_that_is_admitted_without_a_closer_look_lacks_nothing() -> None:
    class LooksTwice(AdmissionControl):
        looked = 0

        def check_admission(self, plans: list[Plan]) -> None:
            super().check_admission(plans)
            type(self).looked += 1
            assert self.admission_shortfall(plans) == 0

    planted = plant(BlockManager, parts={AdmissionControl: LooksTwice})

    for seed in range(40):
        walk(pool_for(seed, "eager", planted), random.Random(seed), 80)
    assert LooksTwice.looked > 100
