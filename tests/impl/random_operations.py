"""Random operations on small pools, for the tests that hold over all of them."""

from __future__ import annotations

import random
from collections import Counter

from pool_cases import Pool

from kvproof.impl.block_manager import BlockManager, PoolConfig, Refused, Request, RetentionRange, split_token
from kvproof.impl.device import ScheduleName

OPERATIONS = (
    *("add", "batch", "append", "finish") * 2,
    *("store", "offload", "pin", "unpin", "rewind", "prefill", "refresh", "release_subtree"),
)


def random_request(rng: random.Random, config: PoolConfig, sequence: int) -> Request:
    tokens = [rng.randrange(2) for _ in range(rng.randrange(1, 9))]
    start = rng.randrange(4)
    demand = RetentionRange(start, rng.randrange(9), rng.choice([0, 35, 80]), rng.choice([0, 1, 2]))
    return Request(
        sequence,
        tokens,
        rng.choice([(), (demand,)]),
        rng.choice([None, 90]),
        chunk=rng.choice([0, 2, 4]) if config.chunked else 0,
        estimated=rng.choice([0, 2, 4]),
        extra_ids=rng.choice([None, [rng.randrange(2)] * len(tokens)]),
    )


def one_operation(pool: Pool, rng: random.Random, operation: str) -> None:
    sequence = rng.randrange(3)
    paths = pool.inspection.cached_paths() or [(9, 9)]
    if operation == "add":
        tokens = [rng.randrange(2) for _ in range(rng.randrange(1, 9))]
        pool.add(sequence, tokens, rng.choice([None, 0, 29, 80]))
    elif operation == "batch":
        order = rng.sample(range(3), rng.randrange(1, 4))
        requests = [random_request(rng, pool.config, each) for each in order]
        budget = rng.choice([None, 4, 12])
        admitted = pool.batch(*requests, budget=budget)
        if budget is not None:
            assert sum(each.computed - each.reused for each in admitted) <= budget
    elif operation == "append":
        pool.append(sequence, [rng.randrange(2) for _ in range(rng.randrange(1, 4))])
    elif operation == "rewind":
        pool.rewind(sequence, rng.randrange(4))
    elif operation == "prefill":
        pool.iterate("prefill", sequence, rng.choice([0, 1, 2]))
    elif operation == "refresh":
        pool.time += rng.randrange(3)
        pool.manager.refresh(pool.time)
    elif operation in ("offload", "pin", "unpin", "release_subtree"):
        tokens_and_extras = [split_token(token) for token in rng.choice(paths)]
        pool.iterate(operation, *zip(*tokens_and_extras, strict=True))
    else:
        getattr(pool.manager, operation)(sequence)


def walk(pool: Pool, rng: random.Random, steps: int) -> Counter[str]:
    """Run random operations; a refusal must change nothing. Returns how often each was accepted or refused."""
    outcomes: Counter[str] = Counter()
    for _ in range(steps):
        operation = rng.choice(OPERATIONS)
        before = pool.state()
        try:
            one_operation(pool, rng, operation)
            outcomes[operation] += 1
        except Refused as refusal:
            assert pool.state() == before
            outcomes[refusal.reason] += 1
        assert pool.inspection.check() == []
    return outcomes


def pool_for(seed: int, schedule: ScheduleName, manager_type: type[BlockManager] = BlockManager) -> Pool:
    return Pool(
        2 + seed % 7,
        seed % 4,
        schedule=schedule,
        seed=seed,
        manager_type=manager_type,
        duration_max=2,
        partial_reuse=seed % 3 > 0,
        copy_on_partial_reuse=seed % 6 != 1,
        chunked=seed % 2 > 0,
        reuse=seed % 20 != 0,
        events=True,
    )
