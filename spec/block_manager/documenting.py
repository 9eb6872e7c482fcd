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
    "add_batch: self.least_cost(requests, plans) > budget": (
        "it follows from how trimmed shortens a chunk, in any state: a mutant that trims nothing (max for min in trimmed) "
        "breaks it"
    ),
    "place: not any((self.has_longer_part(requests[i].tokens, plans[i]) for i in range(len(plans))))": (
        "it follows from how tail and common look for a part, in any state: a mutant that compares one token alone (first "
        "only in common) breaks it"
    ),
    "are_kept_as_wished: self.covers(wish, position)": (
        "it ties the wish to its block: alone it is noticed only where two ranges of one prompt wish for the same"
    ),
    "are_kept_as_wished: self.duration[held[position]] == wish.duration": (
        "it follows from how wished_duration finds the range, in any state: a mutant that finds none breaks it"
    ),
}
"""By conjunct, or by method for all of its conjuncts. A test refuses a reason that is not needed."""
