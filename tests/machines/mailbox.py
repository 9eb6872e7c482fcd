"""A second machine, of another shape than a block manager: jobs wait in a bounded queue, are served or time out."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

import attrs

from kvproof.spec.lang import (
    AtMost,
    Between,
    Index,
    Machine,
    Map,
    Parameters,
    PriorityQueue,
    Shipped,
    choose,
    invariant,
    observation,
    operation,
    reject,
    require,
    sometimes,
    step,
)


@attrs.frozen
class MailboxParameters(Parameters):
    """Sizes of a mailbox."""

    jobs: int = 3
    """Different jobs."""
    room: int = 2
    """Jobs that may wait at once."""
    end: int = 4
    """The last time of the clock."""


class Job(Index):
    """One job."""

    @classmethod
    def count(cls, parameters: MailboxParameters) -> int:
        return parameters.jobs


class Fate(IntEnum):
    """What became of a job."""

    UNKNOWN = 0
    WAITING = 1
    SERVED = 2
    LATE = 3


Time = Annotated[int, Between(0, lambda p: p.end)]
History = Annotated[tuple[Job, ...], AtMost(lambda p: p.jobs)]


class Mailbox(Machine[MailboxParameters]):
    """Jobs with deadlines wait for service; which of the waiting jobs is served is left open."""

    waiting: PriorityQueue[Job, Time]
    """The jobs that wait, by deadline."""
    now: Time
    """The clock."""
    fate: Map[Job, Fate]
    """What became of each job."""
    served: History
    """Served jobs, the first first."""

    @step
    def enqueue(self, job: Job, deadline: Time) -> None:
        """A job begins to wait."""
        require(self.fate[job] == Fate.UNKNOWN, "enqueue-once")
        require(len(self.waiting) < self.params.room, "enqueue-in-room")
        self.waiting.push_back(job, deadline)
        self.fate[job] = Fate.WAITING

    @step
    def leave(self, job: Job, fate: Fate) -> None:
        """A job stops waiting."""
        require(job in self.waiting, "leave-waiting")
        self.waiting.remove(job)
        self.fate[job] = fate
        if fate == Fate.SERVED:
            self.served = self.served + (job,)

    @step
    def tick(self) -> None:
        """The clock advances."""
        require(self.now < self.params.end, "tick-before-end")
        self.now += 1

    @operation
    def submit(self, job: Job, patience: Time) -> int:
        """Let a job wait for at most `patience`; returns its deadline."""
        if self.fate[job] != Fate.UNKNOWN:
            reject("known-job")
        if len(self.waiting) == self.params.room:
            sometimes("a full mailbox refuses")
            reject("full")
        deadline = min(self.now + patience, self.params.end)
        self.enqueue(job, deadline)
        return deadline

    @operation
    def serve(self) -> Job:
        """Serve any waiting job."""
        if len(self.waiting) == 0:
            reject("empty")
        job = choose((j for j in self.every(Job) if j in self.waiting), "which job")
        self.leave(job, Fate.SERVED)
        return job

    @operation
    def wait(self) -> int:
        """Let time pass; jobs whose deadline is over are late. Returns how many."""
        if self.now == self.params.end:
            reject("end-of-time")
        self.tick()
        return self.expire()

    def expire(self) -> int:
        """Take out what has waited too long, the most overdue first."""
        late = 0
        for _ in range(self.params.room):
            if len(self.waiting) == 0:
                break
            job = self.waiting.front()
            if self.waiting.priority_of(job) >= self.now:
                break
            sometimes("a job is late")
            self.leave(job, Fate.LATE)
            late += 1
        return late

    @invariant
    def room_is_kept(self) -> bool:
        """No more jobs wait than there is room: enqueue requires it."""
        return len(self.waiting) <= self.params.room

    @invariant
    def nobody_waits_in_vain(self) -> bool:
        """No waiting job is past its deadline: time passes only together with expiry."""
        return all(self.waiting.priority_of(j) >= self.now for j in self.waiting)

    @invariant
    def fates_are_true(self) -> bool:
        """A job waits exactly when its fate says so."""
        return all((self.fate[j] == Fate.WAITING) == (j in self.waiting) for j in self.every(Job))

    @invariant
    def served_once(self) -> bool:
        """The history has each served job, once."""
        return all(
            sum(1 for x in self.served if x == j) == (1 if self.fate[j] == Fate.SERVED else 0) for j in self.every(Job)
        )

    @observation
    def observe(self) -> dict[str, Any]:
        """Everything can be seen."""
        return {
            "now": self.now,
            "waiting": [[int(j), self.waiting.priority_of(j)] for j in self.waiting],
            "served": list(self.served),
        }


class ExpiresOne(Mailbox):
    """A historic bug: only one overdue job is taken out at a time."""

    def expire(self) -> int:
        if len(self.waiting) == 0:
            return 0
        job = self.waiting.front()
        if self.waiting.priority_of(job) >= self.now:
            return 0
        sometimes("a job is late")
        self.leave(job, Fate.LATE)
        return 1


SHIPPED = Shipped(
    machine=Mailbox,
    variants={"late": ExpiresOne},
    sizes={
        "induction": {"3 jobs": MailboxParameters(), "room for all": MailboxParameters(jobs=2, room=2)},
        "bounded": {"3 jobs": MailboxParameters()},
        "explore": {"3 jobs": MailboxParameters()},
        "variants": {"late": MailboxParameters()},
        "fuzz": {"3 jobs": MailboxParameters(), "5 jobs": MailboxParameters(jobs=5, room=3, end=9)},
    },
)
