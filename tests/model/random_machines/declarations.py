"""The types, parameters and state variables of a random machine."""

from __future__ import annotations

from .kinds import Choice, Fields, Kind, Line, Maybe, Members, Number, Partial, Several, Thing, Total, Truth
from .names import AWKWARD_STATE, AWKWARD_TYPES, PLAIN, TYPES, picked
from .scope import World

MEMBERS = ("LEFT", "RIGHT", "UP", "NONE", "A", "B", "title", "value_")


class Declarations:
    """Writes everything above the methods, and tells the world about it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self.idle: list[Kind] = []
        """Of variables that no method names."""

    def _type_name(self) -> str:
        name = picked(self.rng, self.world.taken, TYPES, AWKWARD_TYPES, 0.12)
        self.world.types.add(name)
        return name

    def write(self) -> list[str]:
        """The lines of the module above the machine."""
        world, rng = self.world, self.rng
        for name in rng.sample(["things", "limit", "depth", "spare_room", "p"], rng.randint(2, 4)):
            world.parameters[name] = rng.randint(1, 3)
            world.taken.add(name)
        for name in rng.sample(["BONUS", "MINUS", "E", "LIMIT"], rng.choice([0, 1, 1, 2])):
            world.constants[name] = rng.randint(-2, 3)
            world.taken.add(name)
        lines = ["", "@attrs.frozen", "class Sizes(Parameters):", '    """Sizes."""', ""]
        lines += [f"    {name}: int = {value}" for name, value in world.parameters.items()]
        lines += ["", *(f"{name} = {value}" for name, value in world.constants.items()), ""]
        for _ in range(rng.choice([1, 1, 2, 3])):
            lines += self._thing()
        for _ in range(rng.choice([0, 1, 1, 2])):
            lines += self._choice()
        for _ in range(rng.choice([1, 2, 2, 3])):
            lines += self._number()
        self._options(rng.choice([1, 2]))
        for _ in range(rng.choice([1, 2, 2])):
            lines += self._sequence()
        for _ in range(rng.choice([0, 1, 1, 2])):
            lines += self._record()
        self._options(rng.choice([0, 1, 1]))
        if rng.random() < 0.3:
            lines += self._sequence()
        self._keys()
        if rng.random() < 0.2:
            lines += self._idle()
        return lines

    def _bound(self, value: int) -> str:
        """A number, or a lambda over the parameters that is it."""
        if self.rng.random() < 0.5:
            return str(value)
        name = self.rng.choice(sorted(self.world.parameters))
        difference = value - self.world.parameters[name]
        read = self.rng.choice(["p", "sizes", "parameters"])
        if difference == 0:
            return f"lambda {read}: {read}.{name}"
        if difference > 0:
            return f"lambda {read}: {read}.{name} + {difference}"
        return f"lambda {read}: {read}.{name} - {-difference}"

    def _thing(self) -> list[str]:
        name, count = self._type_name(), self.rng.choice([1, 2, 2, 3, 3])
        kind = Thing(name, count)
        self.world.things.append(kind)
        self.world.values.append(kind)
        text = self._bound(count).removeprefix("lambda ").partition(": ")[2] or str(count)
        argument = text.split(".")[0] if "." in text else "parameters"
        return [
            f"class {name}(Index):",
            f'    """{name}."""',
            "",
            "    @classmethod",
            f"    def count(cls, {argument}: Sizes) -> int:",
            f"        return {text}",
            "",
        ]

    def _choice(self) -> list[str]:
        kind, lines = self._enumeration()
        self.world.choices.append(kind)
        self.world.values.append(kind)
        return lines

    def _enumeration(self) -> tuple[Choice, list[str]]:
        name = self._type_name()
        members = tuple(self.rng.sample(MEMBERS, self.rng.choice([1, 2, 2, 3] if not self.world.small else [1, 2, 2])))
        numbered = [f"    {member} = {number}" for number, member in enumerate(members)]
        return Choice(name, members), [f"class {name}(IntEnum):", f'    """{name}."""', "", *numbered, ""]

    def _idle(self) -> list[str]:
        """A type for a variable that no method names: of its own, or one that others have too."""
        lines: list[str] = []
        kind: Kind = self.rng.choice(self.world.values)
        if self.rng.random() < 0.6:
            kind, lines = self._enumeration()
        key = self.rng.choice(self.world.things)
        around: list[Kind] = [kind, kind, Total(key, kind), Partial(key, kind)]
        if not isinstance(kind, Maybe):
            around.append(Maybe(kind))
        self.idle = [each for each in [self.rng.choice(around)] if self._allowed(each)]
        return lines

    def _number(self) -> list[str]:
        ends = [(0, 1), (-1, 1), (1, 3), (0, 3), (-2, -1), (0, 0), (2, 3), (-1, 0)]
        if not self.world.small:
            ends += [(-3, 4), (-2, 5), (0, 7), (3, 4)]
        low, high = self.rng.choice(ends)
        kind = Number(self._type_name(), low, high)
        self.world.numbers.append(kind)
        self.world.values.append(kind)
        return [f"{kind.name} = Annotated[int, Between({self._bound(low)}, {self._bound(high)})]"]

    def _options(self, count: int) -> None:
        for _ in range(count):
            inner = self.rng.choice(self.world.values)
            kind = Maybe(inner) if not isinstance(inner, Maybe) else Maybe(Truth())
            if kind not in self.world.values and self._allowed(kind):
                self.world.values.append(kind)

    def _allowed(self, kind: Kind) -> bool:
        return kind.bits() <= (4 if self.world.small else 9)

    def _sequence(self) -> list[str]:
        for _ in range(6):
            inner, limit = self.rng.choice([*self.world.values, Truth()]), self.rng.choice([0, 1, 2, 2, 3, 3, 4, 4])
            kind = Several(self._type_name(), inner, limit, self.rng.random() < 0.4)
            if self._allowed(kind) and not (kind.exact and limit == 0):
                break
        else:
            kind = Several(self._type_name(), Truth(), 2, False)
        self.world.sequences.append(kind)
        self.world.values.append(kind)
        mark = "Exactly" if kind.exact else "AtMost"
        written = kind.inner.written()
        return [f"{kind.name} = Annotated[tuple[{written}, ...], {mark}({self._bound(kind.limit)})]"]

    def _record(self) -> list[str]:
        name = self._type_name()
        fields: list[tuple[str, Kind]] = []
        for field in self.rng.sample(
            ["first", "rest", "len", "x", "count", "index", "names", "value"], self.rng.randint(1, 3)
        ):
            inner = self.rng.choice([*self.world.values, Truth()])
            if self._allowed(Fields(name, (*fields, (field, inner)))):
                fields.append((field, inner))
        kind = Fields(name, tuple(fields) or (("x", Truth()),))
        self.world.records.append(kind)
        self.world.values.append(kind)
        written = [f"    {field}: {inner.written()}" for field, inner in kind.fields]
        return ["", "@attrs.frozen", f"class {name}(Record):", f'    """{name}."""', "", *written, "", ""]

    def _keys(self) -> None:
        self.world.values.append(Truth())
        found: list[Kind] = []
        for kind in self.world.values:
            if not _holds_record(kind) and kind.bits() <= (2.01 if self.world.small else 3.2):
                found.append(kind)
        self.world.keys = found

    # State

    def state(self) -> list[str]:
        """The lines that declare the state."""
        world, rng = self.world, self.rng
        budget = 10.0 if world.small else 34.0
        for thing in world.things:
            name = f"first_{thing.name.lower()}"
            if name not in world.taken:
                world.taken.add(name)
                world.state.append((name, thing))
                budget -= thing.bits()
        for _ in range(rng.choice([3, 4, 4, 5, 6] if not world.small else [2, 2, 3])):
            for _ in range(8):
                kind = self._variable()
                if kind.bits() <= budget:
                    budget -= kind.bits()
                    name = picked(rng, world.taken, PLAIN, AWKWARD_STATE, 0.3)
                    world.state.append((name, kind))
                    break
        lines = []
        idle = [(picked(rng, world.taken, PLAIN, AWKWARD_STATE, 0.3), kind) for kind in self.idle]
        for name, kind in [*world.state, *idle]:
            annotation = f"Ghost[{kind.written()}]" if rng.random() < 0.1 else kind.written()
            lines += [f"{name}: {annotation}", f'"""{name}."""']
        return lines

    def _variable(self) -> Kind:
        rng, world = self.rng, self.world
        sort = rng.random()
        if sort < 0.1:
            return rng.choice(world.sequences)
        if sort < 0.32:
            return rng.choice(world.values)
        if sort < 0.55:
            return self._container()
        return Total(
            rng.choice(world.keys), rng.choice(world.values) if rng.random() < 0.45 else self._container(nested=True)
        )

    def _container(self, nested: bool = False) -> Kind:
        rng, world = self.rng, self.world
        sort = rng.random()
        if sort < 0.35:
            return Partial(rng.choice(world.keys), rng.choice(world.values))
        if sort < 0.6:
            return Members(rng.choice(world.keys))
        if sort < 0.85 or not nested:
            priorities = [kind for kind in world.numbers if kind.high - kind.low <= 3]
            if priorities:
                return Line(rng.choice(world.things), rng.choice(priorities))
            return Members(rng.choice(world.things))
        return Total(rng.choice(world.keys), rng.choice(world.values))


def _holds_record(kind: Kind) -> bool:
    return isinstance(kind, Fields) or (isinstance(kind, Maybe | Several) and _holds_record(kind.inner))
