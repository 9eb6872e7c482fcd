"""A value outside its type, and a use of what is not there, is a broken rule: run directly, in the reference, explored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written import both, bundle, outcome

from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.machines import subject_of
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets.reference import ReferenceTarget
from kvproof.model.checking.explore import explore
from kvproof.model.checking.verdict import Verdict
from kvproof.spec.lang import OutOfDomain

WRITES = [
    ("N", "self.v = i"),
    ("N", "self.v += i"),
    ("N", "self.v = (i + 20) % 10"),
    ("N", "self.v = None if i > 7 else 1"),
    ("N | None", "self.v = None if i == 0 else i"),
    ("High", "self.v = max(i, 0)"),
    ("A", "self.v = i"),
    ("bool", "self.v = i > 2 if i > 0 else None"),
    ("T", "self.v = self.v + (i,)"),
    ("T", "self.v = (i, i, 0)[0:i]"),
    ("T", "self.v = (0,) if i > 0 else None"),
    ("X", "self.v = (1, i)[0:i]"),
    ("X", "self.v = (1, i)"),
    ("R", "self.v = R(i, None, (E.X, E.Y))"),
    ("R", "self.v = R(1, i, (E.X, E.Y))"),
    ("R", "self.v = R(1, 0, (E.X, E.Y, E.X)[0:i])"),
    ("R | None", "self.v = R(i, None, (E.X, E.Y)) if i > 0 else None"),
    ("Annotated[tuple[R, ...], AtMost(2)]", "self.v = self.v + (R(i, None, (E.X, E.Y)),)"),
    ("Map[A, N]", "self.v[0] = i"),
    ("Map[A, N]", "self.v[i] = 1"),
    ("Map[A, N]", "self.v[i - 1] += 1"),
    ("Map[A, N]", "self.v[self.v[1] + i], self.v[1] = 1, 2"),
    ("Map[E, N]", "self.v[i] = 1"),
    ("Map[A | None, N]", "self.v[None if i < 0 else i] = 1"),
    ("Map[Z, N]", "self.v[i] = 1"),
    ("Map[bool, Z]", "self.v[i > 0] = i"),
    ("Map[T, Z]", "self.v[(0, i)] = 1"),
    ("Map[E, Map[A, Z]]", "self.v[E.Y][i] = 1"),
    ("Map[E, Map[A, Z]]", "self.v[E.Y][1] = i"),
    ("Map[bool, Map[T, Z]]", "self.v[all(a < i for a in self.every(A))][(0, i)] = 1"),
    ("PartialMap[A, N]", "self.v[i] = 1"),
    ("PartialMap[A, N]", "self.v[1] = i"),
    ("PartialMap[A | None, R | None]", "self.v[None if i < 0 else i] = R(1, 0, (E.X, E.X)) if i != 1 else None"),
    ("PartialMap[O, Z]", "self.v[(i, None)] = i"),
    ("Set[A]", "self.v.add(i)"),
    ("Set[A | None]", "self.v.add(i if i > -5 else None)"),
    ("Set[O]", "self.v.add((i, None))"),
    ("Map[A, Set[Z]]", "self.v[1].add(i)"),
    ("Map[A, Set[Z]]", "self.v[i].add(0)"),
    ("PriorityQueue[A, Z]", "self.v.push_back(1, i)"),
    ("PriorityQueue[A, Z]", "self.v.push_front(i, 1)"),
    ("PriorityQueue[A, N]", "self.v.push_back(0, i)"),
    ("Map[E, PriorityQueue[A, Z]]", "self.v[E.Y].push_back(0, i)"),
]
"""A type, and how a state variable of it is written with `i` from -9 to 9: some are values of the type, some are not."""

WRITER = """
    class M(Machine[P]):
        v: {kind}
        @step
        def put(self, i: Wide) -> None:
            "It writes."
            {write}
        @operation
        def f(self, i: Wide) -> int:
            "It writes."
            self.put(i)
            return i
        @observation
        def observe(self) -> dict[str, Any]:
            "Nothing is seen."
            return {{}}
"""


@pytest.mark.parametrize(("kind", "write"), WRITES)
def test_what_leaves_its_type_breaks_a_rule_in_every_execution(tmp_path: Path, kind: str, write: str) -> None:
    made = bundle(tmp_path, WRITER.format(kind=kind, write=write))
    broken = []
    for i in range(-9, 10):
        direct, reference = both(made)
        found = outcome(direct, "f", {"i": i})
        assert outcome(reference, "f", {"i": i}) == found, i
        if found[0] == "broken":
            broken.append(i)
        else:
            assert direct.snapshot() == reference.snapshot()
    assert 0 < len(broken) < 19
    violation = explore(made, made.parameters({})).finding
    assert violation is not None
    assert explore(made, made.parameters({}), depth=True).finding == violation
    assert [(name, len(violation.calls)) for name in (violation.rule.partition(":")[0],)] in (
        [("bound", 1)],
        [("defined", 1)],
    )


READS = [
    ("Map[A, N]", "self.v[i]"),
    ("Map[A, N]", "self.v[i - 1]"),
    ("Map[E, N]", "self.v[i]"),
    ("Map[A | None, N]", "self.v[i]"),
    ("Map[Z, N]", "self.v[i]"),
    ("Map[E, Map[A, N]]", "self.v[E.X][i]"),
    ("PartialMap[A, N]", "self.v[i]"),
    ("PartialMap[A | None, N]", "self.v[None if i > 5 else i]"),
    ("PriorityQueue[A, Z]", "self.v.front() if i > 0 else 0"),
    ("PriorityQueue[A, Z]", "self.v.priority_of(i)"),
    ("T", "self.v[i] if i >= 0 else self.v[0]"),
    ("X", "self.v[max(i, 0)]"),
    ("A | None", "self.v + i if i > 0 else i"),
    ("A | None", "1 if i > 0 and self.v < 3 else 0"),
    ("R | None", "self.v.count if i > 0 else 0"),
    ("Map[A, R | None]", "self.v[0].count if i > 0 else 0"),
    ("A", "9 // i"),
    ("A", "9 % i"),
    ("Map[A, N]", "sum(self.v[a - i] for a in self.every(A))"),
    ("T | None", "len(self.v) if i > 0 else 0"),
    ("T | None", "sum(1 for a in self.v) if i > 0 else 0"),
    ("Map[A, N]", "self.deep(i)"),
]
"""A type, and a number that is read with `i` from -9 to 9, sometimes where there is none."""

READER = """
    class M(Machine[P]):
        v: {kind}
        def deep(self, i: int) -> int:
            return self.deeper(i - 1)
        def deeper(self, i: int) -> int:
            return {deeper}
        @operation
        def f(self, i: Wide) -> int:
            "It reads."
            return {read}
        @operation
        def g(self, i: Wide) -> int:
            "It reads after a choice that nobody has."
            x: int = 0
            if i > 4:
                x = {read}
            return x
"""


def _reader(kind: str, read: str) -> str:
    return READER.format(kind=kind, read=read, deeper="self.v[i]" if read == "self.deep(i)" else "i")


@pytest.mark.parametrize(("kind", "read"), READS)
def test_what_is_not_there_breaks_a_rule_in_every_execution(tmp_path: Path, kind: str, read: str) -> None:
    made = bundle(tmp_path, _reader(kind, read))
    outcomes = []
    for i in range(-9, 10):
        for name in ("f", "g"):
            direct, reference = both(made)
            found = outcome(direct, name, {"i": i})
            assert outcome(reference, name, {"i": i})[0] == found[0], (name, i)
            outcomes.append(found[0])
            assert reference.enabled(name, {"i": i}) is None
    assert {"broken", "returned"} == set(outcomes)
    found = explore(made, made.parameters({}))
    assert found.verdict is Verdict.VIOLATED


def test_the_rule_is_the_expression_and_its_line(tmp_path: Path) -> None:
    made = bundle(tmp_path, _reader("PartialMap[A, N]", "self.v[i + 1]"))
    direct, reference = both(made)
    with pytest.raises(OutOfDomain, match=r"written_machine_\d+\.py:\d+: 2 is absent from this map") as told:
        direct.apply("f", {"i": 1})
    assert told.value.rule == "defined: self.v[i + 1]"
    with pytest.raises(reference.RuleBroken, match="in f: KeyError: 2") as broken:
        reference.apply("f", {"i": 1})
    assert broken.value.rule == told.value.rule


def test_lockstep_reports_it_as_a_finding(tmp_path: Path) -> None:
    made = bundle(tmp_path, WRITER.format(kind="N", write="self.v = i"))
    with Lockstep(subject_of(made), ReferenceTarget(made), {"a": 3, "lim": 2}) as lockstep:
        assert lockstep.initial() is None
        assert lockstep.apply(Operation("f", {"i": 7})) is None
        failure = lockstep.apply(Operation("f", {"i": 8}))
    assert failure is not None
    assert "bound: self.v" in failure.message


def test_an_invariant_that_reads_what_is_not_there_does_not_hold(tmp_path: Path) -> None:
    made = bundle(
        tmp_path,
        """
        class M(Machine[P]):
            v: PartialMap[A, N]
            n: N
            @step
            def up(self) -> None:
                "It counts."
                self.n += 1
            @operation
            def f(self) -> int:
                "It counts."
                self.up()
                return 0
            @invariant
            def never(self) -> bool:
                "It reads what is not there."
                return self.n < 2 or self.v[1] == 3
        """,
    )
    direct, reference = both(made)
    for expected in ([], ["never"], ["never"], ["never"]):
        for runner in (direct, reference):
            runner.apply("f", {})
            assert runner.check() == expected
    found = explore(made, made.parameters({})).finding
    assert found is not None
    assert (found.kind, found.rule, len(found.calls)) == ("invariant", "never", 2)


def test_an_error_that_is_not_of_the_machine_stays_itself(tmp_path: Path) -> None:
    made = bundle(tmp_path, WRITER.format(kind="N", write="self.v = 1"))

    def listen(name: str, arguments: Any) -> None:
        raise KeyError("the listener's")

    for runner in both(made):
        runner.on_step = listen
        with pytest.raises(KeyError, match="the listener's"):
            runner.apply("f", {"i": 1})
    reference = both(made)[1]
    with pytest.raises(KeyError):
        reference.apply("no such operation", {})


def test_an_initial_state_outside_its_types_is_no_state(tmp_path: Path) -> None:
    for write in ("self.v = 9", "self.m[3] = 1", "self.m[0] = 8", "self.s.add(7)"):
        made = bundle(
            tmp_path,
            f"""
            class M(Machine[P]):
                v: N
                m: Map[A, N]
                s: Set[A]
                def initial(self) -> None:
                    {write}
                @operation
                def f(self) -> int:
                    "Nothing."
                    return 0
            """,
        )
        with pytest.raises(OutOfDomain):
            made.definition.cls(made.parameters({}))
        with pytest.raises(made.reference.RuleBroken):
            made.reference(made.parameters({}))
        found = explore(made, made.parameters({}))
        assert (found.verdict, found.finding is not None and found.finding.calls) == (Verdict.VIOLATED, ())


def test_the_steps_of_a_target_are_of_the_declared_types(tmp_path: Path) -> None:
    from kvproof.fuzz.oracles import Moment, StepValidation
    from kvproof.fuzz.target import Step

    text = WRITER.format(kind="Map[A, N]", write="self.v[0] = 1").replace("i: Wide) -> None", "i: A) -> None")
    made = bundle(tmp_path, text)
    subject = subject_of(made)
    validation = StepValidation(subject, subject.reference({"a": 3, "lim": 2}))
    moment = Moment(0, Operation("f", {"i": 1}))
    assert validation.steps(moment, [Step("put", (2,))]) is None
    for wrong in (-1, 3, None, True, "1", (0,)):
        failure = validation.steps(moment, [Step("put", (wrong,))])
        assert failure is not None
        assert "impossible" in failure.message
