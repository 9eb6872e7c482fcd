"""A few mistakes in each machine, each noticed by what should notice it; `mutation_campaign.py` has many more."""

from __future__ import annotations

import pytest

from kvproof.model.machines import load
from kvproof.model.mutation.check import Fate, check_mutant, known_bits
from kvproof.model.mutation.mutants import mutants


@pytest.mark.parametrize(
    ("machine", "name", "sizes", "operation", "by"),
    [
        (
            "block-manager",
            "rewind: not the last 1",
            "2+0, batches, budgets, parts",
            "rewind",
            "truncate-after-dropping",
        ),
        ("block-manager", "level: other member 1", "2+0, two ranges", "rewind", "queued_at_own_level"),
        ("block-manager", "pin_path: not the last 2", "2+1, parts of blocks", "pin_path", "a-pin-counts-once"),
        ("transfers", "move: not the first 1", "1+1, 3 works", "move", "every-move-is-made-or-left-out"),
        ("transfers", "forward: and for or 1", "1+1, 3 works", "forward", "kernels-use-device-memory"),
        ("transfers", "shares_batch: part dropped 2", "1+1, 3 works", "complete", "pending_work_is_work"),
        ("sequence-caches", "is_evictable: or for and 2", "2+0", "create", "queue-only-evictable"),
        ("sequence-caches", "can_reshape: not the last 1", "2+0", "growth_that_fits_is_accepted", "grow-where-it-fits"),
        ("executor", "submit: other member 1", "2+0, two rows", "submit", "enter-once"),
        ("executor", "put_aside: max for min 1", "2+0, recurrent state", "a_victim_forgets_nothing", "bound: "),
    ],
)
def test_a_mistake_is_noticed(machine: str, name: str, sizes: str, operation: str, by: str) -> None:
    bundle = load(machine)
    mutant = next(one for one in mutants(bundle.definition) if one.name == name)
    parameters = bundle.sizes["induction"][sizes]
    noticed = check_mutant(mutant, parameters, operation, known_bits(bundle.definition, parameters), 120)
    assert noticed.fate is Fate.REFUTED, mutant.shown
    assert noticed.by.startswith(by)
