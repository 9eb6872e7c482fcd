"""The containers as they run: every use outside their meaning is an error."""

from __future__ import annotations

from mailbox import Fate, Mailbox, MailboxParameters
from typing import Any

import pytest

from kvproof.spec.lang import OutOfDomain, PriorityQueue, Rejected, RuleBroken


def _queue() -> PriorityQueue[Any, Any]:
    return Mailbox(MailboxParameters()).waiting


def test_a_queue_is_ordered_by_priority_then_by_place() -> None:
    queue = _queue()
    queue.push_back(0, 2)
    queue.push_back(1, 1)
    queue.push_front(2, 2)
    assert list(queue) == [1, 2, 0]
    assert queue.front() == 1


@pytest.mark.parametrize(
    "misuse",
    [
        lambda q: q.front(),
        lambda q: q.remove(0),
        lambda q: q.priority_of(0),
        lambda q: q.push_back(3, 0),
        lambda q: q.push_back(0, 9),
        lambda q: (q.push_back(0, 1), q.push_front(0, 2)),
    ],
    ids=["front of nothing", "remove absent", "priority of absent", "no such item", "no such priority", "queued twice"],
)
def test_misuse_of_a_queue_is_an_error(misuse: Any) -> None:
    with pytest.raises(OutOfDomain):
        misuse(_queue())


def test_a_value_outside_its_type_is_an_error() -> None:
    machine = Mailbox(MailboxParameters())
    with pytest.raises(OutOfDomain, match="5 is not a value of now"):
        machine.now = 5
    with pytest.raises(OutOfDomain, match="is not a value of this map"):
        machine.fate[0] = 2  # type: ignore[assignment, index]  # the error is the point
    with pytest.raises(OutOfDomain, match="is not a key of this map"):
        machine.fate[7]  # type: ignore[index]


def test_an_operation_is_rejected_before_its_first_step() -> None:
    machine = Mailbox(MailboxParameters(room=1))
    machine.apply("submit", {"job": 0, "patience": 1})
    before = machine.snapshot()
    with pytest.raises(Rejected, match="full"):
        machine.apply("submit", {"job": 1, "patience": 1})
    assert machine.snapshot() == before


def test_a_broken_rule_changes_nothing() -> None:
    machine = Mailbox(MailboxParameters())
    before = machine.snapshot()
    with pytest.raises(RuleBroken, match="leave-waiting"):
        machine.leave(0, Fate.LATE)  # type: ignore[arg-type]  # plain integers are what runs
    assert machine.snapshot() == before


def test_a_rejection_after_a_step_is_a_violation() -> None:
    from late_reject import LateReject

    for machine in (LateReject(MailboxParameters()),):
        with pytest.raises(RuleBroken, match="all-or-nothing"):
            machine.apply("hasten", {})
