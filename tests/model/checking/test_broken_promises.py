"""Promises that no state alone can break, as their own operation sees to them: a machine that does it wrongly breaks them.

`documenting` of a machine says which these are; they are proved, and here the same proof refutes the mistake.
"""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.checking.induction import check_induction
from kvproof.spec.executor import Executor
from kvproof.spec.executor.kinds import Request, RequestCount
from kvproof.spec.lang import Machine, compile_machine, require, step
from kvproof.spec.sequence_caches import SequenceCaches
from kvproof.spec.sequence_caches.kinds import Page


class PutsItselfAside(Executor):
    """A request that wants room asks nobody else for it."""

    def victim(self, request: Request) -> Request:
        return request


class AttendsToAll(Executor):
    """As many context requests go on as there are, whatever they attend to."""

    def within_attention(self, count: RequestCount) -> RequestCount:
        return count


class QueuesAtTheFront(SequenceCaches):
    """What has just been released is the next victim."""

    @step
    def enqueue(self, page: Page) -> None:
        """A page becomes the first victim of its level and priority."""
        require(self.is_evictable(page), "queue-only-evictable")
        require(not self.is_queued(page), "queue-once")
        self.queue[self.level_of(page)].push_front(page, self.priority[page])


BROKEN: dict[str, tuple[type[Machine[Any]], str, str, str]] = {
    "who-came-last-makes-room": (PutsItselfAside, "executor", "2+0, two rows", "schedule_generation"),
    "attention-stays-within-its-limit": (AttendsToAll, "executor", "2+1, three requests, waiting", "run"),
    "released-waits-behind-its-peers": (QueuesAtTheFront, "sequence-caches", "2+1, two texts", "suspend"),
}


@pytest.mark.parametrize("promise", sorted(BROKEN))
def test_a_promise_of_an_operation_about_itself_can_be_broken(promise: str) -> None:
    cls, machine, label, operation = BROKEN[promise]
    sizes = machines.load(machine).sizes["induction"][label]
    report = check_induction(compile_machine(cls), sizes, operations=[operation], seconds=120.0, jobs=1)
    assert promise in {finding.rule for finding in report.findings}
