"""A checker's counterexample is offered to the implementation at every pace of its pending work."""

from __future__ import annotations

import pytest

from kvproof.fuzz.pace import MODES
from kvproof.fuzz.shell import counterexample
from kvproof.fuzz.shell.counterexample import Disagreement, settle
from kvproof.fuzz.target import Operation, Outcome
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.model import machines
from kvproof.model.checking.explore import explore

VARIANT = "M-37"


class PaceTarget(BlockManagerTarget):
    """The project's own manager, which notes its pace."""

    modes: list[str] = []  # noqa: RUF012 - of all the targets of one test
    broken = ""

    def __init__(self) -> None:
        super().__init__(simulated_device)
        self.mode = ""

    def pace(self, mode: str, seed: int) -> None:
        super().pace(mode, seed)
        self.mode = mode
        PaceTarget.modes.append(mode)

    def apply(self, operation: Operation) -> Outcome:
        if self.mode == PaceTarget.broken:
            raise RuntimeError("it does not bear this pace")
        return super().apply(operation)


def settled(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Settle the counterexample of a variant, where the implementation cannot bear one of the paces."""
    monkeypatch.setattr(counterexample, "load_target", lambda specifier: PaceTarget())
    monkeypatch.setattr(PaceTarget, "broken", broken)
    monkeypatch.setattr(PaceTarget, "modes", [])
    base = machines.load("block-manager")
    parameters = base.sizes["variants"][VARIANT]
    violation = explore(base.variant(VARIANT), parameters, 60.0).finding
    assert violation is not None
    assert len(violation.calls) == 1
    settle(base, base.variant(VARIANT), parameters, violation.calls, "exploration", None)


def test_it_is_executed_in_every_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    settled(monkeypatch, broken="none")
    assert PaceTarget.modes == list(MODES)


@pytest.mark.parametrize("mode", list(MODES))
def test_one_that_is_not_survived_in_some_mode_is_an_error(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    with pytest.raises(Disagreement, match=rf"does not survive the counterexample of .*M-37 \({mode}\)"):
        settled(monkeypatch, broken=mode)
