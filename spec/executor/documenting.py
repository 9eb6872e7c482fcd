"""What the executor states although it follows from what its operations do, and why it is said all the same."""

from __future__ import annotations

DOCUMENTING: dict[str, str] = {
    "schedule_generation: self.nobody_idle_came_after(victim)": (
        "it follows from how victim looks through the arrivals, in any state: a mutant that asks the last alone breaks it"
    ),
    "run: self.is_within_attention(batch)": (
        "it follows from within_attention, in any state: mutants that turn its conditions round break it"
    ),
}
"""By conjunct, or by method for all of its conjuncts. A test refuses a reason that is not needed."""
