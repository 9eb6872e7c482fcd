"""Every rule of the block manager can be broken, and every invariant can fail: none of them is vacuous."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.block_manager import BlockManager, Parameters
from kvproof.spec.block_manager.kinds import BlockManagerParameters

SIZES = Parameters(
    primary_blocks=4,
    secondary_blocks=2,
    tokens_per_block=2,
    sequences=2,
    max_tokens=6,
    vocabulary=3,
    pins_max=2,
    partial_reuse=1,
    duration_max=3,
    budget_max=6,
)


def _manager() -> BlockManager:
    """Sequence 0 is live on blocks [0 1] [0 1 2 2] (cached); path [1 1] is cached and free; one block is unreachable."""
    manager = BlockManager(SIZES)
    manager.add(1, (1, 1), 35)
    manager.finish(1)
    manager.add(0, (0, 1, 2, 2), 35)
    manager.store(0)
    return manager


def _half_prefilled() -> BlockManager:
    """Sequence 0 has computed the first two of its four tokens."""
    manager = BlockManager(SIZES)
    request = {"sequence": 0, "tokens": (0, 1, 2, 2), "ranges": (), "decode_priority": None, "decode_duration": 0}
    manager.apply("add_batch", {"requests": ({**request, "chunk": 2, "estimated": 0},), "budget": 2})
    return manager


def _claiming(manager: BlockManager) -> BlockManager:
    manager.open_claims()
    return manager


def _free_cached(manager: BlockManager) -> int:
    return next(b for b in manager.free[0] if b in manager.cached)


def _unreachable(manager: BlockManager) -> int:
    return manager.free[0].front()


def _first(manager: BlockManager) -> int:
    return manager.blocks[0][0]


def _last(manager: BlockManager) -> int:
    return manager.blocks[0][-1]


def _claimed(manager: BlockManager) -> int:
    block = _unreachable(manager)
    manager.claim(block)
    return block


def _pinned(manager: BlockManager) -> None:
    manager.pin_path((1, 1))


def _acquire_partly_filled(manager: BlockManager) -> None:
    """A cached block with one token, for a sequence of just that token."""
    manager.add(1, (2,), 35)
    manager.finish(1)
    block = manager.match_exactly((2,))[0]
    manager.claim(block)
    manager.begin(1, (2,), None, 0)
    manager.acquire(1, block)


def _with_refs(manager: BlockManager, refs: int) -> BlockManager:
    manager.refs[_last(manager)] = refs
    return manager


def _with_cached(manager: BlockManager) -> BlockManager:
    manager.cached.add(_last(manager))
    return manager


def _with_overwritten(manager: BlockManager) -> BlockManager:
    """Three tokens count as computed, and the third is somebody else's."""
    manager.computed[0] = 3
    manager.content[manager.slot[_last(manager)]] = (0, 1, 1)
    return manager


BREAKS: dict[str, Callable[[BlockManager], Any]] = {
    "claim-from-own-level": lambda m: m.claim(_first(m)),
    "release-once": lambda m: m.release(_free_cached(m), False),
    "release-unreferenced": lambda m: m.release(_first(m), False),
    "unreachable-to-front": lambda m: m.release(_claimed(m), False),
    "prioritise-only-claimed": lambda m: m.prioritise(_free_cached(m), 80, 0),
    "expire-before-the-clock-moves": lambda m: (m.remaining.__setitem__(_free_cached(m), 2), m.tick(2)),
    "one-batch-at-a-time": lambda m: _claiming(m).open_claims(),
    "copy-from-cached": lambda m: m.copy(_unreachable(m), _claimed(m), 2),
    "copy-from-defined-content": lambda m: (
        m.content.__setitem__(m.slot[_first(m)], None),
        m.copy(_first(m), _claimed(m), 2),
    ),
    "copy-over-nothing-needed": lambda m: m.copy(_first(m), _free_cached(m), 2),
    "claim-before-swap": lambda m: m.swap(_free_cached(m), _claimed(m)),
    "claim-before-pin": lambda m: m.pin(_free_cached(m), True),
    "pin-only-cached": lambda m: m.pin(_claimed(m), True),
    "unpin-only-pinned": lambda m: m.unpin(_first(m), True),
    "unpin-whole-paths": lambda m: (m.pin_path((0, 1, 2, 2)), m.unpin(_first(m), True)),
    "attach-once": lambda m: m.attach(_first(m), None, (0, 1)),
    "attach-only-claimed": lambda m: m.attach(_unreachable(m), None, (2, 2)),
    "attach-under-full-cached": lambda m: m.attach(_claimed(m), m.free[1].front(), (2, 2)),
    "attach-under-a-key": lambda m: m.attach(_claimed(m), None, ()),
    "one-block-per-node": lambda m: m.attach(_claimed(m), None, (0, 1)),
    "attach-what-the-slot-holds": lambda m: m.attach(_claimed(m), None, (2, 2)),
    "detach-only-cached": lambda m: m.detach(_claimed(m)),
    "claim-before-detach": lambda m: m.detach(_free_cached(m)),
    "detach-unpinned": lambda m: (_pinned(m), m.detach(m.match((1, 1))[0])),
    "detach-leaf-first": lambda m: m.detach(_first(m)),
    "parent-knows-its-child": lambda m: (
        m.child[None].pop((1, 1)),
        m.claim(_free_cached(m)),
        m.detach(m.cached_claimed()),
    ),
    "close-what-was-opened": lambda m: m.close_claims(()),
    "matched-blocks-are-claimed": lambda m: _claiming(m).close_claims((_free_cached(m),)),
    "ancestors-are-claimed": lambda m: (
        m.parent.__setitem__(_last(m), _free_cached(m)),
        _claiming(m).close_claims((_last(m),)),
    ),
    "begin-once": lambda m: m.begin(0, (1,), 0, 0),
    "extend-live": lambda m: m.extend(1, (1,)),
    "extend-after-prefill": lambda _: _half_prefilled().extend(0, (1,)),
    "claim-before-acquire": lambda m: (m.extend(0, (1,)), m.acquire(0, _unreachable(m))),
    "acquire-on-primary": lambda m: (m.extend(0, (1,)), m.acquire(0, _claimed_host(m))),
    "acquire-what-is-needed": lambda m: m.acquire(0, _claimed(m)),
    "acquire-own-prefix": lambda m: (m.extend(0, (1,)), m.acquire(0, _first(m))),
    "acquire-full-or-own": _acquire_partly_filled,
    "drop-last-block-first": lambda m: m.drop(0, _first(m)),
    "drop-referenced": lambda m: (m.refs.__setitem__(_last(m), 0), m.drop(0, _last(m))),
    "reuse-before-computing": lambda m: m.reuse(0, 2),
    "last-token-is-computed": lambda m: (m.begin(1, (1, 1), None, 0), m.reuse(1, 2)),
    "reuse-own-blocks": lambda m: (m.begin(1, (1, 1, 1), None, 0), m.reuse(1, 2)),
    "reuse-what-is-there": lambda m: (
        m.begin(1, (2, 2, 2), None, 0),
        m.acquire(1, _claimed(m)),
        m.reuse(1, 2),
    ),
    "write-own-block": lambda m: m.write(0, 2, 4),
    "write-what-is-next": lambda m: m.write(0, 1, 4),
    "write-block-by-block": lambda _: _half_prefilled().write(0, 0, 3),
    "write-unshared": lambda _: _with_refs(_half_prefilled(), 2).write(0, 1, 4),
    "write-uncached": lambda _: _with_cached(_half_prefilled()).write(0, 1, 4),
    "write-behind-own-data": lambda _: _with_overwritten(_half_prefilled()).write(0, 1, 4),
    "truncate-to-less": lambda m: m.truncate(0, 4),
    "truncate-after-prefill": lambda _: _half_prefilled().truncate(0, 2),
    "truncate-after-dropping": lambda m: m.truncate(0, 2),
    "truncate-into-private": lambda m: m.truncate(0, 3),
    "end-live": lambda m: m.end(1),
    "end-without-blocks": lambda m: m.end(0),
}


CLAIMS_CHANGE_NOTHING: dict[str, Callable[[BlockManager], Any]] = {
    "release": lambda m: m.release(_first(m), False),
    "copy": lambda m: m.copy(_first(m), _unreachable(m), 2),
    "swap": lambda m: m.swap(_first(m), _last(m)),
    "attach": lambda m: m.attach(_first(m), None, (2, 2)),
    "detach": lambda m: m.detach(_last(m)),
    "begin": lambda m: m.begin(1, (1,), None, 0),
    "acquire": lambda m: m.acquire(0, _first(m)),
    "drop": lambda m: m.drop(0, _last(m)),
}
"""Steps that have no place in the first phase of a batch (I-30)."""


@pytest.mark.parametrize("step", sorted(CLAIMS_CHANGE_NOTHING))
def test_the_first_phase_allows_only_claims(step: str) -> None:
    with pytest.raises(BlockManager.RuleBroken) as caught:
        CLAIMS_CHANGE_NOTHING[step](_claiming(_manager()))
    assert caught.value.rule == "claims-change-nothing"


BREAKS["claims-change-nothing"] = lambda m: _claiming(m).drop(0, _last(m))


def _claimed_host(manager: BlockManager) -> int:
    block = manager.free[1].front()
    manager.claim(block)
    return block


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_a_rule_can_be_broken(rule: str) -> None:
    manager = _manager()
    claimed = _free_cached(manager)
    manager.cached_claimed = lambda: claimed  # type: ignore[attr-defined]  # the block that was cached and free at first
    with pytest.raises(BlockManager.RuleBroken) as caught:
        BREAKS[rule](manager)
    assert caught.value.rule == rule


def test_every_rule_is_broken_by_some_test() -> None:
    assert set(BREAKS) == set(machines.load("block-manager").definition.rules())


def _set(name: str, at: Callable[[BlockManager], Any], value: Any) -> Callable[[BlockManager], None]:
    def corrupt(manager: BlockManager) -> None:
        getattr(manager, name)[at(manager)] = value(manager) if callable(value) else value

    return corrupt


def _worthy(manager: BlockManager) -> None:
    """An unreachable block that claims a priority."""
    manager.priority[_unreachable(manager)] = 80


CORRUPTIONS: dict[str, Callable[[BlockManager], Any]] = {
    "slots_are_a_permutation": _set("slot", _first, lambda m: m.slot[_last(m)]),
    "queued_at_own_level": lambda m: m.free[1].push_back(_first(m), 36),
    "queued_at_own_rank": _set("priority", _free_cached, 80),
    "free_iff_unreferenced": _set("refs", _free_cached, 1),
    "free_at_most_slots": lambda m: [m.free[0].push_back(b, 0) for b in (4, 5, _first(m), _last(m))],
    "free_and_used_fill_the_level": lambda m: m.free[0].push_back(m.free[1].front(), 0),
    "unreachable_is_worthless": _worthy,
    "only_free_blocks_expire": _set("remaining", _first, 1),
    "no_batch_is_half_done": _claiming,
    "only_cached_blocks_are_pinned": _set("pins", _unreachable, 1),
    "parents_know_their_children": lambda m: m.child[_first(m)].clear(),
    "children_know_their_parents": lambda m: m.child[None].__setitem__((2, 2), _free_cached(m)),
    "nothing_hangs_from_outside": _set("key", _unreachable, (1, 1)),
    "nothing_is_kept_without_reuse": lambda m: setattr(m, "params", replace(m.params, reuse=0)),
    "cached_content_is_the_path": lambda m: m.content.__setitem__(m.slot[_free_cached(m)], (2, 2)),
    "pins_add_up": _set("pinned", _free_cached, 1),
    "references_are_counted": _set("refs", _first, 2),
    "sequences_have_their_blocks": lambda m: m.blocks.__setitem__(0, m.blocks[0][:-1]),
    "closed_sequences_ask_for_nothing": lambda m: m.decode_priority.__setitem__(1, 35),
    "prompts_are_computed_in_whole_blocks": lambda m: m.computed.__setitem__(0, 3),
    "what_is_to_be_written_is_private": lambda m: (m.append(0, (1,)), _set("refs", _last, 2)(m)),
    "computed_content_is_the_prefix": lambda m: m.content.__setitem__(m.slot[_last(m)], (0, 1, 2, 1)),
}


@pytest.mark.parametrize("invariant", sorted(CORRUPTIONS))
def test_an_invariant_can_fail(invariant: str) -> None:
    manager = _manager()
    assert manager.check() == []
    CORRUPTIONS[invariant](manager)
    assert invariant in manager.check()


def test_every_invariant_fails_in_some_test() -> None:
    assert set(CORRUPTIONS) == set(BlockManager.INVARIANTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary_blocks": 0}, "primary_blocks is 0: it must be an integer of at least 1"),
        ({"secondary_blocks": -1}, "secondary_blocks is -1"),
        ({"tokens_per_block": 0}, "tokens_per_block is 0"),
        ({"reuse": 2}, "reuse is 2: it is a switch, 0 or 1"),
        ({"vocabulary": 4, "extra_ids": 3}, "vocabulary is 4: it must be a multiple of extra_ids, which is 3"),
        ({"default_priority": 101}, "default_priority is 101: it must be below priorities, which is 101"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BlockManagerParameters(**change)
