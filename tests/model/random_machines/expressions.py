"""Random expressions of a given kind: mostly defined wherever they stand, sometimes not."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterator

import attrs

from .iterables import Iterables
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
    Thing,
    Total,
    Truth,
    is_container,
    is_number,
)
from .scope import Callable, Local, Scope, World

CARELESS = 0.05
"""How often a read stands without its guard, or a value without its bound."""

SEARCHING = 0.3
"""The same for what `all` and `any` ask of each element: what comes before often decides, and guards it so."""


@attrs.frozen
class Written:
    """The text of an expression, with the ends of a number or of the length of a sequence."""

    text: str
    low: int = 0
    high: int = 0


@attrs.frozen
class Place:
    """Something of some kind that can be read."""

    kind: Kind
    read: Function[[int], Written]
    """The expression, its parts nested as deep as the number says."""
    plain: bool = False
    """It reads as a name or self.name, so that a test for None narrows it."""


class Expressions(Iterables):
    """Writes expressions in one method."""

    def __init__(self, world: World, may_step: bool) -> None:
        self.world = world
        self.rng = world.rng
        self.may_step = may_step
        """Whether an expression may call a helper that takes steps or makes choices."""
        self.tells = may_step
        """Whether it may call a helper that makes promises and marks events."""
        self.may_refuse = False
        """Whether it may call a helper that refuses the operation."""
        self.stepped = False
        """A step was taken somewhere before."""
        self.names = 0
        self.searching = False
        """Whether this is an element of `all` or `any`."""

    def careless(self) -> bool:
        often = SEARCHING if self.searching else CARELESS
        return self.world.chance(often / 4 if self.world.small else often)

    # What is there

    def places(self, scope: Scope) -> list[Place]:
        """Everything that can be read here, without and with a guard of its own."""
        found: list[Place] = []
        for local in scope.locals:
            found.append(Place(local.kind, _reading(local), plain=True))
        for name, kind in self.world.state:
            if is_container(kind):
                found += self._inside(f"self.{name}", kind, scope)
            else:
                found.append(Place(kind, _named(f"self.{name}", kind), plain=True))
        for fact in scope.facts:
            if isinstance(fact.kind, Partial):
                found.append(Place(fact.kind.value, _named(f"{fact.place}[{fact.key}]", fact.kind.value)))
            elif isinstance(fact.kind, Line):
                text = f"{fact.place}.priority_of({fact.key})"
                found.append(Place(fact.kind.priority, _named(text, fact.kind.priority)))
        parts: list[Place] = []
        for place in found:
            parts += self._parts(place, scope)
        return found + parts

    def _inside(self, text: str, kind: Kind, scope: Scope) -> Iterator[Place]:
        """What a container holds."""
        if isinstance(kind, Total):

            def at(depth: int, kind: Total = kind) -> str:
                return f"{text}[{self.key(kind.key, scope, depth)}]"

            if not is_container(kind.value):
                yield Place(kind.value, lambda depth: _bounded(at(depth), kind.value))
            elif isinstance(kind.value, Total) and not is_container(kind.value.value):
                inner, value = kind.value, kind.value.value
                yield Place(value, lambda depth: _bounded(f"{at(depth)}[{self.key(inner.key, scope, depth)}]", value))
        elif isinstance(kind, Partial):
            option = kind.value if isinstance(kind.value, Maybe) else Maybe(kind.value)
            yield Place(option, lambda depth: Written(f"{text}.get({self.key(kind.key, scope, depth)})"))

            def looked_up(depth: int, kind: Partial = kind) -> Written:
                key = self.key(kind.key, scope, min(depth, 1))
                read = _bounded(f"{text}[{key}]", kind.value)
                if self.careless():
                    return read
                other = self.fit(kind.value, scope, depth - 1)
                return Written(f"({read.text} if {key} in {text} else {other.text})", *_ends(kind.value, other))

            yield Place(kind.value, looked_up)
        elif isinstance(kind, Line):

            def front(depth: int, kind: Line = kind) -> Written:
                if self.careless():
                    return Written(f"{text}.front()")
                other = self.fit(kind.item, scope, depth - 1)
                return Written(f"({text}.front() if len({text}) > 0 else {other.text})")

            def priority(depth: int, kind: Line = kind) -> Written:
                item = self.fit(kind.item, scope, depth - 1)
                read = f"{text}.priority_of({item.text})"
                if self.careless():
                    return _bounded(read, kind.priority)
                return Written(
                    f"({read} if {item.text} in {text} else {kind.priority.low})", *_ends(kind.priority, item)
                )

            yield Place(kind.item, front)
            yield Place(kind.priority, priority)

    def _parts(self, place: Place, scope: Scope) -> Iterator[Place]:
        """Fields of records, elements of sequences, what is in an option."""
        kind = place.kind
        if isinstance(kind, Fields):
            for name, field in kind.fields:

                def of_record(depth: int, name: str = name, field: Kind = field) -> Written:
                    return _bounded(f"{place.read(depth).text}.{name}", field)

                yield Place(field, of_record)
        elif isinstance(kind, Several):

            def element(depth: int, kind: Several = kind) -> Written:
                sequence = place.read(depth)
                index, least = self.index(scope, depth, max(sequence.high, 1))
                read = f"{sequence.text}[{index}]"
                if sequence.low >= least or self.careless():
                    return _bounded(read, kind.inner)
                other = self.fit(kind.inner, scope, depth - 1)
                text = f"({read} if len({sequence.text}) >= {least} else {other.text})"
                return Written(text, *_ends(kind.inner, other))

            yield Place(kind.inner, element)
        elif isinstance(kind, Maybe) and place.plain:

            def narrowed(depth: int, kind: Maybe = kind) -> Written:
                read = place.read(depth).text
                if self.careless():
                    return Written(f"known({read})", *_ends(kind.inner, Written("")))
                other = self.fit(kind.inner, scope, depth - 1)
                if self.world.chance(0.1):
                    return Written(
                        f"(known({read}) if {read} is not None else {other.text})", *_ends(kind.inner, other)
                    )
                if self.world.chance(0.5):
                    return Written(f"({read} if {read} is not None else {other.text})", *_ends(kind.inner, other))
                return Written(f"({other.text} if {read} is None else {read})", *_ends(kind.inner, other))

            yield Place(kind.inner, narrowed)

    def containers(self, scope: Scope, wanted: tuple[type[Kind], ...]) -> list[tuple[str, Kind]]:
        """Containers that can be named, those in maps at some key."""
        found = []
        for name, kind in self.world.state:
            text = f"self.{name}"
            while isinstance(kind, Total) and is_container(kind.value):
                text, kind = f"{text}[{self.key(kind.key, scope, 1)}]", kind.value
            if isinstance(kind, wanted):
                found.append((text, kind))
        return found

    # Kinds

    def fit(self, kind: Kind, scope: Scope, depth: int) -> Written:
        """An expression that is a value of `kind` (mostly), not only one of its family."""
        if isinstance(kind, AnyNumber):
            return self.number(scope, depth)
        if isinstance(kind, Number):
            return self._within(kind, scope, depth)
        if self.world.chance(0.3):  # else what a caller gives would seldom arrive anywhere
            given = [local for local in scope.locals if local.kind == kind]
            if given:
                return _reading(self.rng.choice(given))(0)
        if depth <= 0:
            return self.base(kind, scope)
        if isinstance(kind, Truth):
            return Written(self.truth(scope, depth))
        places = [place for place in self.places(scope) if place.kind.family == kind.family]
        if isinstance(kind, Several):
            return self._sequence(kind, places, scope, depth)
        calls = [call for call in self._calls() if call.result is not None and call.result.family == kind.family]
        if calls and self.world.chance(0.2):
            return Written(self.call(self.rng.choice(calls), scope, depth - 1))
        if self.world.chance(0.12):
            then, other = self.fit(kind, scope, depth - 1), self.fit(kind, scope, depth - 1)
            return Written(f"({then.text} if {self.condition(scope, depth - 1)} else {other.text})")
        if isinstance(kind, Maybe):
            if places and self.world.chance(0.55):
                return self.rng.choice(places).read(depth - 1)
            return Written("None") if self.world.chance(0.35) else self.fit(kind.inner, scope, depth - 1)
        if isinstance(kind, Fields) and places and self.world.chance(0.25):
            return self._replaced(kind, self.rng.choice(places), scope, depth - 1)
        if isinstance(kind, Fields) and (not places or self.world.chance(0.5)):
            return self._record(kind, scope, depth - 1)
        if isinstance(kind, Thing | Choice) and self.world.chance(0.15):
            count = kind.count if isinstance(kind, Thing) else len(kind.members)
            return Written(f"{kind.name}({self._within(Number('', 0, count - 1), scope, depth - 1).text})")
        if isinstance(kind, Choice) and (not places or self.world.chance(0.3)):
            return self.base(kind, scope)
        return self.rng.choice(places).read(depth - 1) if places else self.base(kind, scope)

    def base(self, kind: Kind, scope: Scope) -> Written:
        """The simplest expressions of a kind."""
        same = [
            (local.name, local.low, local.high)
            for local in scope.locals
            if local.kind.family == kind.family and not isinstance(kind, AnyNumber)
        ]
        same += [(f"self.{name}", *_ends(known)) for name, known in self.world.state if known.family == kind.family]
        if same and (isinstance(kind, Thing) or self.world.chance(0.6)):
            return Written(*self.rng.choice(same))
        if isinstance(kind, Truth):
            return Written(self.rng.choice(["True", "False"]))
        if isinstance(kind, Number | AnyNumber):
            value = self.rng.randint(kind.low, kind.high) if isinstance(kind, Number) else self.rng.randint(-2, 3)
            return Written(str(value), value, value)
        if isinstance(kind, Choice):
            return Written(f"{kind.name}.{self.rng.choice(kind.members)}")
        if isinstance(kind, Maybe):
            return Written("None")
        if isinstance(kind, Fields):
            return self._record(kind, scope, 0)
        if isinstance(kind, Several):
            count = kind.limit if kind.exact else self.rng.randint(0, min(1, kind.limit))
            return self._listed(kind, count, scope, 0)
        assert isinstance(kind, Thing), kind
        return Written("self.first_" + kind.name.lower())

    def key(self, kind: Kind, scope: Scope, depth: int) -> str:
        """A key of a container."""
        if isinstance(kind, Number) and self.world.chance(0.6):
            same = [local.name for local in scope.locals if local.kind.family == kind.family]
            if same:
                return self.rng.choice(same)
        return self.fit(kind, scope, min(depth, 1)).text

    def _record(self, kind: Fields, scope: Scope, depth: int) -> Written:
        fields = list(kind.fields)
        by_position = len(fields) if self.world.chance(0.5) else self.rng.randint(0, len(fields) - 1)
        named = fields[by_position:]
        self.rng.shuffle(named)
        texts = [self.fit(field, scope, depth).text for _, field in fields[:by_position]]
        texts += [f"{name}={self.fit(field, scope, depth).text}" for name, field in named]
        return Written(f"{kind.name}({', '.join(texts)})")

    def _replaced(self, kind: Fields, place: Place, scope: Scope, depth: int) -> Written:
        """A record with other values in some fields."""
        fields = self.rng.sample(kind.fields, self.rng.randint(1, len(kind.fields)))
        old = place.read(depth).text
        named = [f"{name}={self.fit(field, scope, depth).text}" for name, field in fields]
        return Written(f"replace({', '.join([old, *named])})")

    def _within(self, kind: Number, scope: Scope, depth: int) -> Written:
        """A number between the ends of `kind`."""
        if depth <= 0 or self.world.chance(0.25):
            return self.base(kind, scope)
        inside = [place for place in self.places(scope) if place.kind.family == kind.family]
        if inside and self.world.chance(0.4):
            return self.rng.choice(inside).read(depth - 1)
        found = self.number(scope, depth)
        if (kind.low <= found.low and found.high <= kind.high) or self.careless():
            return found
        text = found.text
        if found.low < kind.low or self.world.chance(0.1):
            text = f"max({text}, {kind.low})"
        if found.high > kind.high or self.world.chance(0.1):
            text = f"min({kind.high}, {text})"
        return Written(text, max(kind.low, min(found.low, kind.high)), min(kind.high, max(found.high, kind.low)))

    # Sequences

    def _listed(self, kind: Several, count: int, scope: Scope, depth: int) -> Written:
        elements = [self.fit(kind.inner, scope, depth).text for _ in range(count)]
        return Written(f"({', '.join(elements)}{',' if count == 1 else ''})", count, count)

    def _sequence(self, kind: Several, places: list[Place], scope: Scope, depth: int) -> Written:
        if kind.exact:
            same = [place for place in places if place.kind == kind]
            if same and self.world.chance(0.5):
                return self.rng.choice(same).read(depth - 1)
            if kind.limit > 1 and same and self.world.chance(0.4):
                first = self.rng.choice(same).read(depth - 1)
                one = self.fit(kind.inner, scope, depth - 1)
                return Written(f"({first.text}[1:] + ({one.text},))", kind.limit, kind.limit)
            if self.careless() or (not self.world.small and self.world.chance(0.25)):
                if self.world.chance(0.7):
                    return self._listed(kind, self.rng.randint(0, kind.limit), scope, depth - 1)
                return self.sequence(kind, places, scope, depth)
            return self._listed(kind, kind.limit, scope, depth - 1)
        found = self.sequence(kind, places, scope, depth)
        if found.high <= kind.limit or self.careless():
            return found
        start = f"len({found.text}) - {kind.limit}"
        end = f"[:{kind.limit}]" if self.world.chance(0.7) else f"[max(0, {start}):]"
        return Written(found.text + end, min(found.low, kind.limit), kind.limit)

    def sequence(self, kind: Several, places: list[Place], scope: Scope, depth: int) -> Written:
        """A sequence of the same elements, of any length."""
        if depth <= 0:
            return self.base(kind, scope)
        production = self.rng.random()
        if places and production < 0.3:
            return self.rng.choice(places).read(depth - 1)
        if production < 0.5:
            one, other = self.sequence(kind, places, scope, depth - 1), self.sequence(kind, places, scope, depth - 1)
            return Written(f"({one.text} + {other.text})", one.low + other.low, one.high + other.high)
        if production < 0.85:
            if places and self.world.chance(0.7):
                one = self.rng.choice(places).read(depth - 1)
            else:
                one = self.sequence(kind, places, scope, depth - 1)
            low, high = self.slice_ends(scope, depth - 1)
            return Written(f"{one.text}[{low}:{high}]", 0, one.high)
        if production < 0.9:
            inside, generators, most = self.generators(scope, depth - 1)
            with self.looking():
                element = self.fit(kind.inner, inside, depth - 1)
            return Written(f"tuple({element.text} {generators})", 0, most)
        if production < 0.95:
            one, other = self.sequence(kind, places, scope, depth - 1), self.sequence(kind, places, scope, depth - 1)
            text = f"({one.text} if {self.condition(scope, depth - 1)} else {other.text})"
            return Written(text, min(one.low, other.low), max(one.high, other.high))
        return self._listed(kind, self.rng.randint(0, min(2, kind.limit)), scope, depth - 1)

    def joined(self, place: Place, read: Written, scope: Scope) -> Written:
        """A sequence as it was read, and one of the same elements, together."""
        others = [other for other in self.places(scope) if other.kind.family == place.kind.family]
        found = self.rng.choice(others).read(0)
        return Written(f"({read.text} + {found.text})", read.low + found.low, read.high + found.high)

    def slice_ends(self, scope: Scope, depth: int) -> tuple[str, str]:
        """Where a slice starts and ends: absent, constant, negative, anything."""
        ends = []
        for likely in ((-3, -2, -2, -1, 0, 1, 2), (-2, -1, 1, 2, 2, 3)):
            sort = self.rng.random()
            if sort < 0.15:
                ends.append("")
            elif sort < 0.75:
                ends.append(str(self.rng.choice(likely)))
            else:
                ends.append(self.number(scope, min(depth, 1)).text)
        return ends[0], ends[1]

    def index(self, scope: Scope, depth: int, most: int) -> tuple[str, int]:
        """A subscript, and how long the sequence must be for it."""
        if self.world.chance(0.3):
            back = self.rng.randint(1, min(2, most))
            return f"-{back}", back
        if self.world.chance(0.35):
            found = self.number(scope, min(depth, 1))
            return found.text, max(found.high + 1, -found.low)
        at = self.rng.randint(0, min(2, most - 1))
        return str(at), at + 1

    # Numbers

    def number(self, scope: Scope, depth: int) -> Written:
        """Any integer, with the ends between which it lies."""
        if depth <= 0:
            return self._atom(scope)
        production = self.rng.random()
        if production < 0.3:
            places = [place for place in self.places(scope) if is_number(place.kind)]
            if places:
                return self.rng.choice(places).read(depth - 1)
            return self._atom(scope)
        if production < 0.38:
            places = [place for place in self.places(scope) if isinstance(place.kind, Thing | Choice | Truth)]
            if places:
                place = self.rng.choice(places)
                text = place.read(depth - 1).text
                # a truth value is a number, but none that can be stored
                return Written(f"({text} + 0)" if isinstance(place.kind, Truth) else text, 0, _most(place.kind))
        if production < 0.48:
            return self._length(scope, depth)
        if production < 0.68:
            return self._arithmetic(scope, depth)
        if production < 0.76:
            parts = [self.number(scope, depth - 1) for _ in range(self.rng.randint(2, 3))]
            function = self.rng.choice(["min", "max"])
            best = min if function == "min" else max
            ends = best(p.low for p in parts), best(p.high for p in parts)
            return Written(f"{function}({', '.join(p.text for p in parts)})", *ends)
        if production < 0.84:
            then, other = self.number(scope, depth - 1), self.number(scope, depth - 1)
            text = f"({then.text} if {self.condition(scope, depth - 1)} else {other.text})"
            return Written(text, min(then.low, other.low), max(then.high, other.high))
        if production < 0.92:
            return self._sum(scope, depth)
        calls = [call for call in self._calls() if call.result is not None and is_number(call.result)]
        if calls:
            called = self.rng.choice(calls)
            return Written(self.call(called, scope, depth - 1), called.low, called.high)
        return self._atom(scope)

    def _atom(self, scope: Scope) -> Written:
        sort = self.rng.random()
        known = [(local.name, local.low, local.high) for local in scope.locals if is_number(local.kind)]
        known += [(f"self.{name}", *_ends(kind)) for name, kind in self.world.state if is_number(kind)]
        if sort < 0.15 or not known:
            known += [(x.name, 0, _most(x.kind)) for x in scope.locals if isinstance(x.kind, Thing | Choice)]
            known += [(f"self.{n}", 0, _most(k)) for n, k in self.world.state if isinstance(k, Thing | Choice)]
        if known and sort < 0.68:
            return Written(*self.rng.choice(known))
        if sort < 0.76 and self.world.parameters:
            name = self.rng.choice(sorted(self.world.parameters))
            value = self.world.parameters[name]
            return Written(f"self.params.{name}", value, value)
        if sort < 0.8 and self.world.constants:
            name = self.rng.choice(sorted(self.world.constants))
            if all(local.name != name for local in scope.locals):
                return Written(name, self.world.constants[name], self.world.constants[name])
        value = self.rng.randint(-2, 4)
        return Written(str(value), value, value)

    def _length(self, scope: Scope, depth: int) -> Written:
        sequences = [place for place in self.places(scope) if isinstance(place.kind, Several)]
        containers = self.containers(scope, (Partial, Members, Line))
        if sequences and (not containers or self.world.chance(0.5)):
            place = self.rng.choice(sequences)
            found = place.read(depth - 1)
            if self.world.chance(0.4):
                start, stop = self.slice_ends(scope, depth - 1)
                return Written(f"len({found.text}[{start}:{stop}])", 0, found.high)
            if self.world.chance(0.3):
                found = self.joined(place, found, scope)
            return Written(f"len({found.text})", found.low, found.high)
        if containers:
            text, kind = self.rng.choice(containers)
            held = kind.key if isinstance(kind, Partial) else kind.inner if isinstance(kind, Members) else kind
            most = round(2 ** (held.item if isinstance(held, Line) else held).bits())
            return Written(f"len({text})", 0, most)
        return self._atom(scope)

    def _arithmetic(self, scope: Scope, depth: int) -> Written:
        one = self.number(scope, depth - 1)
        sort = self.rng.random()
        if sort < 0.35:
            other = self.number(scope, depth - 1)
            return Written(f"({one.text} + {other.text})", one.low + other.low, one.high + other.high)
        if sort < 0.6:
            other = self.number(scope, depth - 1)
            return Written(f"({one.text} - {other.text})", one.low - other.high, one.high - other.low)
        if sort < 0.67:
            return Written(f"-{one.text}" if one.text.isidentifier() else f"-({one.text})", -one.high, -one.low)
        if sort < 0.8 and one.high - one.low <= 12:
            other = self.number(scope, 0)
            if other.high - other.low <= 12:
                ends = [x * y for x in (one.low, one.high) for y in (other.low, other.high)]
                return Written(f"({one.text} * {other.text})", min(ends), max(ends))
        if one.high - one.low > 200:
            return one
        divisor = self.rng.choice([1, 2, 2, 3, 3, 4])
        text = str(divisor)
        positive = [name for name, value in self.world.parameters.items() if value > 0]
        if positive and self.world.chance(0.3):
            text = self.rng.choice(positive)
            divisor, text = self.world.parameters[text], f"self.params.{text}"
        if sort < 0.9:
            return Written(f"({one.text} // {text})", one.low // divisor, one.high // divisor)
        return Written(f"({one.text} % {text})", 0, divisor - 1)

    def _sum(self, scope: Scope, depth: int) -> Written:
        inside, generators, most = self.generators(scope, depth - 1)
        with self.looking():
            if self.world.chance(0.2):
                element = Written(f"({self.truth(inside, depth - 1)})", 0, 1)
            else:
                element = self.number(inside, depth - 1)
        low, high = min(0, element.low * most), max(0, element.high * most)
        return Written(f"sum({element.text} {generators})", low, high)

    # Truth values

    def condition(self, scope: Scope, depth: int) -> str:
        """What only decides: a truth value, or an optional one, of which None counts as false."""
        if self.world.chance(0.1):
            places = [place for place in self.places(scope) if place.kind == Maybe(Truth())]
            if places:
                return self.rng.choice(places).read(depth - 1).text
        return self.truth(scope, depth)

    def truth(self, scope: Scope, depth: int) -> str:
        """A condition."""
        if depth <= 0:
            known = [local.name for local in scope.locals if isinstance(local.kind, Truth)]
            known += [f"self.{name}" for name, kind in self.world.state if isinstance(kind, Truth)]
            if known and self.world.chance(0.5):
                return self.rng.choice(known)
            one, other = self._atom(scope), self._atom(scope)
            if one.text == other.text:
                other = Written(str(self.rng.randint(-1, 3)))
            return f"({one.text} {self.rng.choice(['<', '<=', '>', '>=', '==', '!='])} {other.text})"
        production = self.rng.random()
        if production < 0.1:
            places = [place for place in self.places(scope) if isinstance(place.kind, Truth)]
            if places:
                return self.rng.choice(places).read(depth - 1).text
        if production < 0.36:
            return self._comparison(scope, depth)
        if production < 0.5:
            return self._equality(scope, depth)
        if production < 0.62:
            return self._membership(scope, depth)
        if production < 0.66:
            return f"(not {self.condition(scope, depth - 1)})"
        if production < 0.78:
            parts = [self.truth(scope, depth - 1) for _ in range(self.rng.randint(2, 3))]
            return "(" + self.rng.choice([" and ", " or "]).join(parts) + ")"
        if production < 0.92:
            inside, generators, _ = self.generators(scope, depth - 1)
            before, self.searching = self.searching, True
            with self.looking():
                element = self._asked(inside, depth - 1)
            self.searching = before
            return f"{self.rng.choice(['all', 'any'])}({element} {generators})"
        if production < 0.96:
            calls = [call for call in self._calls() if isinstance(call.result, Truth)]
            if calls:
                return self.call(self.rng.choice(calls), scope, depth - 1)
        options = [place for place in self.places(scope) if isinstance(place.kind, Maybe)]
        if options:
            place = self.rng.choice(options)
            read = place.read(depth - 1).text
            if place.plain and self.world.chance(0.6):
                inside = self.narrowed(scope, read, place.kind)
                if self.world.chance(0.5):
                    return f"({read} is not None and {self.truth(inside, depth - 1)})"
                return f"({read} is None or {self.truth(inside, depth - 1)})"
            return f"({read} {self.rng.choice(['is', 'is not'])} None)"
        return self._comparison(scope, depth)

    def _asked(self, scope: Scope, depth: int) -> str:
        """What `all` or `any` asks of each element, often of what lies where the loop variable says."""
        if not self.world.chance(0.1 if self.world.small else 0.4):
            return self.condition(scope, depth)
        variable = scope.locals[-1]
        found: list[tuple[str, Kind]] = []
        for text, kind in self.containers(scope, (Partial, Line)):
            if isinstance(kind, Partial) and kind.key.family == variable.kind.family:
                found.append((f"{text}[{variable.name}]", kind.value))
            elif isinstance(kind, Line) and kind.item.family == variable.kind.family:
                found.append((f"{text}.priority_of({variable.name})", kind.priority))
        if is_number(variable.kind) or isinstance(variable.kind, Thing):
            for place in self.places(scope):
                if isinstance(place.kind, Several) and place.plain:
                    found.append((f"{place.read(0).text}[{variable.name}]", place.kind.inner))
        if not found:
            return self.condition(scope, depth)
        read, kind = self.rng.choice(found)
        if is_number(kind):
            return f"{read} {self.rng.choice(['<', '<=', '==', '!=', '>'])} {self.number(scope, 0).text}"
        if isinstance(kind, Truth):
            return read
        if isinstance(kind, Maybe) and self.world.chance(0.5):
            return f"{read} is not None"
        return f"{read} {self.rng.choice(['==', '!='])} {self.base(kind, scope).text}"

    def narrowed(self, scope: Scope, read: str, kind: Kind) -> Scope:
        """The scope where the option that reads as `read` is not None."""
        assert isinstance(kind, Maybe)
        inside = scope.inner()
        inside.locals = [local for local in inside.locals if local.name != read]
        inside.locals.append(Local(read, kind.inner, *_ends(kind.inner), assignable=False))
        return inside

    def _comparison(self, scope: Scope, depth: int) -> str:
        count = self.rng.choice([2, 2, 2, 3, 3, 4])
        parts = [self.number(scope, depth - 1).text for _ in range(count)]
        if len(set(parts)) < count:
            parts[0] = self.number(scope, depth).text
        stepping = [call for call in self._calls() if call.role == "steps" and _counts(call.result)]
        if stepping and self.world.chance(0.35):
            called = self.rng.choice(stepping)
            parts[self.rng.randrange(count)] = self.call(called, scope, 0)
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.rng.choice(['<', '<=', '<=', '>', '>=', '==', '!='])} {part}"
        return f"({text})"

    def _equality(self, scope: Scope, depth: int) -> str:
        places = [place for place in self.places(scope) if not is_number(place.kind)]
        if not places:
            return self._comparison(scope, depth)
        place = self.rng.choice(places)
        one = place.read(depth - 1).text
        other = self.fit(place.kind, scope, depth - 1).text
        if isinstance(place.kind, Maybe) and self.world.chance(0.3):
            other = self.fit(place.kind.inner, scope, depth - 1).text
        if one == other:
            other = self.base(place.kind, scope).text
        if isinstance(place.kind, Truth) and other in ("True", "False"):
            return f"(not {one})"
        if self.world.chance(0.2):
            one, other = other, one
        if self.world.chance(0.15):
            third = self.fit(place.kind, scope, depth - 1).text
            return f"({one} == {other} {self.rng.choice(['==', '!='])} {third})"
        return f"({one} {self.rng.choice(['==', '==', '!='])} {other})"

    def _membership(self, scope: Scope, depth: int) -> str:
        operator = self.rng.choice(["in", "in", "not in"])
        containers = self.containers(scope, (Partial, Members, Line))
        sequences = [place for place in self.places(scope) if isinstance(place.kind, Several)]
        if containers and (not sequences or self.world.chance(0.65)):
            text, kind = self.rng.choice(containers)
            item: Kind
            if isinstance(kind, Partial):
                item = kind.key
            elif isinstance(kind, Members):
                item = kind.inner
            else:
                assert isinstance(kind, Line)
                item = kind.item
            if isinstance(item, Number) and self.world.chance(0.5):
                item = AnyNumber()  # what is no value of the key type is in no container
            return f"({self.fit(item, scope, depth - 1).text} {operator} {text})"
        if sequences:
            place = self.rng.choice(sequences)
            assert isinstance(place.kind, Several)
            inner = AnyNumber() if isinstance(place.kind.inner, Number) else place.kind.inner
            item_text = self.fit(inner, scope, depth - 1).text
            found = place.read(depth - 1)
            if self.world.chance(0.3):
                found = self.joined(place, found, scope)
            return f"({item_text} {operator} {found.text})"
        return self._comparison(scope, depth)

    # Calls

    def _calls(self) -> list[Callable]:
        roles = ("reads", *(("tells",) if self.tells else ()), *(("steps",) if self.may_step else ()))
        if self.may_step and self.may_refuse and (not self.stepped or self.world.chance(0.1)):
            roles = (*roles, "refuses", "refuses")
        return [call for call in self.world.callables if call.role in roles]

    def call(self, called: Callable, scope: Scope, depth: int) -> str:
        """A call of a step or helper."""
        arguments = [self.fit(kind, scope, max(depth, 0)).text for _, kind in called.arguments]
        return f"self.{called.name}({', '.join(arguments)})"


def _ends(kind: Kind, other: Written | None = None) -> tuple[int, int]:
    """Ends of the values (or lengths) of a kind, or of it and another expression."""
    low, high = 0, 0
    if isinstance(kind, Number):
        low, high = kind.low, kind.high
    elif isinstance(kind, Several):
        low, high = (kind.limit if kind.exact else 0), kind.limit
    elif isinstance(kind, AnyNumber):
        low, high = -8, 8
    return (low, high) if other is None else (min(low, other.low), max(high, other.high))


def _counts(kind: Kind | None) -> bool:
    """Whether a result can be compared with numbers."""
    return kind is not None and is_number(kind)


def _most(kind: Kind) -> int:
    """The largest number that a value of a kind counts as."""
    if isinstance(kind, Choice):
        return len(kind.members) - 1
    return kind.count - 1 if isinstance(kind, Thing) else 1


def _bounded(text: str, kind: Kind) -> Written:
    return Written(text, *_ends(kind))


def _named(text: str, kind: Kind) -> Function[[int], Written]:
    return lambda _: _bounded(text, kind)


def _reading(local: Local) -> Function[[int], Written]:
    return lambda _: Written(local.name, local.low, local.high)
