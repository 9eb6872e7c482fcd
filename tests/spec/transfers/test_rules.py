"""Every rule of the transfers can be broken, and every invariant can fail: none of them is vacuous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.transfers import Parameters, Transfers
from kvproof.spec.transfers.kinds import TransfersParameters

SIZES = Parameters(primary_slots=2, secondary_slots=2, works=5, contents=3, granules=2, moves_max=2, forward_streams=2)
ONBOARD, OFFLOAD, COMPUTE = 0, 1, 2


def _move(block: int, into: int, length: int = 2) -> dict[str, Any]:
    return {"moves": ({"block": block, "into": into, "length": length},)}


def _busy() -> Transfers:
    """Block 0 holds content 1 and is being offloaded to slot 2 (ticket 0); a pass writes content 2 to block 1 (ticket 1),
    and waits for the offload as the copies of the next iteration will wait for it."""
    machine = Transfers(SIZES)
    machine.apply("forward", {"on": 0, "reads": None, "writes": 0, "content": 1})
    machine.apply("complete", {"work": 0, "granule": 0})
    machine.apply("move", _move(0, 2))
    machine.apply("forward", {"on": 0, "reads": None, "writes": 1, "content": 2})
    return machine


def _open(machine: Transfers) -> Transfers:
    """A third piece of work is in an open batch of the onboard stream: slot 3 to slot 1 after the pass that writes it."""
    machine.join(ONBOARD, COMPUTE)
    machine.submit(2, ONBOARD, 3, 1, 2, 0)
    return machine


def _unmet(machine: Transfers) -> Transfers:
    """The slot that the offload reads has changed under it."""
    machine.memory[0][1] = 2
    return machine


BREAKS: dict[str, Callable[[Transfers], Any]] = {
    "submit-free-ticket": lambda m: m.submit(0, COMPUTE, None, 1, 2, 0),
    "submit-something": lambda m: m.submit(4, COMPUTE, None, None, 2, 0),
    "kernels-use-device-memory": lambda m: m.submit(4, ONBOARD, None, 3, 2, 0),
    "read-after-write": lambda m: m.submit(4, ONBOARD, 2, 0, 2, 0),
    "write-after-read": lambda m: m.submit(4, ONBOARD, 3, 0, 2, 0),
    "write-after-write": lambda m: m.submit(4, ONBOARD, 3, 2, 2, 0),
    "close-open-batch": lambda m: m.close(OFFLOAD),
    "wait-for-recorded": lambda m: _open(m).wait(OFFLOAD, 2),
    "join-closed-batch": lambda m: _open(m).join(OFFLOAD, ONBOARD),
    "carry-what-is-left": lambda m: (m.carry(0, 1), m.carry(0, 1)),
    "carry-submitted-batch": lambda m: _open(m).carry(2, 0),
    "carry-in-order": lambda m: m.carry(1, 0),
    "reads-as-in-sequence": lambda m: _unmet(m).carry(0, 1),
    "retire-complete": lambda m: m.retire(0),
    "swap-two-blocks": lambda m: m.swap(1, 1),
    "copy-before-swap": lambda m: m.swap(1, 3),
    "through-current-table": lambda m: (m.page_table.__setitem__(1, 0), m.look_up(1)),
    "start-joined": lambda m: (m.start(), m.fall_behind(), m.start()),
    "copy-in-iteration": lambda m: m.fall_behind(),
}


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_a_rule_of_the_transfers_can_be_broken(rule: str) -> None:
    with pytest.raises(Transfers.RuleBroken) as caught:
        BREAKS[rule](_busy())
    assert caught.value.rule == rule


def test_every_rule_of_the_transfers_is_broken_by_some_test() -> None:
    assert set(BREAKS) == set(machines.load("transfers").definition.rules())


def test_a_conflict_within_a_batch_breaks_a_rule() -> None:
    machine = _open(_busy())
    with pytest.raises(Transfers.RuleBroken) as caught:
        machine.submit(3, ONBOARD, 1, None, 2, 0)
    assert caught.value.rule == "read-after-write"


def _circular(machine: Transfers) -> None:
    machine.before[0].add(1)


def _in_iteration(machine: Transfers) -> Transfers:
    """The pass on its own, and then a copy that waits for it: block 1 to slot 3 (ticket 2)."""
    machine.apply("move", _move(1, 3))
    return machine


CORRUPTIONS: dict[str, Callable[[Transfers], Any]] = {
    "free_tickets_are_blank": lambda m: m.known[OFFLOAD].add(4),
    "pending_work_is_work": lambda m: _open(m),
    "kernels_are_not_torn": lambda m: m.left[1].discard(0),
    "kernels_are_alone": lambda m: m.covers[0].add(1),
    "batches_are_alike": lambda m: m.covers[0].add(1),
    "order_is_strict": _circular,
    "events_cover_what_came_before": lambda m: m.covers[1].discard(0),
    "streams_know_what_came_before": lambda m: m.known[COMPUTE].discard(0),
    "conflicts_are_ordered": lambda m: (m.target.__setitem__(1, 0), m.before[1].discard(0)),
    "work_meets_what_it_expects": lambda m: _unmet(m),
    "memory_becomes_what_was_planned": lambda m: m.planned[1].__setitem__(0, 0),
    "completed_is_sequential": lambda m: _idle(m).memory[3].__setitem__(1, 2),
    "something_may_run": _circular,
    "forward_passes_wait_for_copies": lambda m: m.known[3].discard(0),
    "copies_wait_for_forward_passes": lambda m: setattr(m, "in_iteration", True),
    "tables_name_what_streams_do_not_know": lambda m: _in_iteration(m).readers[1].discard(2),
    "tables_name_copies_of_their_slot": lambda m: m.writer.__setitem__(0, 0),
    "slots_are_shared_by_none": lambda m: m.slot.__setitem__(1, 0),
}


def _idle(machine: Transfers) -> Transfers:
    for work, granule in ((0, 0), (0, 1), (1, 0)):
        machine.apply("complete", {"work": work, "granule": granule})
    return machine


@pytest.mark.parametrize("invariant", sorted(CORRUPTIONS))
def test_an_invariant_of_the_transfers_can_fail(invariant: str) -> None:
    machine = _busy()
    assert machine.check() == []
    CORRUPTIONS[invariant](machine)
    assert invariant in machine.check()


def test_every_invariant_of_the_transfers_fails_in_some_test() -> None:
    assert set(CORRUPTIONS) == set(Transfers.INVARIANTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary_slots": 0}, "primary_slots is 0: it must be at least 1"),
        ({"contents": 1}, "contents is 1: it must be at least 2"),
        ({"moves_max": 0}, "moves_max is 0"),
        ({"forward_streams": 3}, "forward_streams is 3: there are at most 2, COMPUTE and EXECUTION"),
    ],
)
def test_impossible_sizes_of_transfers_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransfersParameters(**change)
