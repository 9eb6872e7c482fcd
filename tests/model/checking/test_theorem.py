"""Theorems: what is true for all integers is proved, what is not gets values, and nothing is proved vacuously."""

from __future__ import annotations

import attrs
import pytest
from kitchen import Kitchen

from kvproof.model.checking import theorem as prover
from kvproof.model.checking.theorem import TheoremDisagreement, TheoremReport, check_theorem, check_theorems
from kvproof.model.checking.theorem_lowering import stated
from kvproof.model.checking.verdict import Verdict
from kvproof.spec.lang import Machine, NotAssumed, Parameters, assume, compile_machine, theorem


@attrs.frozen
class PageSizes(Parameters):
    """Sizes of pages."""

    tokens: int = 2
    """Tokens that one page holds."""


LEAST = 1


class Pages(Machine[PageSizes]):
    """Arithmetic of pages."""

    def charge(self, chunk: int, estimated: int, remaining: int) -> int:
        """What a scheduler reckons with."""
        if estimated <= 0 or estimated + chunk < remaining:
            return chunk
        return max(0, remaining - estimated)

    def chunk_end(self, start: int, chunk: int, length: int) -> int:
        """Where a chunk ends."""
        if start + chunk >= length:
            return length
        whole: int = (start + chunk) // self.params.tokens
        return whole * self.params.tokens

    @theorem
    def cost_is_within_the_charge(self, chunk: int, estimated: int, reused: int, remaining: int) -> bool:
        """A batch that the scheduler admits is not refused for its tokens."""
        assume(chunk >= self.params.tokens)
        assume(self.params.tokens >= LEAST)
        assume(0 <= estimated <= reused < remaining)
        cost = self.chunk_end(reused, chunk, remaining) - reused
        return cost <= self.charge(chunk, estimated, remaining)

    @theorem
    def cost_is_within_the_charge_of_any_estimate(
        self, chunk: int, estimated: int, reused: int, remaining: int
    ) -> bool:
        """False: the estimate may have been too high."""
        assume(chunk >= self.params.tokens and self.params.tokens >= 1)
        assume(estimated >= 0)
        assume(reused >= 0)
        assume(reused < remaining)
        return self.chunk_end(reused, chunk, remaining) - reused <= self.charge(chunk, estimated, remaining)

    @theorem
    def more_tokens_need_no_fewer_pages(self, few: int, many: int) -> bool:
        """Division is monotone."""
        assume(self.params.tokens > 0)
        assume(few <= many)
        return few // self.params.tokens <= many // self.params.tokens

    @theorem
    def only_far_away(self, tokens: int) -> bool:
        """False, but for no small number."""
        assume(tokens >= 0)
        return tokens % 1000 != 999 or not tokens > 5000

    @theorem
    def divides_by_anything(self, tokens: int) -> bool:
        """Says nothing where the divisor is not positive."""
        assume(tokens > 0)
        return tokens // self.params.tokens <= tokens

    @theorem
    def guards_its_divisor(self, tokens: int, by: int) -> bool:
        """The divisor is positive wherever there is a division."""
        assume(tokens > 0)
        return tokens % by < by if by > 0 else True

    @theorem
    def about_nothing(self, tokens: int) -> bool:
        """No integer is meant."""
        assume(tokens > 3)
        assume(tokens < 4)
        return tokens == 9


def check(name: str) -> TheoremReport:
    return check_theorem(compile_machine(Pages), name)


@pytest.mark.parametrize("name", ["cost_is_within_the_charge", "more_tokens_need_no_fewer_pages", "guards_its_divisor"])
def test_a_theorem_that_is_true_of_all_integers_is_proved(name: str) -> None:
    report = check(name)
    assert report.verdict is Verdict.PROVED
    assert report.values is None


def test_a_false_theorem_gets_values_for_which_the_specification_is_false() -> None:
    report = check("cost_is_within_the_charge_of_any_estimate")
    assert report.verdict is Verdict.VIOLATED
    assert report.values is not None
    values = dict(report.values)
    machine = Pages(PageSizes(values.pop("params.tokens")))
    assert machine.cost_is_within_the_charge_of_any_estimate(**values) is False
    assert "estimated = " in report.told


def test_a_counterexample_among_large_numbers_is_found_too() -> None:
    report = check("only_far_away")
    assert report.verdict is Verdict.VIOLATED
    assert report.values is not None
    assert report.values["tokens"] % 1000 == 999


def test_a_theorem_about_no_integers_is_vacuous_and_does_not_pass() -> None:
    report = check("about_nothing")
    assert report.verdict is Verdict.VACUOUS
    assert not report.verdict.passes


def test_a_divisor_that_may_not_be_positive_is_a_violation() -> None:
    report = check("divides_by_anything")
    assert report.verdict is Verdict.VIOLATED
    assert "the divisor of tokens // self.params.tokens is positive is false" in report.told
    assert report.values is not None
    assert report.values["params.tokens"] <= 0


def test_without_time_the_verdict_is_unknown() -> None:
    report = check_theorem(compile_machine(Pages), "cost_is_within_the_charge", seconds=-1.0)
    assert report.verdict is Verdict.UNKNOWN


def test_every_theorem_of_a_machine_is_checked_in_order() -> None:
    reports = check_theorems(compile_machine(Pages))
    assert [report.theorem for report in reports] == list(compile_machine(Pages).theorems())


def test_a_counterexample_that_the_specification_does_not_confirm_is_a_defect() -> None:
    definition = compile_machine(Pages)
    method = definition.theorems()["more_tokens_need_no_fewer_pages"]
    with pytest.raises(TheoremDisagreement, match="is true for"):
        prover._execute(definition, method, {"few": 1, "many": 2, "params.tokens": 1})
    with pytest.raises(TheoremDisagreement, match="does not apply"):
        prover._execute(definition, method, {"few": 2, "many": 1, "params.tokens": 1})


def test_a_theorem_run_on_values_it_does_not_speak_of_says_so() -> None:
    with pytest.raises(NotAssumed):
        Pages(PageSizes()).about_nothing(1)


def test_every_parameter_that_is_read_is_any_integer() -> None:
    definition = compile_machine(Pages)
    statement = stated(definition, definition.theorems()["cost_is_within_the_charge"])
    assert set(statement.variables) == {"chunk", "estimated", "reused", "remaining", "params.tokens"}


def test_the_theorem_of_a_machine_with_records_is_proved() -> None:
    (report,) = check_theorems(compile_machine(Kitchen))
    assert (report.theorem, report.verdict) == ("washing_is_enough", Verdict.PROVED)
