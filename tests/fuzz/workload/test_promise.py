"""The promise to the scheduler: each part of it is kept, and seen when it is broken."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned
from kvproof.fuzz.workload.block_manager.promise import Broken, PromiseKeeper, charge, chunk_end

SIZE = 4
PARAMETERS = {"tokens_per_block": SIZE, "budget_max": 100, "primary_blocks": 10}
PROMPT = tuple(range(20))


def asked(length: int = 20, chunk: int = 0, estimated: int = 0) -> dict[str, Any]:
    return {"tokens": PROMPT[:length], "chunk": chunk, "estimated": estimated}


def got(reused: int, computed: int, **others: int) -> dict[str, int]:
    names = ("full", "partial", "allocated", "onboarded", "new")
    return {"reused": reused, "computed": computed, **dict.fromkeys(names, 0), **others}


def answered(*results: dict[str, int]) -> Returned:
    totals = {name: sum(result[name] for result in results) for name in results[0]}
    return Returned((*results, totals))


def added(outcome: Outcome, *requests: dict[str, Any], budget: int = 100) -> tuple[Operation, Outcome]:
    return Operation("add_batch", {"requests": requests, "budget": budget}), outcome


def told(name: str, value: int, length: int = 20) -> tuple[Operation, Outcome]:
    return Operation(name, {"tokens": PROMPT[:length]}), Returned(value)


def verdict(*seen: tuple[Operation, Outcome], free: int = 10, **parameters: int) -> Broken | None:
    """What is said of the last; nothing is wrong with those before it."""
    keeper = PromiseKeeper({**PARAMETERS, **parameters})
    *before, last = seen
    for operation, outcome in before:
        assert keeper.look(operation, outcome, free) is None
    return keeper.look(*last, free)


def promise(*seen: tuple[Operation, Outcome], free: int = 10, **parameters: int) -> str | None:
    broken = verdict(*seen, free=free, **parameters)
    return None if broken is None else broken.promise


CHANGE = (Operation("finish", {"sequence": 0}), Returned(1))
REFUSED_CHANGE = (Operation("append", {"sequence": 0, "tokens": (1,)}), Refused("no-free-blocks"))


def test_reuse_below_a_fresh_estimate_breaks_the_promise() -> None:
    broken = verdict(told("estimate", 12), added(answered(got(8, 20)), asked(estimated=12)))

    assert broken is not None
    assert broken.promise == "reuse-as-estimated"
    assert broken.message == "request 0 of 20 tokens reuses 8 of them, the estimate was 12"


def test_reuse_above_it_does_not() -> None:
    assert promise(told("estimate", 12), added(answered(got(18, 20)), asked(estimated=12))) is None


def test_an_estimate_holds_until_something_changes() -> None:
    batch = added(answered(got(8, 20)), asked(estimated=12))

    assert promise(told("estimate", 12), CHANGE, batch) is None
    assert promise(told("estimate", 12), REFUSED_CHANGE, batch) == "reuse-as-estimated"
    assert promise(told("estimate", 12), told("blocks_needed", 3), batch) == "reuse-as-estimated"


def test_a_single_add_is_held_to_it_too() -> None:
    add = Operation("add", {"sequence": 0, "tokens": PROMPT, "priority": 1})

    assert promise(told("estimate", 12), (add, Returned(8))) == "reuse-as-estimated"
    assert promise(told("estimate", 12), (add, Returned(12))) is None


def test_every_request_of_a_batch_is_looked_at() -> None:
    batch = added(answered(got(16, 20), got(0, 8)), asked(estimated=16), asked(length=8, estimated=4))

    assert promise(told("estimate", 16), told("estimate", 4, length=8), batch) == "reuse-as-estimated"


def test_a_last_chunk_is_charged_with_what_is_not_reused() -> None:
    assert charge(10, 12, 20) == 8
    assert promise(told("estimate", 12), added(answered(got(12, 20)), asked(chunk=10, estimated=12))) is None
    assert promise(told("estimate", 12), added(answered(got(16, 20)), asked(chunk=10, estimated=12))) is None


def test_a_cost_above_the_charge_is_seen_where_the_reuse_is_as_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the formulas as they are this follows from the reuse (P-4): a wrong formula shows that it is looked at."""
    from kvproof.fuzz.workload.block_manager import promise as module

    monkeypatch.setattr(module, "charge", lambda chunk, estimated, remaining: remaining - estimated - 1)

    assert promise(told("estimate", 12), added(answered(got(12, 20)), asked(estimated=12))) == "cost-at-most-charge"


def test_a_batch_over_its_budget_breaks_the_promise_even_with_stale_estimates() -> None:
    assert promise(added(answered(got(4, 20)), asked(estimated=12), budget=15)) == "within-token-budget"
    assert promise(added(answered(got(4, 20)), asked(estimated=12), budget=16)) is None


@pytest.mark.parametrize(
    ("result", "chunk", "expected"),
    [
        (got(8, 8), 4, "progress"),
        (got(0, 12), 8, "trim-only-shortens"),
        (got(0, 6), 8, "chunks-end-with-blocks"),
        (got(0, 4), 8, "trim-only-what-must-be"),
        (got(3, 8), 8, None),
        (got(0, 8), 11, None),
    ],
)
def test_a_chunk_makes_progress_ends_with_a_block_and_is_trimmed_only_for_the_budget(
    result: dict[str, int], chunk: int, expected: str | None
) -> None:
    assert promise(added(answered(result), asked(chunk=chunk))) == expected


def test_a_trimmed_batch_keeps_the_promise_and_is_counted() -> None:
    keeper = PromiseKeeper(PARAMETERS)
    batch = added(answered(got(0, 16), got(0, 8)), asked(chunk=16), asked(chunk=16), budget=24)

    assert keeper.look(*batch, 10) is None
    assert (keeper.trimmed, keeper.batches, keeper.fresh) == (1, 1, 0)


def test_totals_that_are_no_sums_break_the_promise() -> None:
    results = (got(4, 20, new=4), got(0, 8, new=2))
    wrong = Returned((*results, {**got(4, 28), "new": 5}))

    broken = verdict(added(wrong, asked(), asked(length=8)))
    assert broken is not None
    assert (broken.promise, broken.message) == ("totals-are-sums", "new is 5 in all, and 4, 2 of the requests")


def test_a_refusal_for_tokens_breaks_the_promise_where_the_charges_fit() -> None:
    batch = added(Refused("over-token-budget"), asked(estimated=12), budget=8)

    assert promise(told("estimate", 12), batch) == "enough-tokens-are-enough"
    assert promise(batch) is None
    assert promise(told("estimate", 8), batch) is None
    assert promise(told("estimate", 12), added(Refused("over-token-budget"), asked(estimated=12), budget=7)) is None


def test_a_refusal_for_blocks_breaks_the_promise_where_enough_were_free() -> None:
    batch = added(Refused("no-free-blocks"), asked(), asked(length=8))
    needed = (told("blocks_needed", 6), told("blocks_needed", 4, length=8))

    assert promise(*needed, batch) == "enough-blocks-are-enough"
    assert promise(*needed[:1], batch) is None
    assert promise(CHANGE, *needed, batch, free=9) is None
    assert promise(*needed, CHANGE, batch) is None


def test_without_budgets_only_reuse_and_totals_are_promised() -> None:
    batch = added(answered(got(8, 20)), asked(estimated=0), budget=0)

    assert promise(batch, budget_max=0) is None
    assert promise(told("estimate", 12), batch, budget_max=0) == "reuse-as-estimated"


def test_a_kept_estimate_costs_no_more_than_its_charge_for_all_small_sizes() -> None:
    """P-4, by enumeration; z3 proves it for all integers in `kvproof check`."""
    for length in range(1, 20):
        for estimated in range(0, length, SIZE):
            for reused in range(estimated, length):
                for chunk in range(min(SIZE, length), length + 1):
                    cost = chunk_end(reused, chunk, length, SIZE) - reused
                    assert 0 < cost <= charge(chunk, estimated, length)


def test_a_broken_estimate_may_cost_more_than_its_charge() -> None:
    assert chunk_end(0, 12, 20, SIZE) > charge(12, 12, 20)
