"""Every promise of the batch protocol is broken by a machine that does it wrongly: none of them is vacuous."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.witnesses.witness import FILE_NAME, read
from kvproof.spec import block_manager
from kvproof.spec.block_manager import BlockManager, BlockManagerParameters
from kvproof.spec.block_manager.kinds import PRIMARY, Key, TokenCount, Tokens
from kvproof.spec.block_manager.requests import Plans, Request
from kvproof.spec.block_manager.variants import VARIANTS
from kvproof.spec.lang import Rejected, RuleBroken

SIZES = {
    "primary_blocks": 4,
    "secondary_blocks": 0,
    "tokens_per_block": 2,
    "sequences": 3,
    "max_tokens": 8,
    "vocabulary": 3,
    "priorities": 1,
    "default_priority": 0,
    "offload_threshold": 0,
    "budget_max": 8,
}


def _manager(cls: type[BlockManager], **changes: int) -> BlockManager:
    return cls(BlockManagerParameters(**{**SIZES, **changes}))


def _request(sequence: int, tokens: Tokens, chunk: int = 0, estimated: int = 0) -> Request:
    return Request(sequence, tokens, (), None, 0, chunk, estimated)


def _cached(manager: BlockManager, *paths: Tokens) -> BlockManager:
    for path in paths:
        manager.add(0, path, 0)
        manager.finish(0)
    return manager


def _inner_block_is_all_that_is_free(manager: BlockManager) -> BlockManager:
    """M-38: the path [0 0] is free, and a block of another sequence hangs below it."""
    manager.add(0, (0, 0), 0)
    manager.add(1, (0, 0, 0, 0), 0)
    manager.finish(0)
    manager.store(1)
    return manager


class NeedsForgetSources(BlockManager):
    """The scheduler is told of no block for the source of a copy."""

    def needed(self, tokens: Tokens) -> int:
        chain = self.match(self.usable(tokens))
        return self.blocks_for(len(tokens)) - sum(
            1 for block in chain if self.level(block) == PRIMARY and self.refs[block] > 0
        )


class TrimsToTheToken(BlockManager):
    """A trimmed chunk ends wherever the budget does."""

    def trimmed(self, start: int, end: int, length: int, excess: int) -> int:
        return end - max(0, excess)


class CostsOverstated(BlockManager):
    """Every batch is thought to cost a token more than it does."""

    def cost(self, plans: Plans) -> int:
        return sum(plan.end - plan.reused for plan in plans) + 1


class NeverTrims(BlockManager):
    """A batch whose estimates were stale is refused, whatever its chunks could spare."""

    def trimmed(self, start: int, end: int, length: int, excess: int) -> int:
        return end


class ComparesOneToken(BlockManager):
    """Of a part of a block only the first token is compared."""

    def common(self, first: Key, second: Key) -> TokenCount:
        return 1 if first[:1] == second[:1] else 0


def _break_admission() -> None:
    manager = _inner_block_is_all_that_is_free(_manager(VARIANTS["M-38"], primary_blocks=3, partial_reuse=1))
    manager.add(0, (0, 0), 0)


def _break_need() -> None:
    manager = _inner_block_is_all_that_is_free(_manager(NeedsForgetSources, primary_blocks=3, partial_reuse=1))
    manager.add(0, (0, 0), 0)


def _break_estimate() -> None:
    _cached(_manager(VARIANTS["M-48"]), (0, 1)).add(0, (0, 1), 0)


def _break_budget() -> None:
    _manager(VARIANTS["M-53"]).add_batch((_request(0, (0, 1, 2, 0), estimated=3),), 1)


def _break_budget_as_estimated() -> None:
    _cached(_manager(VARIANTS["M-51"]), (0, 1)).add_batch((_request(0, (0, 1, 2, 0, 1, 2), 2, 2),), 0)


def _break_trim() -> None:
    _manager(TrimsToTheToken).add_batch((_request(0, (0, 1, 2, 0), estimated=1),), 3)


def _break_no_trim() -> None:
    _manager(CostsOverstated).add_batch((_request(0, (0, 1, 2, 0)),), 4)


def _break_trim_before_refusal() -> None:
    _manager(NeverTrims).add_batch((_request(0, (0, 1, 2, 0), estimated=2),), 2)


def _break_longest_part() -> None:
    _cached(_manager(ComparesOneToken, tokens_per_block=3, partial_reuse=1), (0, 1, 2)).add(0, (0, 1, 0, 0), 0)


BREAKS: dict[str, Any] = {
    "admitted-never-fails": _break_admission,
    "enough-blocks-are-enough": _break_need,
    "reuse-as-estimated": _break_estimate,
    "within-token-budget": _break_budget,
    "within-budget-as-estimated": _break_budget_as_estimated,
    "trim-keeps-blocks-and-progress": _break_trim,
    "kept-estimates-are-not-trimmed": _break_no_trim,
    "trimmed-before-refused": _break_trim_before_refusal,
    "the-longest-part-is-reused": _break_longest_part,
}


@pytest.mark.parametrize("promise", sorted(BREAKS))
def test_a_promise_can_be_broken(promise: str) -> None:
    with pytest.raises(RuleBroken, match=promise):
        BREAKS[promise]()


def test_every_promise_is_broken_by_some_test_or_witness() -> None:
    """`test_witnesses` replays the witnesses: each is a call that breaks the promise."""
    kept = read(Path(str(block_manager.__file__)).parent / FILE_NAME)
    assert kept is not None
    promises = set(machines.load("block-manager").definition.promises())
    assert set(BREAKS) <= promises
    assert promises - set(BREAKS) <= {witness.condition for witness in kept.witnesses}


@pytest.mark.parametrize("promise", sorted(BREAKS))
def test_the_machine_itself_keeps_each_of_them(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "_manager", lambda _cls, **changes: _plain(**changes))
    try:
        BREAKS[promise]()
    except Rejected:
        return


def _plain(**changes: int) -> BlockManager:
    return BlockManager(BlockManagerParameters(**{**SIZES, **changes}))
