"""A faulty machine: one operation takes a step and is rejected afterwards."""

from __future__ import annotations

from mailbox import Mailbox

from kvproof.spec.lang import operation, reject


class LateReject(Mailbox):
    """A mailbox in which waiting may fail half-way."""

    @operation
    def hasten(self) -> int:
        """Let time pass, but only when somebody waits; the test comes too late."""
        if self.now == self.params.end:
            reject("end-of-time")
        self.tick()
        if len(self.waiting) == 0:
            reject("empty")
        return self.expire()
