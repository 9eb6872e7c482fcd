"""Conditions are taken apart into what each of them refuses by itself, and what refuses nothing is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import pytest

from kvproof.model.witnesses.conjuncts import Conjunct, conjuncts
from kvproof.model.witnesses.search import find
from kvproof.model.witnesses.slips import slips
from kvproof.model.witnesses.witness import (
    Witness,
    WitnessError,
    changes,
    machine_in,
    read,
    replay,
    unearned,
    unexplained,
)
from kvproof.spec.lang import (
    Between,
    Index,
    Machine,
    Map,
    Parameters,
    compile_machine,
    ensure,
    invariant,
    operation,
    reject,
    require,
    step,
)


@attrs.frozen
class Sizes(Parameters):
    """Sizes of the shelf."""

    boxes: int = 2


class Box(Index):
    """A box."""

    @classmethod
    def count(cls, parameters: Sizes) -> int:
        return parameters.boxes


Load = Annotated[int, Between(0, 3)]


class Shelf(Machine[Sizes]):
    """Boxes with a load, some of them open."""

    load: Map[Box, Load]
    is_open: Map[Box, bool]
    sealed: Map[Box, bool]

    @step
    def put(self, box: Box, more: Load) -> None:
        """Put something into a box."""
        require(self.is_open[box] and not (self.sealed[box] or more == 0), "put-into-open")
        require(0 < self.load[box] + more <= 3, "put-what-fits")
        self.load[box] = self.load[box] + more

    @step
    def open(self, box: Box) -> None:
        """Open a box."""
        require(not self.sealed[box], "open-unsealed")
        self.is_open[box] = True

    @operation
    def fill(self, box: Box) -> int:
        """Fill a box."""
        if self.sealed[box] or self.load[box] == 3:
            reject("full")
        self.open(box)
        before = self.load[box]
        for _ in range(3):
            if self.load[box] < 3:
                self.put(box, 1)
        ensure(self.load[box] == 3 and self.load[box] > before, "filled")
        return before

    @invariant
    def sealed_boxes_are_shut_and_full(self) -> bool:
        """What is sealed has been filled."""
        return all(not self.sealed[b] or (not self.is_open[b] and self.load[b] == 3) for b in self.every(Box))

    @invariant
    def loads_are_small(self) -> bool:
        """Follows from the type."""
        return all(self.load[b] <= 3 for b in self.every(Box))

    @invariant
    def nothing_is_open_and_sealed(self) -> bool:
        """Follows from the first."""
        for box in self.every(Box):  # noqa: SIM110  # an early return is taken apart, too
            if self.is_open[box] and self.sealed[box]:
                return False
        return True


DEFINITION = compile_machine(Shelf)


def _keys() -> list[str]:
    return [conjunct.key for conjunct in conjuncts(DEFINITION)]


def test_a_condition_is_taken_apart_along_its_connectives() -> None:
    assert [key for key in _keys() if key.startswith("put: ")] == [
        "put: self.is_open[box]",
        "put: not self.sealed[box]",
        "put: not more == 0",
        "put: 0 < self.load[box] + more",
        "put: self.load[box] + more <= 3",
    ]
    assert [key for key in _keys() if key.startswith("sealed_boxes")] == [
        "sealed_boxes_are_shut_and_full: not self.is_open[b]",
        "sealed_boxes_are_shut_and_full: self.load[b] == 3",
    ]


@pytest.fixture(scope="module", name="shelf")
def _shelf() -> tuple[dict[str, Conjunct], dict[str, Witness]]:
    parts = conjuncts(DEFINITION)
    found = find(DEFINITION, parts, {"small": Sizes()}, variants={}, variant_sizes={})
    assert not found.undecided
    return {conjunct.key: conjunct for conjunct in parts}, found.witnesses


Shelves = tuple[dict[str, Conjunct], dict[str, Witness]]


def test_what_the_rest_implies_is_told_with_what_implies_it(shelf: Shelves) -> None:
    parts, witnesses = shelf
    left = unearned(DEFINITION, list(parts.values()), witnesses.values())
    assert {key: one.implied_by for key, one in left.items()} == {
        "put: 0 < self.load[box] + more": (),
        "loads_are_small: all((self.load[b] <= 3 for b in self.every(Box)))": (),
        # each of these two follows from the other
        "sealed_boxes_are_shut_and_full: not self.is_open[b]": ("nothing_is_open_and_sealed",),
        "nothing_is_open_and_sealed: not (self.is_open[box] and self.sealed[box])": ("sealed_boxes_are_shut_and_full",),
    }


def test_a_rule_is_broken_in_a_state_that_satisfies_the_invariants_where_there_is_one(shelf: Shelves) -> None:
    _, witnesses = shelf
    assert witnesses["put: self.is_open[box]"].unlike == ()
    assert "sealed_boxes_are_shut_and_full" in witnesses["put: not self.sealed[box]"].unlike


def test_a_promise_that_no_state_breaks_is_broken_by_a_slip(shelf: Shelves) -> None:
    parts, witnesses = shelf
    for key in ("fill: self.load[box] == 3", "fill: self.load[box] > before"):
        assert witnesses[key].slip is not None
        assert witnesses[key].unlike == ()
        assert replay(DEFINITION, parts[key], witnesses[key]) == ""
        assert replay(DEFINITION, parts[key], attrs.evolve(witnesses[key], slip=None)) != ""


def test_a_witness_that_does_not_hold_is_refused(shelf: Shelves) -> None:
    parts, witnesses = shelf
    witness = witnesses["put: self.load[box] + more <= 3"]
    conjunct = parts[witness.conjunct]
    assert replay(DEFINITION, conjunct, witness) == ""
    allowed = attrs.evolve(witness, arguments={**witness.arguments, "more": 1})
    assert replay(DEFINITION, conjunct, allowed) == "put(box=1, more=1) breaks nothing"
    elsewhere = attrs.evolve(witness, state={**witness.state, "sealed": {"0": True}})
    assert "sealed_boxes_are_shut_and_full and not nothing is violated" in replay(DEFINITION, conjunct, elsewhere)
    other = parts["put: self.is_open[box]"]
    assert "breaks put-what-fits" in replay(DEFINITION, other, witness)


def test_known_witnesses_are_kept_while_they_hold(shelf: Shelves) -> None:
    parts, witnesses = shelf
    known = {
        **witnesses,
        "put: not more == 0": attrs.evolve(witnesses["put: not more == 0"], arguments={"box": 1, "more": 1}),
    }
    found = find(
        DEFINITION, list(parts.values()), {"small": Sizes()}, variants={}, variant_sizes={}, known=tuple(known.values())
    )
    assert found.witnesses["put: not more == 0"].arguments["more"] == 0
    assert found.witnesses["put: self.is_open[box]"] is witnesses["put: self.is_open[box]"]


def test_a_reason_stands_for_a_conjunct_or_for_a_method_and_must_be_needed(shelf: Shelves) -> None:
    parts, witnesses = shelf
    left = unearned(DEFINITION, list(parts.values()), witnesses.values())
    reasons = {
        "put: 0 < self.load[box] + more": "",
        "loads_are_small": "",
        "nothing_is_open_and_sealed": "",
        "open": "",
    }
    assert unexplained(left, reasons) == (["sealed_boxes_are_shut_and_full: not self.is_open[b]"], ["open"])


def test_a_state_is_written_as_its_difference_from_the_initial_one_and_read_back(tmp_path: Path) -> None:
    machine = machine_in(DEFINITION, Sizes(), {"load": {"1": 2}, "is_open": {"0": True}})
    assert machine.snapshot() == ((0, 2), (True, False), (False, False))
    assert changes(DEFINITION, Sizes(), machine.snapshot()) == {"load": {"1": 2}, "is_open": {"0": True}}
    with pytest.raises(WitnessError, match="no state variable lod"):
        machine_in(DEFINITION, Sizes(), {"lod": 1})
    with pytest.raises(WitnessError, match="keys 7"):
        machine_in(DEFINITION, Sizes(), {"load": {"7": 1}})
    (tmp_path / "witnesses.json").write_text("{}")
    with pytest.raises(WitnessError, match="kvproof witnesses --record"):
        read(tmp_path / "witnesses.json")


def test_slips_leave_alone_what_is_stated() -> None:
    made = list(slips(DEFINITION, DEFINITION.methods["fill"]))
    assert ("fill", "    self.open(box)", "    pass") in made
    assert not [slip for slip in made if "ensure" in slip[1]]
