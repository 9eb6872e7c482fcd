"""Small machines for the tests of the symbolic side: one with every construct, and some with known defects."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import (
    AtMost,
    Between,
    Exactly,
    Index,
    Machine,
    Map,
    Parameters,
    PartialMap,
    PriorityQueue,
    Set,
    choose,
    invariant,
    operation,
    reject,
    require,
    sometimes,
    step,
)


@attrs.frozen
class Sizes(Parameters):
    things: int = 3
    limit: int = 4


class Thing(Index):
    @classmethod
    def count(cls, parameters: Sizes) -> int:
        return parameters.things


class Side(IntEnum):
    LEFT = 0
    RIGHT = 1


Amount = Annotated[int, Between(-2, 5)]
Urgency = Annotated[int, Between(1, 3)]
Few = Annotated[tuple[Thing, ...], AtMost(lambda p: p.limit)]
Pair = Annotated[tuple[Thing, ...], Exactly(2)]
BONUS = 2


class EveryConstruct(Machine[Sizes]):
    """Uses each statement and expression of the language at least once."""

    amount: Map[Thing, Amount]
    """A bounded integer, also negative."""
    owner: Map[Thing, Thing | None]
    """An optional value."""
    bag: Set[Thing]
    """A set."""
    line: Map[Side, PriorityQueue[Thing, Urgency]]
    """Queues in a map; priorities that do not start at 0."""
    table: Map[Thing | None, PartialMap[Pair, Thing]]
    """Partial maps in a map, by sequences."""
    trail: Few
    """A bounded sequence."""
    flag: bool
    """A truth value."""
    side: Side
    """A member of an enumeration."""

    @step
    def gain(self, thing: Thing, by: Amount) -> None:
        """Change an amount."""
        require(thing in self.bag or by != 0, "gain-something")
        self.amount[thing] += by

    @step
    def give(self, thing: Thing, owner: Thing | None) -> None:
        """Set an owner."""
        self.owner[thing] = owner
        if owner is not None and owner == thing:
            self.flag = not self.flag
        else:
            self.side = Side.RIGHT if self.side == Side.LEFT else Side.LEFT

    @step
    def put(self, thing: Thing) -> None:
        """Put into the bag."""
        self.bag.add(thing)

    @step
    def take(self, thing: Thing) -> None:
        """Take out of the bag."""
        self.bag.discard(thing)

    @step
    def queue(self, side: Side, thing: Thing, at: Urgency, front: bool) -> None:
        """Queue a thing."""
        require(thing not in self.line[Side.LEFT] and thing not in self.line[Side.RIGHT], "queue-once")
        if front:
            self.line[side].push_front(thing, at)
        else:
            self.line[side].push_back(thing, at)

    @step
    def leave(self, side: Side, thing: Thing) -> None:
        """Leave a queue, which must be that side's."""
        self.line[side].remove(thing)

    @step
    def write(self, node: Thing | None, key: Pair, value: Thing) -> None:
        """Write into a table."""
        self.table[node][key] = value

    @step
    def erase(self, node: Thing | None, key: Pair) -> None:
        """Erase from a table."""
        del self.table[node][key]

    @step
    def exchange(self, a: Thing, b: Thing) -> None:
        """Exchange two amounts."""
        self.amount[a], self.amount[b] = self.amount[b], self.amount[a]

    @step
    def extend(self, more: Few) -> None:
        """Add to the trail, keeping only the last ones."""
        whole = self.trail + more
        self.trail = whole[max(0, len(whole) - self.params.limit) :]

    def largest(self) -> Thing:
        """The first thing with the largest amount: a loop with a return inside another branch."""
        for thing in self.every(Thing):
            if all(self.amount[thing] >= self.amount[other] for other in self.every(Thing)):
                return thing
        return self.trail[0]

    def found(self, wanted: Thing) -> int:
        """Position of a thing in the trail from the back, or -1: reversed, continue and break."""
        position = -1
        for i in reversed(range(len(self.trail))):
            if self.trail[i] != wanted:
                continue
            position = i
            break
        return position

    @operation
    def trade(self, a: Thing, b: Thing, by: Amount) -> int:
        """Arithmetic, exchange, and two rejections."""
        if a == b:
            reject("same")
        if not -2 <= self.amount[a] + by <= 5 or by == 0:
            reject("too-much")
        self.gain(a, by)
        self.exchange(a, b)
        total: int = sum(self.amount[t] for t in self.every(Thing) if t != a)
        return total * 2 - (self.amount[a] + 7) // 3 + (total + 6) % 4 + min(by, 1, total) - max(a, BONUS)

    @operation
    def adopt(self, thing: Thing, owner: Thing | None) -> int:
        """Options, conditional expressions, membership."""
        before = self.owner[thing]
        self.give(thing, owner)
        if before is None and owner is not None:
            self.put(owner)
        elif thing in self.bag:
            self.take(thing)
        depth = 0
        node: Thing | None = thing
        for _ in range(self.params.things):
            if node is None:
                break
            depth += 1
            node = self.owner[node]
        return depth if node is None else -depth

    @operation
    def line_up(self, thing: Thing, side: Side, at: Urgency, front: bool) -> int:
        """Queues: membership, iteration in victim order, priorities."""
        for other in Side:
            if thing in self.line[other]:
                priority = self.line[other].priority_of(thing)
                self.leave(other, thing)
                return priority
        self.queue(side, thing, at, front)
        ahead = 0
        for waiting in self.line[side]:
            if waiting == thing:
                break
            ahead += self.line[side].priority_of(waiting)
        return ahead * 10 + len(self.line[side])

    @operation
    def serve(self, side: Side) -> int:
        """The front of a queue, which may be empty."""
        if len(self.line[side]) == 0:
            reject("nobody")
        first = self.line[side].front()
        self.leave(side, first)
        self.extend((first,))
        return first

    @operation
    def note(self, node: Thing | None, key: Few, value: Thing) -> int:
        """Partial maps by slices of a sequence."""
        if len(key) < 2:
            reject("short")
        start = key[:2]
        last = key[len(key) - 2 :]
        if self.table[node].get(start) is None:
            self.write(node, start, value)
        elif start in self.table[node] and self.table[node][start] == value:
            self.erase(node, start)
        if last != start and last not in self.table[node]:
            self.write(node, last, key[-1])
        seen = 0
        for entry in self.table[node].values():
            seen = seen * 3 + entry + 1
        return seen + len(self.table[node])

    @operation
    def walk(self, more: Few) -> int:
        """Sequences: concatenation, reversal, quantifiers, nested loops."""
        if len(more) == 0 or (self.flag and more[0] == 0):
            reject("nothing")
        self.extend(more)
        if len(self.trail) == self.params.limit and self.trail[0] == self.trail[-1]:
            sometimes("a full trail returns to its start")
        repeated = any(self.trail[i] == self.trail[j] for i in range(len(self.trail)) for j in range(i) if i - j < 3)
        weight = 0
        for thing in reversed(self.trail):
            for member in self.bag:
                if member == thing:
                    continue
                weight += 1
                if weight > 4:
                    break
        return weight * 2 + (1 if repeated else 0) + self.found(more[0]) * 10 + 100 * self.largest()

    @operation
    def careless(self, thing: Thing) -> int:
        """Breaks bounds and reads what is not there, depending on the state."""
        self.gain(thing, 3)
        owner = self.owner[thing]
        last = self.trail[-1]
        return self.amount[last] + (owner if owner is not None else 0) + self.line[self.side].front()

    @invariant
    def amounts_are_small(self) -> bool:
        """Not always true: only its value is compared."""
        return sum(self.amount[t] for t in self.every(Thing)) <= 5 or self.flag

    @invariant
    def owners_owned(self) -> bool:
        """Not always true either."""
        return not any(self.owner[t] == t and t in self.bag for t in self.every(Thing)) and len(self.bag) < 3


class Chooser(Machine[Sizes]):
    """An open choice: any thing that is not in the bag may be put into it."""

    bag: Set[Thing]
    """What was chosen."""
    last: Thing
    """The last choice."""

    @step
    def put(self, thing: Thing) -> None:
        """Put into the bag."""
        require(thing not in self.bag, "put-once")
        self.bag.add(thing)
        self.last = thing

    @operation
    def pick(self) -> int:
        """Put any thing into the bag that is not there."""
        if len(self.bag) == self.params.things:
            reject("full")
        self.put(choose((t for t in self.every(Thing) if t not in self.bag), "thing"))
        return 0

    @invariant
    def zero_comes_first(self) -> bool:
        """False: the policy begins with 0, but the system is free to pick another."""
        return len(self.bag) == 0 or 0 in self.bag


class PickFromNothing(Chooser):
    """The same without the guard: at the end there is nothing to choose from."""

    @operation
    def pick(self) -> int:
        """Put any thing into the bag."""
        self.put(choose((t for t in self.every(Thing) if t not in self.bag), "thing"))
        return 0

    @invariant
    def zero_comes_first(self) -> bool:
        """True."""
        return True


Count = Annotated[int, Between(0, 7)]


class Counter(Machine[Sizes]):
    """Counts to five and starts over."""

    value: Count
    """The count."""

    @step
    def set(self, value: Count) -> None:
        """Set the count."""
        self.value = value

    @operation
    def increase(self) -> int:
        """Count one up, or start over at five."""
        if self.value == 5:
            sometimes("starts over")
            self.set(0)
        else:
            self.set(self.value + 1)
        return self.value

    @operation
    def reset(self) -> int:
        """Start over."""
        if self.value == 0:
            reject("zero-already")
        self.set(0)
        return 0

    @invariant
    def at_most_five(self) -> bool:
        """Inductive: five is followed by zero."""
        return self.value <= 5


class NotInductiveCounter(Counter):
    """Counts in steps of two: six is never reached, but the invariant does not say why."""

    @operation
    def increase(self) -> int:
        """Count two up, or start over at four."""
        if self.value == 4:
            self.set(0)
        else:
            self.set(self.value + 2)
        return self.value

    @invariant
    def at_most_five(self) -> bool:
        """True of every reachable state, and not inductive: 5 would be followed by 7."""
        return self.value != 7


class OverflowingCounter(Counter):
    """Never starts over."""

    @operation
    def increase(self) -> int:
        """Count one up."""
        self.set(self.value + 1)
        return self.value

    @invariant
    def at_most_five(self) -> bool:
        """False after six operations."""
        return self.value <= 5


class Contradictory(Counter):
    """Two invariants that no state satisfies together; the initial state breaks one of them."""

    @invariant
    def more_than_five(self) -> bool:
        """Contradicts the other invariant."""
        return self.value > 5


class NeverAccepted(Counter):
    """An operation that its guard makes impossible."""

    @operation
    def reset(self) -> int:
        """Guarded by what no state satisfies."""
        if self.value < 6:
            reject("too-small")
        self.set(0)
        return 0


class LateRejection(Counter):
    """Rejects after a step."""

    @operation
    def reset(self) -> int:
        """Take a step first."""
        self.set(0)
        if self.value == 0:
            reject("zero-already")
        return 0
