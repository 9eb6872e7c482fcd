"""Random statements: bodies of operations, helpers, trials and steps."""

from __future__ import annotations

from .expressions import Expressions
from .kinds import (
    AnyNumber,
    Kind,
    Line,
    Maybe,
    Members,
    Number,
    Partial,
    Several,
    Thing,
    Total,
    Truth,
    is_container,
    is_number,
)
from .names import LABELS
from .scope import Fact, Local, Scope, World


class Statements(Expressions):
    """Writes the body of one method; lines are indented from its body on."""

    def __init__(self, world: World, role: str, result: Kind | None) -> None:
        super().__init__(world, may_step=role in ("operation", "steps", "trial"))
        self.may_refuse = role == "operation"
        self.tells = role in ("operation", "steps", "trial", "tells")
        self.role = role
        """operation, trial, step, invariant, or what a helper does."""
        self.result = result
        self.ends: list[tuple[int, int]] = []
        """Of what is returned, where that is a number."""
        self.left = 14
        """How many more statements the body may have."""

    def block(self, scope: Scope, depth: int, count: int, loops: int = 0) -> tuple[list[str], bool]:
        """Some statements, and whether no path goes on after them."""
        lines: list[str] = []
        for _ in range(count):
            if self.left <= 0:
                break
            self.left -= 1
            written, gone = self._statement(scope, depth, loops)
            lines += written
            if gone:
                return lines, True
        return lines or ["pass"], False

    def _statement(self, scope: Scope, depth: int, loops: int) -> tuple[list[str], bool]:
        sort = self.rng.random()
        if self.role == "step":
            if sort < 0.62:
                return self.written(scope), False
        elif self.role not in ("reads", "tells", "invariant", "refuses"):
            steps = [call for call in self.world.callables if call.role == "step"]
            if sort < 0.27 and steps:
                self.stepped = True
                return [self.call(self.rng.choice(steps), scope, 2)], False
            helpers = [call for call in self.world.callables if call.role == "steps"]
            if sort < 0.34 and helpers:
                called = self.rng.choice(helpers)
                self.stepped = True
                text = self.call(called, scope, 1)
                if called.result is None or self.world.chance(0.3):
                    return [text], False
                return self._named(scope, called.result, text, called.low, called.high), False
            if sort < 0.4:
                return self._chosen(scope), False
            refusing = [call for call in self.world.callables if call.role == "refuses"]
            if sort < 0.43 and refusing and self.may_refuse and not self.stepped:
                called = self.rng.choice(refusing)
                text = self.call(called, scope, 1)
                if called.result is None or self.world.chance(0.5):
                    return [text], False
                return self._named(scope, called.result, text, called.low, called.high), False
        if sort < 0.5 and self.role != "step":
            return self._left(scope, depth, loops)
        if sort < 0.56:
            return self._marked(scope), False
        if depth > 0 and sort < 0.72:
            return self._if(scope, depth, loops)
        if depth > 0 and sort < 0.84 and loops < 2:
            return self._for(scope, depth, loops), False
        return self._local(scope), False

    # Locals

    def _named(self, scope: Scope, kind: Kind, text: str, low: int, high: int) -> list[str]:
        name = self.fresh()
        # an annotation of a local means nothing when it runs
        annotation = "int" if isinstance(kind, Number) and self.world.chance(0.5) else kind.written()
        written = f"{name}: {annotation} = {text}"
        scope.add(Local(name, kind if not is_number(kind) else AnyNumber(), low, high))
        return [written]

    def _local(self, scope: Scope) -> list[str]:
        known = [local for local in scope.locals if local.assignable]
        sort = self.rng.random()
        if known and sort < 0.3:
            local = self.rng.choice(known)
            if is_number(local.kind):
                new = self.number(scope, 2)
                if self.world.chance(0.5):
                    operator = self.rng.choice(["+", "+", "-"])
                    scope.add(
                        Local(local.name, AnyNumber(), local.low + new.low - new.high, local.high + new.high - new.low)
                    )
                    return [f"{local.name} {operator}= {new.text}"]
                scope.add(Local(local.name, AnyNumber(), min(local.low, new.low), max(local.high, new.high)))
                return [f"{local.name} = {new.text}"]
            new = self.fit(local.kind, scope, 2)
            scope.forget(local.name)
            if isinstance(local.kind, Several) and not local.kind.exact and self.world.chance(0.5):
                added = self.fit(local.kind, scope, 1)
                longer = Local(local.name, local.kind, local.low, local.high + added.high)
                scope.add(longer)
                return [f"{local.name} += {added.text}"]
            scope.add(Local(local.name, local.kind, new.low, new.high))
            return [f"{local.name} = {new.text}"]
        pairs = [(one, other) for one in known for other in known if one.name < other.name and one.kind == other.kind]
        if pairs and sort < 0.36:
            one, other = self.rng.choice(pairs)
            low, high = min(one.low, other.low), max(one.high, other.high)
            for local in (one, other):
                scope.add(Local(local.name, local.kind, low, high))
            return [f"{one.name}, {other.name} = {other.name}, {one.name}"]
        if sort < 0.42:
            found = [p for p in self.places(scope) if isinstance(p.kind, Several) and p.kind.exact and p.kind.limit > 0]
            if found:
                place = self.rng.choice(found)
                assert isinstance(place.kind, Several)
                names = [self.fresh() for _ in range(place.kind.limit)]
                text = place.read(1).text
                inner = place.kind.inner
                for name in names:
                    low, high = (inner.low, inner.high) if isinstance(inner, Number) else (0, 0)
                    if not isinstance(inner, Several):
                        scope.add(Local(name, AnyNumber() if is_number(inner) else inner, low, high))
                return [f"{', '.join(names)}{',' if len(names) == 1 else ''} = {text}"]
        if sort < 0.46:
            first, second = self.fresh(), self.fresh()
            x, y = self.number(scope, 1), self.number(scope, 1)
            scope.add(Local(first, AnyNumber(), x.low, x.high))
            scope.add(Local(second, AnyNumber(), y.low, y.high))
            return [f"{first}, {second} = {x.text}, {y.text}"]
        if sort < 0.7:
            new = self.number(scope, 2)
            kind: Kind = self.rng.choice(self.world.numbers) if self.world.chance(0.3) else AnyNumber()
            return self._named(scope, kind, new.text, new.low, new.high)
        kind = self.rng.choice(self.world.values)
        new = self.fit(kind, scope, 2)
        return self._named(scope, kind, new.text, new.low, new.high)

    def _chosen(self, scope: Scope) -> list[str]:
        """A choice that is left open."""
        with self.looking():  # it is asked twice, once by a quantifier
            iterable, (kind, low, high), _ = self.iterable(scope, 1)
        name = self.fresh()
        inside = scope.inner()
        inside.add(Local(name, kind, low, high, assignable=False))
        with self.looking():
            test = f" if {self.condition(inside, 1)}" if self.world.chance(0.6) else ""
        label = self.rng.choice(LABELS)
        candidates = f"{name} for {name} in {iterable}{test}"
        chosen = self.fresh()
        there = f"any(True for {name} in {iterable}{test})"
        line = f"{chosen} = choose(({candidates}), {label!r})"
        if self.world.chance(0.04 if self.world.small else 0.2):
            scope.add(Local(chosen, AnyNumber() if is_number(kind) else kind, low, high))
            return [line]
        if self.role == "operation" and not self.stepped and self.world.chance(0.5):
            scope.add(Local(chosen, AnyNumber() if is_number(kind) else kind, low, high))
            return [f"if not {there}:", f"    reject({self.rng.choice(LABELS)!r})", line]
        found = scope.inner()
        found.add(Local(chosen, AnyNumber() if is_number(kind) else kind, low, high))
        body, _ = self.block(found, 0, 2)
        if body == ["pass"]:
            body = []
        return [f"if {there}:", *(f"    {part}" for part in [line, *body])]

    # Marks, promises, and ways out

    def _marked(self, scope: Scope) -> list[str]:
        label = self.rng.choice(LABELS)
        if self.role in ("operation", "tells", "steps", "step") and self.world.chance(0.6):
            return [f"sometimes({label!r})"]
        if self.tells:
            return [f"ensure({self.likely(scope)}, {label!r})"]
        return ["pass"]

    def likely(self, scope: Scope) -> str:
        """A condition that is true more often than not."""
        if self.world.chance(0.8 if self.world.small else 0.25):
            return self._rarely_false(scope)
        with self.looking():
            parts = [self.truth(scope, 2) for _ in range(self.rng.choice([1, 2, 3, 3]))]
        return " or ".join(parts)

    def _rarely_false(self, scope: Scope) -> str:
        """A condition that is false in a few states, so that it takes some steps to get there."""
        with self.looking():
            return f"not ({' and '.join(self._rare(scope))})"

    def _rare(self, scope: Scope) -> list[str]:
        parts = []
        for _ in range(self.rng.choice([2, 2, 3] if self.world.small else [1, 2, 2, 3])):
            name, kind = self.rng.choice(self.world.state)
            text = f"self.{name}"
            while isinstance(kind, Total):
                text, kind = f"{text}[{self.key(kind.key, scope, 0)}]", kind.value
            if isinstance(kind, Partial | Members | Line):
                held = kind.key if isinstance(kind, Partial) else kind.inner if isinstance(kind, Members) else kind.item
                parts.append(self.rng.choice([f"{self.base(held, scope).text} in {text}", f"len({text}) == 2"]))
            elif isinstance(kind, Several) and not kind.exact:
                parts.append(f"len({text}) == {self.rng.randint(1, max(1, kind.limit))}")
            elif isinstance(kind, Truth):
                parts.append(text)
            elif isinstance(kind, Maybe) and self.world.chance(0.5):
                parts.append(f"{text} is not None")
            else:
                parts.append(f"{text} == {self._other_value(kind, text, scope)}")
        return parts

    def _other_value(self, kind: Kind, text: str, scope: Scope) -> str:
        if isinstance(kind, Thing):
            return str(self.rng.randrange(kind.count))
        if isinstance(kind, Number):
            return str(self.rng.randint(kind.low, kind.high))
        found = self.base(kind, scope).text
        return found if found != text else self.base(kind, scope).text

    def _left(self, scope: Scope, depth: int, loops: int) -> tuple[list[str], bool]:
        ways = []
        if loops:
            ways += ["break", "continue"]
        if self.role in ("operation", "refuses") and (not self.stepped or self.world.chance(0.12)):
            ways += ["reject", "reject"]
        if self.role == "trial":
            ways += ["assume"]
        if self.role in ("operation", "reads", "tells", "steps", "trial", "invariant", "refuses"):
            ways += ["return"]
        way = self.rng.choice(ways)
        if way == "assume":
            return [f"assume({self.likely(scope)})"], False
        test = self.condition(scope, 2)
        if self.world.chance(0.25):
            options = [x for x in scope.locals if isinstance(x.kind, Maybe) and x.assignable]
            if options:
                local = self.rng.choice(options)
                assert isinstance(local.kind, Maybe)
                line = self._way(way, scope)
                scope.add(Local(local.name, local.kind.inner, *_interval(local.kind.inner), assignable=False))
                return [f"if {local.name} is None:", f"    {line}"], False
        inside = scope.inner()
        body: list[str] = []
        if self.world.chance(0.25):
            body, gone = self.block(inside, 0, 1, loops)
            if gone:
                return [f"if {test}:", *(f"    {line}" for line in body)], False
        return [f"if {test}:", *(f"    {line}" for line in [*body, self._way(way, inside)])], False

    def _way(self, way: str, scope: Scope) -> str:
        if way == "reject":
            return f"reject({self.rng.choice(LABELS)!r})"
        if way == "return":
            return self.returned(scope)
        return way

    def returned(self, scope: Scope) -> str:
        """A return of what the method returns."""
        if self.result is None:
            return "return"
        value = self.number(scope, 2) if is_number(self.result) else self.fit(self.result, scope, 2)
        self.ends.append((value.low, value.high))
        return f"return {value.text}"

    # Branches and loops

    def _if(self, scope: Scope, depth: int, loops: int) -> tuple[list[str], bool]:
        then = scope.inner()
        test = self._tested(then)
        lines, gone = self.block(then, depth - 1, self.rng.randint(1, 2), loops)
        written = [f"if {test}:", *(f"    {line}" for line in lines)]
        sort = self.rng.random()
        if sort < 0.15:
            other = scope.inner()
            test = self._tested(other)
            lines, also = self.block(other, depth - 1, 1, loops)
            written += [f"elif {test}:", *(f"    {line}" for line in lines)]
        if sort < 0.5:
            lines, also = self.block(scope.inner(), depth - 1, self.rng.randint(1, 2), loops)
            written += ["else:", *(f"    {line}" for line in lines)]
            if gone and also and sort >= 0.15:
                return written, True
        return written, False

    def _tested(self, scope: Scope) -> str:
        """A condition; where it holds, `scope` knows more."""
        sort = self.rng.random()
        if sort < 0.3:
            found = self.containers(scope, (Partial, Line))
            if found:
                text, kind = self.rng.choice(found)
                item = kind.key if isinstance(kind, Partial) else kind.item if isinstance(kind, Line) else kind
                same = [local.name for local in scope.locals if local.kind.family == item.family]
                key = self.rng.choice(same) if same else self.base(item, scope).text
                scope.facts.append(Fact(text, kind, key))
                return f"{key} in {text}"
        if sort < 0.5:
            options = [place for place in self.places(scope) if isinstance(place.kind, Maybe) and place.plain]
            if options:
                place = self.rng.choice(options)
                assert isinstance(place.kind, Maybe)
                read = place.read(0).text
                narrowed = self.narrowed(scope, read, place.kind)
                scope.locals = narrowed.locals
                return f"{read} is not None"
        return self.condition(scope, 2)

    def _for(self, scope: Scope, depth: int, loops: int) -> list[str]:
        target, iterable, found, _ = self.loop(scope, 1)
        if len(found) == 1 and self.world.chance(0.1):
            target, found = "_", []
        inside = scope.inner()
        # what a round assigns is there in the next one
        inside.locals = [
            Local(known.name, known.kind, known.low - 4, known.high + 4, known.assignable)
            if is_number(known.kind) and known.assignable
            else known
            for known in inside.locals
        ]
        for local in found:
            inside.add(local)
        lines, _ = self.block(inside, depth - 1, self.rng.randint(1, 3), loops + 1)
        return [f"for {target} in {iterable}:", *(f"    {line}" for line in lines)]

    # Writing state

    def written(self, scope: Scope) -> list[str]:
        """A change of the state, in a step."""
        name, kind = self.rng.choice(self.world.state)
        text = f"self.{name}"
        while isinstance(kind, Total) and is_container(kind.value):
            text, kind = f"{text}[{self.key(kind.key, scope, 1)}]", kind.value
        if isinstance(kind, Total):
            return self._write_value(f"{text}[{self.key(kind.key, scope, 1)}]", kind.value, scope, (text, kind))
        if isinstance(kind, Partial):
            key = self.key(kind.key, scope, 1)
            sort = self.rng.random()
            if sort < 0.3:
                if self.careless():
                    return [f"del {text}[{key}]"]
                return [f"if {key} in {text}:", f"    del {text}[{key}]"]
            if sort < 0.45 and is_number(kind.value):
                line = f"{text}[{key}] += {self.rng.choice([1, -1])}"
                return [line] if self.careless() else [f"if {key} in {text}:", f"    {line}"]
            return [f"{text}[{key}] = {self.fit(kind.value, scope, 2).text}"]
        if isinstance(kind, Members):
            method = self.rng.choice(["add", "add", "discard"])
            item = self.fit(kind.inner, scope, 1)
            return [f"{text}.{method}({item.text})"]
        if isinstance(kind, Line):
            item_text = self.fit(kind.item, scope, 1).text
            way = self.rng.choice(["push_back", "push_front"])
            pushed = f"{text}.{way}({item_text}, {self.fit(kind.priority, scope, 2).text})"
            if self.careless():
                return [pushed if self.world.chance(0.5) else f"{text}.remove({item_text})"]
            if self.world.chance(0.55):
                return [f"if {item_text} not in {text}:", f"    {pushed}"]
            return [f"if {item_text} in {text}:", f"    {text}.remove({item_text})"]
        return self._write_value(text, kind, scope, None)

    def _write_value(self, text: str, kind: Kind, scope: Scope, owner: tuple[str, Total] | None) -> list[str]:
        if isinstance(kind, Number) and self.world.chance(0.3):
            change = self.rng.choice(["+= 1", "-= 1", "+= 2", "*= 2", "%= 3", "//= 2"])
            if self.careless():
                return [f"{text} {change}"]
            low, high = kind.low, kind.high
            inside = {"+= 1": f"{text} < {high}", "-= 1": f"{text} > {low}", "+= 2": f"{text} + 1 < {high}"}
            test = inside.get(change, f"{low} <= {text} {change.split('=')[0]} {change.split()[-1]} <= {high}")
            return [f"if {test}:", f"    {text} {change}"]
        if owner is not None and self.world.chance(0.25):
            other = f"{owner[0]}[{self.key(owner[1].key, scope, 1)}]"
            return [f"{text}, {other} = {other}, {text}"]
        if isinstance(kind, Several) and not kind.exact and self.world.chance(0.2):
            added = self.fit(kind, scope, 1)
            line = f"{text} += {added.text}"
            if self.careless():
                return [line]
            return [f"if len({text}) + len({added.text}) <= {kind.limit}:", f"    {line}"]
        same = [name for name, other in self.world.state if other == kind and f"self.{name}" != text]
        if same and self.world.chance(0.15):
            other = f"self.{self.rng.choice(same)}"
            return [f"{text}, {other} = {other}, {text}"]
        new = self.fit(kind, scope, 2).text
        return [f"{text} = {new if new != text else self.fit(kind, scope, 2).text}"]


def _interval(kind: Kind) -> tuple[int, int]:
    if isinstance(kind, Number):
        return kind.low, kind.high
    if isinstance(kind, Several):
        return (kind.limit if kind.exact else 0), kind.limit
    return 0, 0
