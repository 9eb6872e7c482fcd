"""A partial map: keys come and go, `get` gives None where there is none, `values()` is looped over."""

from __future__ import annotations

from kvproof.spec.lang import Machine, PartialMap, Shipped, invariant, operation, reject, require, step
from kvproof.spec.lang.examples.ground import Few, Sizes, Thing


class Seats(Machine[Sizes]):
    """Who sits has a seat, and nobody has another's."""

    seat: PartialMap[Thing, Few]

    @step
    def sit(self, who: Thing, seat: Few) -> None:
        """Take a seat."""
        require(who not in self.seat, "sit-once")
        require(all(taken != seat for taken in self.seat.values()), "sit-alone")
        self.seat[who] = seat

    @step
    def rise(self, who: Thing) -> None:
        """Give the seat up."""
        del self.seat[who]

    @operation
    def change(self, who: Thing, seat: Few) -> Few | None:
        """Sit somewhere else; returns where it was before."""
        if any(taken == seat for taken in self.seat.values()):
            reject("taken")
        before = self.seat.get(who)
        if before is not None:
            self.rise(who)
        self.sit(who, seat)
        return before

    @invariant
    def nobody_sits_on_another(self) -> bool:
        """sit requires it."""
        return all(sum(1 for other in self.seat.values() if other == seat) == 1 for seat in self.seat.values())


SHIPPED = Shipped(
    machine=Seats, sizes={purpose: {"4 seats": Sizes(things=3, top=3)} for purpose in ("explore", "induction")}
)
