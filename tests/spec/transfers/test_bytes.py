"""What the rules of the transfers forbid ends in wrong bytes: each historic bug, in a machine without those rules."""

from __future__ import annotations

from typing import Any

import pytest
import unruled_transfers

from kvproof.model import machines
from kvproof.model.checking.explore import explore

BASE = machines.load("unruled_transfers:Unruled")

Call = tuple[str, dict[str, Any]]


def _forward(block: int, content: int) -> list[Call]:
    """A pass that has written a block, on an idle device."""
    return [
        ("forward", {"on": 0, "reads": None, "writes": block, "content": content}),
        ("complete", {"work": 0, "granule": 0}),
    ]


def _move(block: int, into: int) -> Call:
    return ("move", {"moves": ({"block": block, "into": into, "length": 1},)})


SEQUENCES: dict[str, list[Call]] = {
    # Device slots 0 and 1, host slots 2 and 3. Slot 0 is offloaded to 3; host slot 2 comes to slot 1, whose number is that
    # of host slot 3, and takes its entry; then 3 comes to slot 1 and does not wait for what is being written there.
    "M-57": [*_forward(0, 1), _move(0, 3), _move(2, 1), _move(0, 2)],
    # Slot 0 is offloaded and copied to slot 1, and the copy alone is remembered; then host slot 3 comes to slot 0.
    "M-58": [*_forward(0, 1), _move(0, 2), _move(2, 1), _move(3, 2)],
}
"""Two bugs that take too long to find from the start: up to the copy that does not wait."""

LATE_OFFLOAD = (1, 2, 0)
"""The order in which the three copies complete: those to the device, then the one to the host that was asked for first."""


@pytest.mark.parametrize("name", [name for name in unruled_transfers.SHIPPED.variants if name not in SEQUENCES])
def test_some_schedule_of_a_historic_bug_ends_with_wrong_bytes(name: str) -> None:
    found = explore(BASE.variant(name), unruled_transfers.SHIPPED.sizes["variants"][name], 60).finding
    assert found is not None
    assert found.rule == "completed_is_sequential"


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_late_offload_ends_with_wrong_bytes(name: str) -> None:
    machine = BASE.variant(name).reference(unruled_transfers.SHIPPED.sizes["variants"][name])
    for operation, arguments in SEQUENCES[name]:
        machine.apply(operation, arguments)
    for work in LATE_OFFLOAD:
        assert machine.check() == []
        machine.apply("complete", {"work": work, "granule": 0})
    assert machine.check() == ["completed_is_sequential"]


@pytest.mark.parametrize("name", SEQUENCES)
def test_with_the_discipline_the_copy_waits(name: str) -> None:
    machine = machines.load("transfers").reference(unruled_transfers.SHIPPED.sizes["variants"][name])
    for operation, arguments in SEQUENCES[name]:
        machine.apply(operation, arguments)
    machine.apply("complete", {"work": 1, "granule": 0})
    assert machine.enabled("complete", {"work": 2, "granule": 0}) == "blocked"
