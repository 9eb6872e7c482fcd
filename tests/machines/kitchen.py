"""A machine whose arguments, results and state hold records: tables order in batches, and get what there is."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

import attrs

from kvproof.spec.lang import (
    AtMost,
    Between,
    Index,
    Machine,
    Map,
    Parameters,
    PartialMap,
    Record,
    Shipped,
    assume,
    canonical,
    ensure,
    invariant,
    observation,
    operation,
    reject,
    require,
    sometimes,
    step,
    theorem,
)


@attrs.frozen
class KitchenParameters(Parameters):
    """Sizes of a kitchen."""

    tables: int = 2
    dishes: int = 1
    plates: int = 1
    """Most plates of one course."""
    courses: int = 1
    """Most courses of one order."""
    stock: int = 2
    """Plates that the kitchen has."""
    batch: int = 2
    """Most orders at once."""
    tips: int = 1
    """Highest tip."""


class Table(Index):
    """One table."""

    @classmethod
    def count(cls, parameters: KitchenParameters) -> int:
        return parameters.tables


class Dish(Index):
    """One dish."""

    @classmethod
    def count(cls, parameters: KitchenParameters) -> int:
        return parameters.dishes


class Speed(IntEnum):
    """How fast a table wants its order."""

    SLOW = 0
    FAST = 1


Stock = Annotated[int, Between(0, lambda p: p.stock)]


@attrs.frozen
class Course(Record):
    """Some plates of one dish."""

    dish: Dish
    plates: Annotated[int, Between(0, lambda p: p.plates)]
    """How many."""


@attrs.frozen
class Order(Record):
    """What one table wants."""

    table: Table
    courses: Annotated[tuple[Course, ...], AtMost(lambda p: p.courses)]
    speed: Speed
    tip: Annotated[int, Between(0, lambda p: p.tips)] | None


@attrs.frozen
class Served(Record):
    """What one table got."""

    table: Table
    plates: int
    thanks: bool


Orders = Annotated[tuple[Order, ...], AtMost(lambda p: p.batch)]
Results = Annotated[tuple[Served, ...], AtMost(lambda p: p.batch)]


class Kitchen(Machine[KitchenParameters]):
    """Serves orders in batches from a limited stock of plates."""

    open: PartialMap[Table, Order]
    """The orders that are being eaten."""
    last: Map[Table, Order | None]
    """The order before, for each table."""
    clean: Stock
    """Plates that are free."""

    def initial(self) -> None:
        self.clean = self.params.stock

    @step
    def bring(self, table: Table, order: Order) -> None:
        """A table gets its order."""
        require(table not in self.open, "bring-once")
        require(order.table == table, "bring-own")
        self.open[table] = order

    @step
    def use(self, plates: Stock) -> None:
        """Plates are used."""
        require(plates <= self.clean, "use-what-is-there")
        self.clean -= plates

    @step
    def clear(self, table: Table) -> None:
        """A table has eaten; its plates are clean again."""
        require(table in self.open, "clear-open")
        self.clean += self.plates(self.open[table])
        self.last[table] = self.open[table]
        del self.open[table]

    @operation
    def serve(self, orders: Orders) -> Results:
        """Serve a batch of orders, or none of it."""
        if len(orders) == 0:
            reject("empty-batch")
        if any(order.table in self.open for order in orders):
            reject("table-busy")
        if any(orders[i].table == orders[j].table for i in range(len(orders)) for j in range(i)):
            reject("table-twice")
        if sum(self.plates(order) for order in orders) > self.clean:
            sometimes("a batch is refused for want of plates")
            reject("no-plates")
        before = self.clean
        results: Results = ()
        for order in orders:
            self.bring(order.table, order)
            self.use(self.plates(order))
            results = results + (self.told(order),)
        ensure(sum(result.plates for result in results) == before - self.clean, "plates-are-told")
        ensure(len(results) == len(orders) and results[0].table == orders[0].table, "a-result-for-each-order")
        return results

    def plates(self, order: Order) -> int:
        """Plates that an order needs."""
        return sum(course.plates for course in order.courses)

    def told(self, order: Order) -> Served:
        """What a table is told."""
        return Served(order.table, self.plates(order), order.tip is not None and order.speed == Speed.SLOW)

    @operation
    def leave(self, table: Table) -> Served:
        """A table leaves."""
        if table not in self.open:
            reject("not-there")
        served = self.told(self.open[table])
        self.clear(table)
        return served

    @operation
    def repeat(self, table: Table) -> int:
        """A table wants the same as last time, but without a tip. Returns its plates."""
        last = self.last[table]
        if last is None:
            reject("never-here")
        if table in self.open:
            reject("table-busy")
        order = Order(last.table, last.courses, Speed.FAST, None)
        if self.plates(order) > self.clean:
            reject("no-plates")
        self.bring(table, order)
        self.use(self.plates(order))
        ensure(self.told(order) == Served(table, self.plates(last), False), "as-last-time")
        return self.plates(order)

    @invariant
    def plates_are_somewhere(self) -> bool:
        """A plate is clean or in use: every step keeps the sum."""
        return self.clean + sum(self.plates(order) for order in self.open.values()) == self.params.stock

    @invariant
    def orders_know_their_table(self) -> bool:
        """bring requires it, and clear keeps it."""
        return all(self.table_of(self.last[t], t) == t for t in self.every(Table)) and all(
            self.open[t].table == t for t in self.every(Table) if t in self.open
        )

    def table_of(self, order: Order | None, otherwise: Table) -> Table:
        """The table that an order names."""
        if order is None:
            return otherwise
        return order.table

    def washes(self, plates: int) -> int:
        """Runs of a machine that washes `stock` plates at once."""
        return (plates + self.params.stock - 1) // self.params.stock

    @theorem
    def washing_is_enough(self, plates: int) -> bool:
        """Rounding up: the runs hold all plates, and one run less would not."""
        assume(self.params.stock >= 1)
        assume(plates >= 0)
        room = self.washes(plates) * self.params.stock
        return room >= plates and (plates == 0 or room - self.params.stock < plates)

    @observation
    def observe(self) -> dict[str, Any]:
        """Who eats."""
        return {"clean": self.clean, "open": [int(table) for table in self.every(Table) if table in self.open]}

    @canonical
    def order_of_names(self) -> dict[Any, list[Any]]:
        """Tables that eat come last, those with more plates later."""

        def key(table: Table) -> tuple[int, int]:
            return (1, self.plates(self.open[table])) if table in self.open else (0, 0)

        return {Table: sorted(self.every(Table), key=key)}


class ForgetsCourses(Kitchen):
    """A bug: what tables are told leaves out all but the first plate."""

    def told(self, order: Order) -> Served:
        return Served(order.table, min(self.plates(order), 1), order.tip is not None and order.speed == Speed.SLOW)


SHIPPED = Shipped(
    machine=Kitchen,
    variants={"forgets": ForgetsCourses},
    sizes={
        "induction": {
            "2 tables": KitchenParameters(stock=1),
            "2 courses": KitchenParameters(dishes=2, plates=2, courses=2),
            "3 orders": KitchenParameters(batch=3),
        },
        "bounded": {"2 tables": KitchenParameters()},
        "explore": {"1 table": KitchenParameters(tables=1, plates=2, stock=1, batch=1, tips=0)},
        "variants": {"forgets": KitchenParameters(plates=2)},
        "fuzz": {"3 tables": KitchenParameters(tables=3, dishes=3, plates=3, courses=3, stock=7, batch=3)},
    },
    unreached={
        "serve: *: no round": "an empty batch is refused first",
        "serve: any((order.table *: no candidate": "an empty batch is refused first",
        "serve: sum(*: no candidate": "an empty batch is refused first",
    },
)
