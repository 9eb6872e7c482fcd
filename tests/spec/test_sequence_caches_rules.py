"""Every rule of the sequence caches can be broken, and every invariant can fail: none of them is vacuous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.sequence_caches import Parameters, SequenceCaches
from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters

SIZES = Parameters(
    primary_slots=4, secondary_slots=2, caches=3, prompts=2, tokens_per_block=2, blocks_max=3, priorities=2
)
PRIMARY, SECONDARY = 0, 1


def _resize(machine: SequenceCaches, cache: int, capacity: int, history: int = 0, priority: int = 0) -> None:
    machine.apply("resize", {"cache": cache, "capacity": capacity, "history": history, "priority": priority})


def _manager() -> SequenceCaches:
    """Cache 0 is active with pages 0 (committed, text 0) and 1; cache 1 is suspended with page 2 of its own, of text 1;
    page 3 holds block 0 of text 1 and nobody has it."""
    machine = SequenceCaches(SIZES)
    for cache, prompt in ((0, 0), (1, 1), (2, 1)):
        machine.apply("create", {"cache": cache, "prompt": prompt})
        machine.apply("resume", {"cache": cache})
    _resize(machine, 0, 4, 2)
    machine.apply("commit", {"cache": 0})
    _resize(machine, 1, 2)
    _resize(machine, 2, 2, 2)
    machine.apply("commit", {"cache": 2})
    machine.apply("close", {"cache": 2})
    machine.apply("suspend", {"cache": 1})
    return machine


BREAKS: dict[str, Callable[[SequenceCaches], Any]] = {
    "new-page": lambda m: m.take_slot(0, 0),
    "slot-is-vacant": lambda m: m.take_slot(4, 0),
    "destroy-only-droppable": lambda m: m.destroy(2),
    "unqueue-before-destroy": lambda m: m.destroy(3),
    "migrate-what-exists": lambda m: m.migrate(5),
    "locked-stays": lambda m: m.migrate(1),
    "unqueue-before-migrate": lambda m: m.migrate(2),
    "queue-only-evictable": lambda m: m.enqueue(0),
    "queue-once": lambda m: m.enqueue(2),
    "unqueue-queued": lambda m: m.unqueue(1),
    "link-private": lambda m: m.link(0, 0, 0),
    "link-once": lambda m: m.link(1, 0, 0),
    "open-closed": lambda m: m.open(0, 0),
    "attach-to-open": lambda m: m.attach(2, 3),
    "attach-once": lambda m: m.attach(0, 1),
    "drop-what-is-there": lambda m: (m.drop_last(1), m.drop_last(1)),
    "rebase-block": lambda m: m.rebase(1, 1, 3),
    "rebase-same-block": lambda m: m.rebase(0, 1, 0),
    "activate-suspended": lambda m: m.activate(0),
    "lock-on-device": lambda m: m.activate(1),
    "suspend-active": lambda m: m.deactivate(1),
    "committed-history-capacity": lambda m: m.measure(0, 2, 2, 4),
    "one-page-a-block": lambda m: m.measure(0, 1, 2, 6),
    "close-empty": lambda m: m.shut(1),
}


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_a_rule_of_the_sequence_caches_can_be_broken(rule: str) -> None:
    machine = _manager()
    assert machine.check() == []
    with pytest.raises(SequenceCaches.RuleBroken) as caught:
        BREAKS[rule](machine)
    assert caught.value.rule == rule


def test_every_rule_of_the_sequence_caches_is_broken_by_some_test() -> None:
    assert set(BREAKS) == set(machines.load("sequence-caches").definition.rules())


def _all_suspended(machine: SequenceCaches) -> SequenceCaches:
    machine.apply("suspend", {"cache": 0})
    return machine


def _wedged(machine: SequenceCaches) -> None:
    """Nobody is active, and what nobody uses is in no queue any more."""
    _all_suspended(machine)
    for page in list(machine.queue[PRIMARY]):
        machine.queue[PRIMARY].remove(page)


def _crowded(machine: SequenceCaches) -> None:
    """Two pages where the host has room for none."""
    machine.params = SequenceCaches(Parameters(secondary_slots=0)).params
    for page in (2, 3):
        machine.level[page] = SECONDARY


CORRUPTIONS: dict[str, Callable[[SequenceCaches], Any]] = {
    "lengths_are_ordered": lambda m: m.history.__setitem__(0, 5),
    "closed_caches_have_nothing": lambda m: m.text.__setitem__(2, 1),
    "locked_pages_are_on_the_device": lambda m: m.level.__setitem__(1, SECONDARY),
    "queued_means_evictable": lambda m: m.queue[PRIMARY].remove(3),
    "slots_suffice": _crowded,
    "what_does_not_exist_is_nowhere": lambda m: m.priority.__setitem__(5, 1),
    "private_pages_have_one_owner": lambda m: m.pages.__setitem__(1, (1,)),
    "blocks_are_committed_once_and_in_order": lambda m: m.ordinal.__setitem__(3, 1),
    "committed_blocks_are_everybodys": lambda m: m.committed.__setitem__(0, 0),
    "utilisation_is_what_is_kept": lambda m: m.queue[PRIMARY].remove(2),
    "any_waiting_cache_can_be_resumed": _wedged,
    "some_waiting_cache_can_be_resumed": _wedged,
}


@pytest.mark.parametrize("invariant", sorted(CORRUPTIONS))
def test_an_invariant_of_the_sequence_caches_can_fail(invariant: str) -> None:
    machine = _manager()
    CORRUPTIONS[invariant](machine)
    assert invariant in machine.check()


def test_every_invariant_of_the_sequence_caches_fails_in_some_test() -> None:
    assert set(CORRUPTIONS) == set(SequenceCaches.INVARIANTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary_slots": 0}, "primary_slots is 0: it must be at least 1"),
        ({"tokens_per_block": 0}, "tokens_per_block is 0"),
        ({"gate_percent": 101}, "gate_percent is 101: it must be at most 100, which lets everything pass"),
    ],
)
def test_impossible_sizes_of_sequence_caches_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SequenceCachesParameters(**change)
