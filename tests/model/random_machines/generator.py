"""The source text of a random machine: a seed names one for as long as this generator stays as it is."""

from __future__ import annotations

import ast
import random
import textwrap

import attrs

from .declarations import Declarations
from .kinds import (
    AnyNumber,
    Choice,
    Fields,
    Kind,
    Line,
    Maybe,
    Members,
    Number,
    Partial,
    Several,
    Total,
    Truth,
    is_container,
    is_number,
)
from .names import AWKWARD_LOCAL, AWKWARD_METHODS, LABELS, METHODS, picked
from .scope import Callable, Local, Scope, World
from .statements import Statements

HEADER = '''"""A random machine."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import (
    AtMost, Between, Exactly, Ghost, Index, Machine, Map, Parameters, PartialMap, PriorityQueue, Record, Set,
    assume, choose, ensure, invariant, known, operation, reject, replace, require, sometimes, step, theorem, trial,
)
'''


def machine_text(seed: int, small: bool = False) -> str:
    """The module of the machine that `seed` names; `small`: one whose states can all be explored."""
    world = World(random.Random(f"{'small ' if small else ''}machine {seed}"), small)
    return _Writer(world).text()


class _Writer:
    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self.methods: list[str] = []
        self.set: set[str] = set()
        """Variables that some step sets to what it is given."""

    def text(self) -> str:
        world, rng = self.world, self.rng
        declarations = Declarations(world)
        head = declarations.write()
        state = declarations.state()
        small = world.small
        for _ in range(rng.choice([0, 1, 1]) if small else rng.choice([1, 1, 2])):
            self._helper(rng.choice(["reads", "reads", "tells"]))
        for _ in range(rng.choice([2, 2, 3])):
            self._step()
        for _ in range(rng.choice([0, 1, 1]) if small else rng.choice([0, 1, 1, 2, 2])):
            self._helper("steps")
        for _ in range(rng.choice([0, 0, 1])):
            self._helper("tells")
        for _ in range(rng.choice([0, 1, 1])):
            self._helper("refuses")
        for _ in range(rng.choice([1, 2, 2, 3])):
            self._operation()
        for _ in range(rng.choice([1, 1, 2])):
            self._invariant()
        for _ in range(rng.choice([0, 1, 1])):
            self._trial()
        if rng.random() < 0.2:
            self._theorem()
        initial = self._initial()
        name = "M"
        body = ['"""A random machine."""', "", *state, "", *initial]
        parts = [HEADER, *head, "", f"class {name}(Machine[Sizes]):", textwrap.indent("\n".join(body), "    "), ""]
        parts += [textwrap.indent(method, "    ") + "\n" for method in self.methods]
        if world.chance(0.35):
            name, derived = "Derived", self._derived()
            parts += [f"class {name}(M):", '    """Another one."""', ""]
            parts += [textwrap.indent(method, "    ") + "\n" for method in derived]
        return "\n".join(parts) + f"\n\nMACHINE = {name}\n"

    def _derived(self) -> list[str]:
        """Methods that override some, and call what they override."""
        found = []
        waived = [m.split("def ")[1].split("(")[0] for m in self.methods if m.startswith(("@invariant", "@trial"))]
        if len(waived) > 1 and self.world.chance(0.4):
            found.append(f"WAIVED = ({self.rng.choice(waived)!r},)")
        for method in self.rng.sample(self.methods, min(len(self.methods), self.rng.randint(1, 3))):
            lines = method.splitlines()
            at = next(number for number, line in enumerate(lines) if line.startswith("def "))
            if lines[0] in ("@theorem",) or (found and repr(lines[at][4:].split("(")[0]) in found[0]):
                continue
            name, _, rest = lines[at][4:].partition("(self")
            listed, result = rest.rsplit(") -> ", 1)
            given = ", ".join(part.split(":")[0].strip() for part in _parted(listed.removeprefix(", ")))
            call = f"super().{name}({given})"
            head = lines[: at + 2]
            if result == "None:":
                body = [call]
            else:
                body = [f"again = {call}", "return again"] if self.world.chance(0.5) else [f"return {call}"]
            if lines[0] in ("@operation", "@trial") and self.world.chance(0.3):
                body.insert(0, call)  # twice
            elif lines[0] == "@step":
                if self.world.chance(0.4):
                    body.append(f"{_setting(self.world)}")
                if self.world.chance(0.3):
                    body.insert(0, f"require({Statements(self.world, 'step', None).likely(Scope())}, 'of its own')")
            found.append("\n".join([*head, *(f"    {line}" for line in body)]))
        return found or ["pass"]

    def _initial(self) -> list[str]:
        """Other first values than the defaults, for some variables."""
        lines = []
        writer = Statements(self.world, "step", None)
        writer.world = attrs.evolve(self.world, callables=[], state=[])
        for name, kind in self.world.state:
            if not self.world.chance(0.3):
                continue
            if isinstance(kind, Number | Truth | Choice | Maybe | Fields):
                lines.append(f"    self.{name} = {writer.base(kind, Scope()).text}")
            elif isinstance(kind, Partial) and not is_container(kind.value):
                key, value = writer.base(kind.key, Scope()), writer.base(kind.value, Scope())
                lines.append(f"    self.{name}[{key.text}] = {value.text}")
            elif isinstance(kind, Members):
                lines.append(f"    self.{name}.add({writer.base(kind.inner, Scope()).text})")
            elif isinstance(kind, Line):
                lines.append(f"    self.{name}.push_back({writer.base(kind.item, Scope()).text}, {kind.priority.high})")
        return ["def initial(self) -> None:", *lines, ""] if lines else []

    # Methods

    def _arguments(self, most: int, records: bool = True, plain: bool = False) -> tuple[list[Local], float]:
        found, names, bits = [], set(), 0.0
        passed = [kind for call in self.world.callables if call.role == "step" for _, kind in call.arguments]
        for _ in range(self.rng.choice([0, 1, 1, 2, most])):
            kind: Kind = AnyNumber() if plain and self.world.chance(0.3) else self.rng.choice(self.world.values)
            if passed and not plain and self.world.chance(0.7):
                kind = self.rng.choice(passed)  # what a step takes
            if not plain and (
                bits + kind.bits() > (4.7 if self.world.small else 12) or (not records and _record(kind))
            ):
                continue
            bits += kind.bits() if not plain else 0
            stem = AWKWARD_LOCAL if self.world.chance(0.35) else ("a", "b", "c", "thing", "by", "other")
            name = self.rng.choice(stem)
            if name in names or name in self.world.types or name in self.world.constants:
                continue
            names.add(name)
            low, high = _ends(kind)
            assignable = self.world.chance(0.3) and not isinstance(kind, Number)
            found.append(Local(name, kind, low, high, assignable))
        return found, bits

    def _name(self) -> str:
        return picked(self.rng, self.world.taken, METHODS, AWKWARD_METHODS, 0.2)

    def _result(self) -> Kind | None:
        sort = self.rng.random()
        if sort < 0.12:
            return None
        if sort < 0.55:
            return AnyNumber()
        return self.rng.choice(self.world.values)

    def _add(self, mark: str, name: str, arguments: list[Local], result: str, body: list[str]) -> None:
        head = [mark] if mark else []
        listed = "".join(f", {local.name}: {local.kind.written()}" for local in arguments)
        text = [
            *head,
            f"def {name}(self{listed}) -> {result}:",
            f'    """{name}."""',
            *(f"    {line}" for line in body),
        ]
        self.methods.append("\n".join(text))

    def _setter(self) -> tuple[list[Local], list[str]]:
        """Arguments, and a line that puts them into the state."""
        fresh = [one for one in self.world.state if one[0] not in self.set and one[1].bits() > 0]
        name, kind = self.rng.choice(fresh or self.world.state)
        self.set.add(name)
        found: list[Local] = []

        def argument(stem: str, kind: Kind) -> str:
            low, high = _ends(kind)
            found.append(Local(f"{stem}{len(found) or ''}", kind, low, high, assignable=False))
            return found[-1].name

        text = f"self.{name}"
        while isinstance(kind, Total):
            text, kind = f"{text}[{argument('where', kind.key)}]", kind.value
        if isinstance(kind, Partial):
            line = f"{text}[{argument('where', kind.key)}] = {argument('what', kind.value)}"
            if self.world.chance(0.3):
                found.pop()
                key = found[-1].name
                return found, [f"if {key} in {text}:", f"    del {text}[{key}]"]
        elif isinstance(kind, Members):
            line = f"{text}.{self.rng.choice(['add', 'add', 'discard'])}({argument('which', kind.inner)})"
        elif isinstance(kind, Line):
            item = argument("which", kind.item)
            if self.world.chance(0.4):
                return found, [f"if {item} in {text}:", f"    {text}.remove({item})"]
            way = self.rng.choice(["push_back", "push_front"])
            pushed = f"{text}.{way}({item}, {argument('what', kind.priority)})"
            return found, [f"if {item} not in {text}:", f"    {pushed}"]
        else:
            line = f"{text} = {argument('what', kind)}"
        return found, [line]

    def _step(self) -> None:
        writer = Statements(self.world, "step", None)
        if self.world.chance(0.85 if self.world.small else 0.45):
            arguments, lines = self._setter()
            scope = Scope(list(arguments))
        else:
            arguments, _ = self._arguments(3)
            scope = Scope(list(arguments))
            lines = writer.written(scope)
        body = []
        for _ in range(self.rng.choice([0, 0, 0, 1] if self.world.small else [0, 0, 1, 1, 2])):
            body.append(f"require({writer.likely(Scope(list(arguments)))}, {self.rng.choice(LABELS)!r})")
        name = self._name()
        writer.left = 6
        more = self.rng.choice([0, 0, 1] if self.world.small else [0, 1, 2])
        lines += writer.block(scope, 2, more)[0] if more else []
        self._add("@step", name, arguments, "None", [*body, *lines])
        kinds = tuple((local.name, local.kind) for local in arguments)
        self.world.callables.append(Callable(name, "step", kinds, None))

    def _helper(self, role: str) -> None:
        arguments, _ = self._arguments(2, plain=True)
        result = self._result() if role == "steps" else (self._result() or Truth())
        name = self._name()
        body, ends = self._body(role, arguments, result, 7)
        low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0, 0)
        self._add("", name, arguments, result.written() if result else "None", body)
        kinds = tuple((local.name, local.kind) for local in arguments)
        self.world.callables.append(Callable(name, role, kinds, result, low, high))

    def _operation(self) -> None:
        arguments, _ = self._arguments(3)
        result = self._result()
        name = self._name()
        body, _ = self._body("operation", arguments, result, 10)
        self._add("@operation", name, arguments, result.written() if result else "None", body)

    def _trial(self) -> None:
        arguments, _ = self._arguments(2, records=False)
        body, _ = self._body("trial", arguments, None, 8)
        self._add("@trial", self._name(), arguments, "None", body)

    def _body(
        self, role: str, arguments: list[Local], result: Kind | None, statements: int
    ) -> tuple[list[str], list[tuple[int, int]]]:
        writer = Statements(self.world, role, result)
        writer.left = statements
        scope = Scope(list(arguments))
        lines, gone = writer.block(scope, 2, self.rng.randint(1, 4) if self.world.small else self.rng.randint(2, 5))
        steps = [call for call in self.world.callables if call.role == "step"]
        if not gone and steps and role in ("operation", "steps", "trial") and self.world.chance(0.8):
            lines.append(writer.call(self.rng.choice(steps), scope, 1))
        if not gone and result is not None:
            if lines == ["pass"]:
                lines = []
            lines.append(writer.returned(scope))
        return lines, writer.ends

    def _invariant(self) -> None:
        writer = Statements(self.world, "invariant", Truth())
        scope = Scope()
        sort = self.rng.random()
        if sort < 0.25:
            body, _ = self._body("invariant", [], Truth(), 4)
        else:
            body = [f"return {writer.likely(scope)}" if sort < 0.85 else f"return {writer.truth(scope, 2)}"]
        self._add("@invariant", self._name(), [], "bool", body)

    def _theorem(self) -> None:
        names = ["a", "b"][: self.rng.randint(1, 2)]
        scope = Scope([Local(name, AnyNumber(), -4, 4) for name in names])
        writer = _Arithmetic(attrs.evolve(self.world, state=[], callables=[], constants={}), "reads", Truth())
        body = [f"assume({writer.plain_truth(scope, 1)})" for _ in range(self.rng.randint(0, 2))]
        body.append(f"return {writer.plain_truth(scope, 2)}")
        arguments = [Local(name, AnyNumber()) for name in names]
        self._add("@theorem", self._name(), arguments, "bool", body)


def _parted(arguments: str) -> list[str]:
    """Arguments as they are listed, which may have commas inside."""
    return [f"{part.arg}: .." for part in ast.parse(f"def f({arguments}): pass").body[0].args.args]  # type: ignore[attr-defined]


def _setting(world: World) -> str:
    """A change of the state that a step may make after what it overrides."""
    name, kind = world.rng.choice(world.state)
    if is_container(kind):
        return "pass"
    return f"self.{name} = {Statements(world, 'step', None).base(kind, Scope()).text}"


class _Arithmetic(Statements):
    """Conditions over plain integers alone."""

    def plain_number(self, scope: Scope, depth: int) -> str:
        if depth <= 0 or self.world.chance(0.3):
            return self._atom(scope).text
        one, other = self.plain_number(scope, depth - 1), self.plain_number(scope, depth - 1)
        sort = self.rng.random()
        if sort < 0.5:
            return f"({one} {self.rng.choice('+-')} {other})"
        if sort < 0.65:
            return f"({one} {self.rng.choice(['//', '%'])} {self.rng.randint(1, 3)})"
        if sort < 0.75:
            return f"({one} * {self.rng.randint(-2, 3)})"
        if sort < 0.85:
            return f"({one} if {self.plain_truth(scope, 0)} else {other})"
        return f"{self.rng.choice(['min', 'max'])}({one}, {other})"

    def plain_truth(self, scope: Scope, depth: int) -> str:
        sort = self.rng.random()
        if depth > 0 and sort < 0.5:
            joined = self.rng.choice([" and ", " or "]).join(self.plain_truth(scope, depth - 1) for _ in range(2))
            return f"({joined})" if sort < 0.4 else f"(not ({joined}))"
        parts = [self.plain_number(scope, 1) for _ in range(self.rng.choice([2, 2, 3]))]
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.rng.choice(['<', '<=', '>', '>=', '==', '!='])} {part}"
        return f"({text})"


def _ends(kind: Kind) -> tuple[int, int]:
    """Ends of the values of an argument, or of its length."""
    if isinstance(kind, Number):
        return kind.low, kind.high
    if isinstance(kind, Several):
        return (kind.limit if kind.exact else 0), kind.limit
    return (-4, 4) if is_number(kind) else (0, 0)


def _record(kind: Kind) -> bool:
    from .declarations import _holds_record

    return _holds_record(kind)
