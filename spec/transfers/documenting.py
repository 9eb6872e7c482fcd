"""What the transfers state although other conditions imply it, and why it is said all the same."""

from __future__ import annotations

DOCUMENTING: dict[str, str] = {
    "completed_is_sequential": (
        "the theorem of the machine: it follows from memory_becomes_what_was_planned, which carries it, and is what a "
        "reader wants to know"
    ),
    "something_may_run": (
        "no deadlock: it follows from order_is_strict and pending_work_is_work, and is what a reader wants to know"
    ),
    "pending_work_is_work: not self.is_open(work)": (
        "between operations no batch is open: it follows from what is left of a batch and from batches_are_alike, and "
        "half of the rules are about batches that are"
    ),
    "writes": (
        "a kernel that only reads writes no slot, and a free ticket none either: the rules of submit ask of both, where it "
        "keeps them from refusing; the invariants ask of slots alone"
    ),
}
"""By conjunct, or by method for all of its conjuncts. A test refuses a reason that is not needed."""
