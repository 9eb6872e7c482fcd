"""A machine that is wrong, and proved at small sizes: of several things that are asked for, only the first is reserved.

`FirstOnly` is right as long as nobody asks for more than one, and takes every branch then. Its depth is what tells.
"""

from __future__ import annotations

from typing import Annotated

import attrs

from kvproof.spec.lang import (
    AtMost,
    Index,
    Machine,
    Parameters,
    PriorityQueue,
    Set,
    Shipped,
    assume,
    choose,
    ensure,
    invariant,
    operation,
    reject,
    require,
    step,
    trial,
)
from kvproof.spec.lang.types import Between


@attrs.frozen
class ShelfParameters(Parameters):
    """Sizes of a shelf."""

    books: int = 3
    at_once: int = 2


class Book(Index):
    """A book."""

    @classmethod
    def count(cls, parameters: ShelfParameters) -> int:
        return parameters.books


Books = Annotated[tuple[Book, ...], AtMost(lambda p: p.at_once)]
Once = Annotated[int, Between(0, 0)]


class Shelf(Machine[ShelfParameters]):
    """Books are reserved, several at once, and lent in the order in which they were."""

    reserved: Set[Book]
    """Books that somebody has asked for."""
    queue: PriorityQueue[Book, Once]
    """The order in which they are lent."""

    @step
    def reserve(self, book: Book) -> None:
        """Keep a book for somebody."""
        require(book not in self.reserved, "reserve-once")
        self.reserved.add(book)

    @step
    def enqueue(self, book: Book) -> None:
        """Let a book that is kept be lent."""
        require(book in self.reserved and book not in self.queue, "lend-what-is-kept")
        self.queue.push_back(book, 0)

    @step
    def lend(self, book: Book) -> None:
        """Give a book away."""
        self.queue.remove(book)
        self.reserved.discard(book)

    @operation
    def ask(self, books: Books) -> int:
        """Ask for books, all or none."""
        for book in books:
            if self.is_taken(book, books):
                reject("taken")
        self.keep(books)
        for book in books:
            self.enqueue(book)
        ensure(all(book in self.reserved for book in books), "kept-for-the-asker")
        return len(books)

    def is_taken(self, book: Book, books: Books) -> bool:
        """Whether a book is kept for somebody else, or asked for twice."""
        return book in self.reserved or sum(1 for other in books if other == book) > 1

    def keep(self, books: Books) -> None:
        """Reserve all that is asked for."""
        for book in books:
            self.reserve(book)

    @operation
    def hand_out(self, polite: Once) -> Book:
        """Lend some book that is asked for."""
        if len(self.queue) == 0:
            reject("nobody-waits")
        book = choose((book for book in self.queue), "book")
        self.lend(book)
        return book

    @operation
    def swap(self, mine: Book, yours: Book) -> bool:
        """Whether two books are both asked for, or it is one book."""
        return mine == yours or (mine in self.reserved and yours in self.reserved)

    @invariant
    def what_is_lent_is_kept(self) -> bool:
        """Only reserved books wait to be lent."""
        return all(book in self.reserved for book in self.queue) and len(self.reserved) == len(self.queue)

    @trial
    def lending_empties(self, book: Book) -> None:
        """What is lent is kept no more."""
        assume(book in self.queue)
        self.lend(book)
        ensure(book not in self.reserved or len(self.queue) > 3, "lent-is-gone")


class FirstOnly(Shelf):
    """Reserves the first book of several."""

    def keep(self, books: Books) -> None:
        for book in books:
            self.reserve(book)
            break


class SaysNothing(Shelf):
    """Promises something of more books than anybody can ask for."""

    def keep(self, books: Books) -> None:
        for book in books:
            self.reserve(book)
        if len(books) > self.params.at_once:
            ensure(len(books) == 0, "never-said")


class LendsTheSecond(Shelf):
    """Lends the second of what is asked for, whether there is one or not."""

    @operation
    def ask(self, books: Books) -> int:
        """Ask for books, and get the second at once."""
        return books[1]


SHIPPED = Shipped(
    machine=Shelf,
    variants={"first only": FirstOnly},
    sizes={
        "induction": {"one at a time": ShelfParameters(at_once=1), "two at a time": ShelfParameters()},
        "explore": {"two at a time": ShelfParameters()},
        "variants": {"first only": ShelfParameters()},
    },
    unreached={
        "is_taken: *: no candidate": "it is asked of a book that is among the others",
        "is_taken: books: empty": "it is asked of a book that is among them",
        "lending_empties: *: `len(*` true": "whatever is lent is kept no more",
    },
)
SILENT = Shipped(
    machine=SaysNothing,
    sizes={"induction": SHIPPED.sizes["induction"]},
    unreached=SHIPPED.unreached,
)
