"""What the sequence caches state although other conditions imply it, and why it is said all the same."""

from __future__ import annotations

DOCUMENTING: dict[str, str] = {
    "utilisation_is_what_is_kept": (
        "S-14 is a theorem about what unavailable counts: it follows from slots_are_conserved and queued_means_evictable"
    ),
    "any_waiting_cache_can_be_resumed": (
        "S-15 (b) is a theorem about what can_resume decides: it follows from slots_are_conserved, queued_means_evictable"
    ),
    "some_waiting_cache_can_be_resumed": (
        "S-15 (a) follows from (b), and stands alone for variants in which only this is claimed"
    ),
    "settle: self.is_last_victim(page)": (
        "it follows from how enqueue queues a page, in any state: a mutant that queues it at the front breaks it"
    ),
}
"""By conjunct, or by method for all of its conjuncts. A test refuses a reason that is not needed."""
