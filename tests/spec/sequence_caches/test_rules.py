"""Every rule of the sequence caches can be broken, and every invariant can fail: none of them is vacuous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.sequence_caches import Parameters, SequenceCaches
from kvproof.spec.sequence_caches.kinds import SequenceCachesParameters

SIZES = Parameters(
    primary_slots=4,
    secondary_slots=2,
    window_tokens=2,
    window_primary=5,
    window_secondary=2,
    scratch_share=1,
    state_primary=4,
    state_secondary=2,
    caches=3,
    chunks=2,
    tokens_per_block=2,
    blocks_max=3,
    priorities=2,
)
PRIMARY, SECONDARY = 0, 1
FULL, WINDOW, STATE = 0, 1, 2
FULL_0, FULL_1, WINDOW_0, STATE_LIVE, SNAPSHOT = 0, 1, 3, 6, 7
"""Places of a cache."""
NO_PAGE = 4
"""A page of full attention that does not exist."""


def _manager() -> SequenceCaches:
    """Cache 0 is active with a committed block, of text 0, and one of its own; cache 1 is suspended with a block of its
    own, of text 1; nobody has the committed block of text 1."""
    machine = SequenceCaches(SIZES)
    for cache, text in ((0, (0, 0, 0)), (1, (1, 1)), (2, (1,))):
        machine.apply("create", {"cache": cache, "text": text, "priority": 0})
        machine.apply("resume", {"cache": cache})
    machine.apply("resize", {"cache": 0, "capacity": 4, "history": 2})
    machine.apply("commit", {"cache": 0})
    machine.apply("resize", {"cache": 1, "capacity": 2, "history": 0})
    machine.apply("resize", {"cache": 2, "capacity": 2, "history": 2})
    machine.apply("commit", {"cache": 2})
    machine.apply("close", {"cache": 2})
    machine.apply("suspend", {"cache": 1})
    return machine


def _own(machine: SequenceCaches) -> int:
    """The private page of active cache 0."""
    page = machine.cell[0][FULL_1]
    assert page is not None
    return page


def _held(machine: SequenceCaches) -> int:
    """The private page of suspended cache 1."""
    page = machine.cell[1][FULL_0]
    assert page is not None
    return page


def _free(machine: SequenceCaches, kind: int = FULL) -> int:
    """A committed page that nobody has."""
    return machine.known[kind][(1,)]


def _without_scratch(machine: SequenceCaches) -> None:
    for place in sorted(machine.locked[0]):
        machine.unlock(0, place)
    machine.take_scratch(0, 1)
    machine.deactivate(0)


BREAKS: dict[str, Callable[[SequenceCaches], Any]] = {
    "new-page": lambda m: m.take_slot(_own(m), FULL, 0),
    "slot-of-its-group": lambda m: m.take_slot(NO_PAGE, WINDOW, 0),
    "slot-is-vacant": lambda m: [m.take_slot(page, FULL, 0) for page in (4, 5)],
    "destroy-only-droppable": lambda m: m.destroy(_held(m)),
    "unqueue-before-destroy": lambda m: m.destroy(_free(m)),
    "migrate-elsewhere": lambda m: m.migrate(NO_PAGE, SECONDARY),
    "locked-stays": lambda m: m.migrate(_own(m), SECONDARY),
    "unqueue-before-migrate": lambda m: m.migrate(_held(m), SECONDARY),
    "queue-only-evictable": lambda m: m.enqueue(_own(m)),
    "queue-once": lambda m: m.enqueue(_held(m)),
    "unqueue-queued": lambda m: m.unqueue(_own(m)),
    "link-private": lambda m: m.link(_free(m), (0, 0)),
    "link-once": lambda m: m.link(_own(m), (0,)),
    "link-to-a-block": lambda m: m.link(m.cell[0][4], (0, 0)),
    "link-after-its-predecessor": lambda m: m.link(_own(m), (1, 1, 1)),
    "open-closed": lambda m: m.open(0, (), 0),
    "hold-when-open": lambda m: m.hold(2, FULL_0, _free(m)),
    "hold-of-its-kind": lambda m: m.hold(1, FULL_1, _free(m, WINDOW)),
    "hold-in-an-empty-cell": lambda m: m.hold(1, FULL_0, _free(m)),
    "let-go-what-is-there": lambda m: m.let_go(1, FULL_1),
    "unlock-before-let-go": lambda m: m.let_go(0, FULL_0),
    "lock-once": lambda m: m.lock(0, FULL_0),
    "lock-on-device": lambda m: m.lock(1, FULL_0),
    "unlock-locked": lambda m: m.unlock(1, FULL_0),
    "scratch-of-its-own": lambda m: m.give_scratch(0, 1),
    "activate-suspended": lambda m: m.activate(0),
    "lock-before-activate": lambda m: m.activate(1),
    "suspend-active": lambda m: m.deactivate(1),
    "unlock-before-suspend": lambda m: m.deactivate(0),
    "scratch-before-suspend": _without_scratch,
    "stop-open": lambda m: m.stop(2),
    "committed-history-capacity": lambda m: m.measure(0, 2, 2, 4),
    "one-page-a-block": lambda m: m.measure(0, 1, 2, 6),
    "close-suspended": lambda m: m.shut(0),
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


def _wedged(machine: SequenceCaches) -> None:
    """Nobody is active, and what nobody uses is in no queue any more."""
    machine.apply("suspend", {"cache": 0})
    for page in list(machine.queue[PRIMARY]):
        machine.queue[PRIMARY].remove(page)


CORRUPTIONS: dict[str, Callable[[SequenceCaches], Any]] = {
    "lengths_are_ordered": lambda m: m.history.__setitem__(0, 5),
    "closed_caches_have_nothing": lambda m: m.text.__setitem__(2, (1,)),
    "only_active_caches_lock": lambda m: m.locked[0].discard(FULL_0),
    "counters_count": lambda m: m.holds.__setitem__(_held(m), 2),
    "locked_pages_are_on_the_device": lambda m: m.level.__setitem__(_own(m), SECONDARY),
    "queued_means_evictable": lambda m: m.queue[PRIMARY].remove(_free(m)),
    "slots_are_conserved": lambda m: m.vacant[PRIMARY].__setitem__(0, 3),
    "what_does_not_exist_is_nowhere": lambda m: m.priority.__setitem__(NO_PAGE, 1),
    "private_pages_have_one_owner": lambda m: m.holds.__setitem__(_held(m), 2),
    "what_is_committed_is_found": lambda m: m.path.__setitem__(_free(m), (1, 1)),
    "blocks_hang_from_their_predecessors": lambda m: m.known[FULL].__delitem__((1,)),
    "what_hangs_is_counted": lambda m: m.below.__setitem__(_free(m), 0),
    "committed_blocks_are_everybodys": lambda m: m.text.__setitem__(0, (1, 1)),
    "windows_are_complete": lambda m: m.cell[0].__setitem__(WINDOW_0, None),
    "states_start_once": lambda m: m.cell[0].__setitem__(SNAPSHOT, m.known[STATE][(0,)]),
    "utilisation_is_what_is_kept": lambda m: m.queue[PRIMARY].remove(_held(m)),
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
        ({"window_tokens": -1}, "window_tokens is -1: it must be at least 0"),
        ({"sink_blocks": 1}, "sink_blocks is 1 but window_tokens is 0: set window_tokens, or leave sink_blocks out"),
        ({"tertiary_slots": 1, "secondary_slots": 0}, "tertiary_slots is 1 but secondary_slots is 0"),
    ],
)
def test_impossible_sizes_of_sequence_caches_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SequenceCachesParameters(**change)
