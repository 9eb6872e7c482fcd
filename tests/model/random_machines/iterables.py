"""What random loops and quantifiers run over."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .kinds import AnyNumber, Kind, Line, Members, Number, Partial, Several
from .scope import Local, Scope, World

if TYPE_CHECKING:
    from .expressions import Place, Written


class Iterables:
    """Writes what is looped over."""

    world: World
    rng: random.Random
    may_step: bool
    names: int

    def places(self, scope: Scope) -> list[Place]:
        raise NotImplementedError

    def containers(self, scope: Scope, wanted: tuple[type[Kind], ...]) -> list[tuple[str, Kind]]:
        raise NotImplementedError

    def number(self, scope: Scope, depth: int) -> Written:
        raise NotImplementedError

    def condition(self, scope: Scope, depth: int) -> str:
        raise NotImplementedError

    def joined(self, place: Place, read: Written, scope: Scope) -> Written:
        raise NotImplementedError

    def slice_ends(self, scope: Scope, depth: int) -> tuple[str, str]:
        raise NotImplementedError

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Inside, no helper that steps is called: a quantifier only looks."""
        before, self.may_step = self.may_step, False
        yield
        self.may_step = before

    def fresh(self, stem: str = "") -> str:
        """A name for a new local."""
        self.names += 1
        return f"{stem or self.rng.choice(['x', 'y', 'item', 'at', 'value', 'key', 'one', 'part'])}{self.names}"

    def iterable(self, scope: Scope, depth: int) -> tuple[str, Any, int]:
        """The text, what the loop variable is (all but its name), and how many rounds there are at most."""
        while True:
            sort = self.rng.random()
            if sort < 0.22:
                thing = self.rng.choice(self.world.things)
                return f"self.every({thing.name})", (thing, 0, 0), thing.count
            if sort < 0.32 and self.world.choices:
                choice = self.rng.choice(self.world.choices)
                text = f"reversed({choice.name})" if self.world.chance(0.15) else choice.name
                return text, (choice, 0, 0), len(choice.members)
            if sort < 0.52:
                return self._range(scope)
            if sort < 0.78:
                found = self.containers(scope, (Members, Line, Partial))
                if found:
                    return self._container(*self.rng.choice(found))
            sequences = [place for place in self.places(scope) if isinstance(place.kind, Several)]
            if sequences and sort > 0.7:
                place = self.rng.choice(sequences)
                assert isinstance(place.kind, Several)
                with self.looking():
                    found_text = place.read(depth)
                    text = found_text.text
                    if self.world.chance(0.3):
                        start, stop = self.slice_ends(scope, 0)
                        text = f"{text}[{start}:{stop}]"
                    elif self.world.chance(0.2):
                        found_text = self.joined(place, found_text, scope)
                        text = found_text.text
                text = f"reversed({text})" if self.world.chance(0.3) else text
                ends = (place.kind.inner.low, place.kind.inner.high) if isinstance(place.kind.inner, Number) else (0, 0)
                return text, (place.kind.inner, *ends), max(found_text.high, 1)

    def loop(self, scope: Scope, depth: int) -> tuple[str, str, list[Local], int]:
        """The variables of a loop, what it runs over, what is known of the variables, and how many rounds there are."""
        text, (kind, low, high), rounds = self.iterable(scope, depth)
        found = [Local(self.fresh(), kind, low, high, assignable=False)]
        target = found[0].name
        if self.world.chance(0.12):
            more, (kind, low, high), others = self.iterable(scope, depth)
            found.append(Local(self.fresh(), kind, low, high, assignable=False))
            strict = self.rng.choice([", strict=False", ""])
            target, rounds = f"{target}, {found[1].name}", min(rounds, others)
            text = f"zip({text}, {more}{strict})"
        if self.world.chance(0.12):
            number = Local(self.fresh(), AnyNumber(), 0, max(rounds - 1, 0), assignable=False)
            target = f"({target})" if len(found) > 1 else target
            found.insert(0, number)
            target, text = f"{number.name}, {target}", f"enumerate({text})"
        return target, text, found, rounds

    def _container(self, text: str, kind: Kind) -> tuple[str, Any, int]:
        if isinstance(kind, Partial):
            value = kind.value
            ends = (value.low, value.high) if isinstance(value, Number) else (0, 0)
            if isinstance(value, Several):
                ends = (value.limit if value.exact else 0, value.limit)
            return f"{text}.values()", (value, *ends), round(2 ** kind.key.bits())
        inner = kind.item if isinstance(kind, Line) else kind.inner if isinstance(kind, Members) else kind
        ends = (inner.low, inner.high) if isinstance(inner, Number) else (0, 0)
        if isinstance(inner, Several):
            ends = (inner.limit if inner.exact else 0, inner.limit)
        return text, (inner, *ends), round(2 ** inner.bits())

    def _range(self, scope: Scope) -> tuple[str, Any, int]:
        with self.looking():
            start, stop = self.number(scope, 0), self.number(scope, 0)
        if self.world.chance(0.5) or start.low >= stop.high:
            if stop.high <= 0:
                start, text, low, high = start, "range(2)", 0, 1
            else:
                text, low, high = f"range({stop.text})", 0, min(stop.high, 4) - 1
                if stop.high > 4:
                    text = f"range(min({stop.text}, 4))"
        elif stop.high - start.low > 5:
            text, low, high = "range(-1, 3)", -1, 2
        elif self.world.chance(0.25):
            step = self.rng.choice([2, 2, 3, -1, -2])
            text, low, high = f"range(0, 4, {step})" if step > 0 else f"range(2, -2, {step})", -1, 3
        else:
            text, low, high = f"range({start.text}, {stop.text})", start.low, stop.high - 1
        if self.world.chance(0.25):
            text = f"reversed({text})"
        return text, (AnyNumber(), low, high), max(high - low + 1, 1)

    def generators(self, scope: Scope, depth: int) -> tuple[Scope, str, int]:
        """The `for`s of a quantifier, the scope in which its element stands, and how many elements there are at most."""
        inside, text, most = scope.inner(), [], 1
        for _ in range(1 if depth <= 0 or self.world.chance(0.75) else 2):
            with self.looking():
                target, iterable, found, rounds = self.loop(inside, 0)
                most *= rounds
                for local in found:
                    inside.add(local)
                text.append(f"for {target} in {iterable}")
                for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
                    text.append(f"if {self.condition(inside, min(depth, 1))}")
            if most > 12:
                break
        return inside, " ".join(text), most
