"""A machine that derives another: it calls what it overrides, and claims less; helpers refuse for their operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from random_machines.states import put_into
from symbolic_agreement import disagreements, random_runs
from written import bundle, outcome

from kvproof.model import document
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.lowering.system import System
from kvproof.spec.lang import LanguageError

BASE = """
class Base(Machine[P]):
    n: N
    s: Set[A]
    o: N | None

    def initial(self) -> None:
        self.n = 1

    @step
    def put(self, n: N) -> None:
        "A number other than before."
        require(n != self.n, "other")
        self.n = n

    @step
    def mark(self, a: A) -> None:
        "A thing."
        self.s.add(a)

    def look(self, n: int) -> N:
        return self.n + n

    def tested(self, a: A) -> int:
        if a in self.s:
            reject("marked")
        return a

    @operation
    def move(self, a: A, n: N) -> int:
        "To a number."
        if n == self.n:
            reject("same")
        self.put(n)
        return self.look(0)

    @invariant
    def small(self) -> bool:
        "It is not seven."
        return self.n != 7

    @trial
    def back(self, n: N) -> None:
        "Any other number may come."
        assume(n != self.n)
        self.put(n)
        ensure(self.n == n, "there")
"""
M = BASE + "\nclass M(Base):\n"
CASES = {
    "a step": """
    @step
    def put(self, n: N) -> None:
        "It is marked, too."
        require(n != 5, "not five")
        super().put(n)
        self.s.add(0)
""",
    "a step that does less": """
    @step
    def put(self, n: N) -> None:
        "Another number."
        super().put(n - 1)
""",
    "a step, by steps": """
    @step
    def mark(self, a: A) -> None:
        "Two things."
        if a > 0:
            super().mark(A(a - 1))
        super().mark(a)
    @operation
    def note(self, a: A) -> int:
        "Marked."
        self.mark(a)
        return len(self.s)
""",
    "an operation": """
    @operation
    def move(self, a: A, n: N) -> int:
        "There and marked."
        if n == 3:
            self.mark(a)
        moved = super().move(a, n)
        return moved + 1
""",
    "a helper": """
    def look(self, n: int) -> N:
        return super().look(n + 1) + super().look(0)
""",
    "an invariant": """
    @invariant
    def small(self) -> bool:
        "Smaller."
        return super().small() and self.n != 6
""",
    "a trial": """
    @trial
    def back(self, n: N) -> None:
        "There, and back."
        before = self.n
        super().back(n)
        ensure(self.n == n or n == 4, "still there")
        self.put(before)
        super().back(n)
""",
    "what is ordinary Python": """
    def initial(self) -> None:
        super().initial()
        self.n = self.n + 2
""",
    "all the way down": """
    @step
    def put(self, n: N) -> None:
        "Its own."
        super().put(n)
        self.s.add(1)
class Middle(M):
    @step
    def put(self, n: N) -> None:
        "Its own."
        super().put(n)
        self.s.discard(1)
M = Middle
""",
    "a helper refuses": """
    @operation
    def move(self, a: A, n: N) -> int:
        "Only things that are not marked."
        x = self.tested(a) + 1 if n > 2 else 5
        if n == 1 and self.tested(a) == 2:
            reject("two")
        for b in self.every(A):
            if b > a:
                x += self.tested(b)
        if n == 6:
            self.mark(a)
        y = 3 < x < self.tested(a) + 4
        self.mark(a)
        return x + (1 if y else 0)
""",
    "a helper always refuses": """
    def never(self) -> int:
        reject("never")
    @operation
    def move(self, a: A, n: N) -> int:
        "Hardly."
        if n > 3:
            return self.never() + 1
        x = self.look(0) if n < 3 else self.never()
        self.mark(a)
        return x
""",
    "what is not there, where nothing is refused": """
    def there(self) -> N:
        if self.o is None:
            reject("nothing")
        return self.o
    @step
    def keep(self, o: N | None) -> None:
        "What may be there."
        self.o = o
    @operation
    def note(self, o: N | None) -> int:
        "Kept."
        self.keep(o)
        return 0
    @operation
    def move(self, a: A, n: N) -> int:
        "What is there."
        return self.there() + n if n > 2 else self.o + n
""",
}


@pytest.mark.parametrize("title", CASES)
def test_all_executions_do_the_same(tmp_path: Path, title: str) -> None:
    made = bundle(tmp_path, M + CASES[title])
    parameters = made.parameters({})
    system = System(made.definition, parameters)
    direct, reference = made.definition.cls(parameters), made.reference(parameters)
    samples = random_runs(system, lambda: made.definition.cls(parameters), 120, seed=1)
    found, outcomes = disagreements(system, samples)
    assert found == []
    assert sum(outcomes.values()) == 120
    assert direct.snapshot() == reference.snapshot()
    for name in made.definition.of_kind("operation"):
        for before, arguments, *_ in samples[name]:
            assert ran(reference, name, arguments, before) == ran(direct, name, arguments, before)


def ran(machine: Any, name: str, arguments: dict[str, Any], before: Any) -> Any:
    """Outcome, steps, and the state afterwards if it means anything."""
    if hasattr(machine, "restore"):
        machine.restore(before)
    else:
        put_into(machine, before)
    steps: list[Any] = []
    machine.on_step = lambda step, taken: steps.append((step, taken))
    found = outcome(machine, name, arguments)
    return (found, steps, machine.snapshot(), machine.check()) if found[0] != "broken" else found


def test_an_overriding_step_with_the_overridden_one_is_one_step(tmp_path: Path) -> None:
    made = bundle(tmp_path, M + CASES["all the way down"])
    machine = made.definition.cls(made.parameters({}))
    assert ran(machine, "move", {"a": 0, "n": 2}, machine.snapshot())[1] == [("put", (2,))]
    assert list(made.definition.of_kind("step")) == ["put", "mark"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("    def look(self, n: int) -> N:\n        return super().tested(n)\n", "super().tested(..) in look"),
        ("    def new(self) -> N:\n        return super().new()\n", "super().new(..), and no base has new"),
        ("    def look(self, n: int) -> N:\n        return super().look(n=1)\n", "keyword arguments in"),
        (
            "    def look(self, n: int) -> N:\n        x = super().look\n        return 1\n",
            "a call of something unknown",
        ),
        (
            '    @step\n    def put(self, n: N) -> None:\n        "Put."\n        self.s.add(1)\n        super().put(n)\n',
            "a rule after an effect",
        ),
        (
            '    @step\n    def put(self, n: N) -> None:\n        "Put."\n        super().put(n)\n'
            "        require(n > 1, 'late')\n",
            "a rule after an effect",
        ),
        (
            "    def look(self, n: int) -> N:\n        return super().look(n)\n"
            "    def look_of_Base(self) -> N:\n        return 1\n",
            "look_of_Base is the name of a method that is overridden and called",
        ),
        (
            '    WAIVED = ("smal",)\n',
            "M waives smal, which is no invariant or trial of its bases. The closest is small",
        ),
        ('    WAIVED = "small"\n', "WAIVED is 'small'"),
        ('    WAIVED = ("there",)\n', "M waives there, which is no invariant or trial of its bases"),
        (
            '    WAIVED = ("own",)\n    @invariant\n    def own(self) -> bool:\n        "Own."\n        return True\n',
            "M waives own, which it states itself",
        ),
        (
            '    @trial\n    def other(self, a: A) -> None:\n        "No."\n        x = self.tested(a)\n',
            "trial other refuses an operation through tested",
        ),
        (
            '    @invariant\n    def other(self) -> bool:\n        "No."\n        return self.tested(0) == 0\n',
            "invariant other refuses an operation through tested",
        ),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LanguageError) as caught:
        bundle(tmp_path, M + text)
    assert problem in str(caught.value)
    assert caught.value.line > 0


WAIVING = """
    WAIVED = ("small", "back")

    @step
    def put(self, n: N) -> None:
        "Always seven."
        self.n = 7

    @invariant
    def one_or_seven(self) -> bool:
        "What is waived may be asked for."
        return self.small() == (self.n == 1)
"""


def test_what_is_waived_is_not_checked(tmp_path: Path) -> None:
    made = bundle(tmp_path, M + WAIVING)
    claimed = bundle(tmp_path, M + WAIVING.replace('("small", "back")', "()"))
    sizes = made.parameters({"a": 1})
    assert explore(claimed, sizes).verdict == Verdict.VIOLATED
    assert explore(made, sizes).verdict == Verdict.EXPLORED
    assert check_induction(claimed.definition, sizes).verdict == Verdict.NOT_INDUCTIVE
    assert check_induction(made.definition, sizes).verdict == Verdict.PROVED
    machine, reference = made.definition.cls(sizes), made.reference(sizes)
    machine.apply("move", {"a": 0, "n": 2})
    reference.apply("move", {"a": 0, "n": 2})
    assert machine.check() == reference.check() == []
    assert made.definition.waived == ("small", "back")
    assert made.definition.digest() != claimed.definition.digest()
    assert set(made.definition.trials()) == set()
    page = document.document("m", made.shipped, None)
    assert "Not claimed, though its bases state it (`WAIVED`): nobody checks `small`, `back`." in page


def test_a_refusal_in_a_helper_is_listed_under_the_operation(tmp_path: Path) -> None:
    made = bundle(tmp_path, M + CASES["a helper always refuses"])
    page = document.document("m", made.shipped, None)
    assert "- rejected with `never` if in `never`" in page
    assert "| `never` | `move`" in page
