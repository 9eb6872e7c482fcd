"""What the block manager states although other conditions imply it, and why it is said all the same."""

from __future__ import annotations

DOCUMENTING: dict[str, str] = {
    "free_at_most_slots": (
        "I-02 and I-04, the counters that were wrong upstream (#11879): it follows from slots_are_a_permutation and "
        "queued_at_own_level, and this is what it is called there"
    ),
    "free_and_used_fill_the_level": (
        "I-05, as upstream counts: it follows from slots_are_a_permutation and queued_at_own_level"
    ),
    "nothing_hangs_from_outside: len(self.child[b]) == 0": (
        "I-24 is about key, parent and children together: that there are no children follows from "
        "children_know_their_parents, since a parent is full and so cached"
    ),
}
"""By conjunct, or by method for all of its conjuncts. A test refuses a reason that is not needed."""
