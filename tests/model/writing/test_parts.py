"""The parts of the generated references obey the same laws as the language's own."""

from __future__ import annotations

import mailbox
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kvproof.model import machines
from kvproof.model.writing.parts import PriorityQueue as FastQueue
from kvproof.model.writing.parts import RuleBroken
from kvproof.spec.lang import Index, OutOfDomain
from kvproof.spec.lang import PriorityQueue as PlainQueue
from kvproof.spec.lang.types import IndexType, QueueType, RangeType


class Item(Index):
    """An item."""

    @classmethod
    def count(cls, parameters: Any) -> int:
        return 5


KIND = QueueType(IndexType(Item), RangeType(0, 3))
CALLS = st.tuples(st.sampled_from(["push_back", "push_front", "remove", "front"]), st.integers(0, 4), st.integers(0, 3))


def _outcome(queue: Any, call: tuple[str, int, int]) -> Any:
    name, item, priority = call
    arguments = {"remove": (item,), "front": ()}.get(name, (item, priority))
    try:
        return getattr(queue, name)(*arguments)
    except (OutOfDomain, RuleBroken):
        return "refused"


@given(st.lists(CALLS, max_size=40))
def test_both_queues_do_the_same(calls: list[tuple[str, int, int]]) -> None:
    plain: PlainQueue[Any, Any] = PlainQueue(KIND, None)
    fast = FastQueue()
    for call in calls:
        assert _outcome(plain, call) == _outcome(fast, call)
        assert list(plain) == list(fast)
        assert len(plain) == len(fast)
        assert plain.snapshot() == fast.snapshot()
        assert all((item in plain) == (item in fast) for item in range(5))


@given(st.lists(CALLS, max_size=40))
def test_a_restored_queue_is_the_same(calls: list[tuple[str, int, int]]) -> None:
    queue = FastQueue()
    for call in calls:
        _outcome(queue, call)
    assert FastQueue.restored(queue.snapshot()).snapshot() == queue.snapshot()


def test_a_state_variable_of_an_enumeration_begins_as_its_member() -> None:
    job = machines.load("mailbox:Mailbox").reference(mailbox.MailboxParameters()).fate[0]
    assert job.name == mailbox.Fate.UNKNOWN.name
