"""What the executor does where upstream's has failed: deferred requests, victims, pairs, scratch, recurrent state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kvproof.model.reference.executor import Executor, Parameters

CLOSED, SUSPENDED, ACTIVE = range(3)
NONE, CONTEXT, GENERATION, SENDING = range(4)
PLAIN: Mapping[str, int] = {
    "primary_slots": 6,
    "secondary_slots": 3,
    "requests": 3,
    "rows": 3,
    "blocks_max": 4,
    "tokens_per_block": 2,
    "max_tokens": 8,
    "priorities": 1,
}
ALONE = {"all_have_context": False, "all_generate": False, "some_do_not_generate": False}
TOGETHER = {**ALONE, "all_have_context": True}


class Engine:
    """A driver of the reference that checks the invariants after every operation."""

    def __init__(self, **changes: int) -> None:
        self.machine = Executor(Parameters(**{**PLAIN, **changes}))

    def _apply(self, name: str, **arguments: Any) -> Any:
        result = self.machine.apply(name, arguments)
        assert self.machine.check() == []
        return result

    def submit(self, request: int, tokens: int, text: tuple[int, ...] = (0, 0, 0, 0)) -> None:
        self._apply("submit", request=request, text=text, tokens=tokens, priority=0)

    def begin(self) -> None:
        self._apply("begin_pass")

    def context(self, request: int, tokens: int) -> bool:
        return bool(self._apply("schedule_context", request=request, tokens=tokens))

    def generation(self, request: int) -> bool:
        return bool(self._apply("schedule_generation", request=request))

    def run(self, peers: Mapping[str, bool] = ALONE, ready: bool = True, connector: int = 3, encoder: int = 3) -> int:
        return int(self._apply("run", peers=peers, ready=ready, connector=connector, encoder=encoder))

    def update(self, request: int, accepted: int = 1) -> None:
        self._apply("update", request=request, accepted=accepted)

    def compute(self, request: int, tokens: int) -> None:
        """One pass with a chunk of one request alone."""
        self.begin()
        assert self.context(request, tokens)
        assert self.run() == 1
        self.update(request)

    def generates(self, request: int, tokens: int) -> None:
        """A request of which the whole prompt is computed."""
        self.submit(request, tokens)
        self.compute(request, tokens)
        assert self.machine.stage[request] == GENERATION

    def caches(self, request: int) -> dict[str, Any]:
        """What the target's cache of a request shows."""
        found: dict[str, Any] = self.machine.observe()["caches"].get(str(request), {})
        return found


def test_a_first_chunk_that_is_deferred_is_freed_and_begins_again() -> None:
    engine = Engine()
    engine.submit(0, 4)
    engine.begin()
    assert engine.context(0, 4)
    assert engine.run(ready=False) == 0
    assert engine.caches(0) == {}
    assert engine.machine.row[0] is None
    assert engine.machine.stage[0] == CONTEXT
    engine.compute(0, 4)
    assert engine.machine.stage[0] == GENERATION


@pytest.mark.parametrize(
    ("changes", "peers", "ready", "connector", "encoder"),
    [
        ({}, ALONE, False, 3, 3),
        ({}, ALONE, True, 0, 3),
        ({}, ALONE, True, 3, 0),
        ({"delay": 1, "timeout_passes": 2}, ALONE, True, 3, 3),
        ({"delay": 2, "wait_tokens": 8}, ALONE, True, 3, 3),
        ({"attended_max": 1}, ALONE, True, 3, 3),
    ],
    ids=["another rank", "connector", "encoder", "balance", "waiting", "attention"],
)
def test_whatever_defers_a_later_chunk_leaves_it_as_it_was_and_suspended(
    changes: dict[str, int], peers: Mapping[str, bool], ready: bool, connector: int, encoder: int
) -> None:
    engine = Engine(**changes)
    engine.generates(0, 1)
    engine.submit(2, 3, (1, 1))
    engine.submit(1, 5, (1, 0))
    engine.machine.apply("begin_pass", {})
    assert engine.context(1, 2)
    engine.machine.waited = 1  # so that no stage holds this pass back
    assert engine.run(peers, connector=1) == 1
    engine.update(1)
    before = engine.caches(1)
    engine.machine.waited = 0
    engine.begin()
    assert engine.generation(0)
    if changes.get("attended_max"):
        assert engine.context(2, 1)
    assert engine.context(1, 2)
    assert engine.caches(1)["capacity"] == 4
    assert engine.run(peers, ready, connector, encoder) <= 2
    after = engine.caches(1)
    assert after["status"] == "SUSPENDED"
    assert (after["history"], after["capacity"]) == (before["history"], before["capacity"]) == (2, 2)
    assert after["FULL"] == [[*cell[:-1], False] for cell in before["FULL"]]
    assert engine.machine.row[1] is not None


def test_a_skipped_pass_gives_generation_no_room() -> None:
    engine = Engine()
    engine.generates(0, 3)
    for _ in range(5):
        engine.begin()
        assert engine.generation(0)
        assert engine.caches(0)["capacity"] == 4
        assert engine.run(ready=False) == 0
        assert engine.caches(0)["capacity"] == 3
    assert engine.caches(0)["status"] == "ACTIVE"


def test_drafts_that_are_wrong_are_taken_back() -> None:
    engine = Engine(draft_tokens=2)
    engine.generates(0, 3)
    engine.begin()
    assert engine.generation(0)
    assert engine.run() == 1
    assert engine.caches(0)["capacity"] == 6
    engine.update(0, accepted=2)
    assert (engine.caches(0)["history"], engine.caches(0)["capacity"]) == (5, 5)


def test_with_overlap_a_pass_is_scheduled_before_the_last_one_is_updated() -> None:
    engine = Engine(overlap=1)
    engine.generates(0, 1)
    for _ in range(2):
        engine.begin()
        assert engine.generation(0)
        assert engine.run() == 1
    assert engine.caches(0)["capacity"] == 3
    engine.begin()
    with pytest.raises(Executor.Rejected, match="in-flight"):
        engine.generation(0)
    engine.update(0)
    assert engine.generation(0)
    engine.update(0)
    assert engine.run(ready=False) == 0
    assert (engine.caches(0)["history"], engine.caches(0)["capacity"]) == (3, 3)


def test_the_last_to_come_is_put_aside_first_and_never_one_in_flight_or_scheduled() -> None:
    engine = Engine(primary_slots=4, rows=3, overlap=1, max_tokens=8)
    for request in range(3):
        engine.generates(request, 2)
    engine.begin()
    assert engine.generation(1)
    assert engine.machine.observe()["vacant"]["PRIMARY/0"] == 0
    assert engine.run() == 1
    engine.begin()
    assert engine.generation(0)
    assert [engine.caches(request)["status"] for request in range(3)] == ["ACTIVE", "ACTIVE", "SUSPENDED"]
    assert engine.machine.position[2] is None
    assert engine.machine.position[1] == 0


def test_without_host_memory_a_victim_is_freed_and_what_it_generated_belongs_to_its_prompt() -> None:
    engine = Engine(primary_slots=3, secondary_slots=0)
    engine.generates(0, 2)
    engine.generates(1, 1)
    engine.begin()
    assert engine.generation(1)
    assert engine.run() == 1
    engine.update(1)
    engine.begin()
    assert engine.generation(0)
    engine.run()
    engine.update(0)
    engine.begin()
    assert engine.generation(0)
    engine.run()
    engine.update(0)
    engine.begin()
    assert engine.generation(0)
    assert engine.caches(1) == {}
    assert (engine.machine.stage[1], engine.machine.prompt[1], engine.machine.cursor[1]) == (CONTEXT, 3, 0)
    assert engine.machine.observe()["arrivals"] == [0, 1]


def test_a_request_that_does_not_fit_alone_is_put_aside_itself() -> None:
    engine = Engine(primary_slots=1, blocks_max=2)
    engine.generates(0, 2)
    engine.begin()
    assert not engine.generation(0)
    assert engine.caches(0)["status"] == "SUSPENDED"


def test_a_pair_is_admitted_or_not_at_all() -> None:
    engine = Engine(primary_slots=3, secondary_slots=0, draft_model=1, chunks=2)
    engine.submit(0, 5, (0, 0))
    engine.compute(0, 2)
    engine.begin()
    assert not engine.context(0, 2)
    shown = engine.machine.observe()["caches"]
    assert [shown[str(cache)]["status"] for cache in (0, 3)] == ["SUSPENDED", "SUSPENDED"]
    assert [shown[str(cache)]["capacity"] for cache in (0, 3)] == [2, 2]
    assert engine.machine.observe()["vacant"]["PRIMARY/0"] == 1


def test_a_pair_begins_with_what_both_know_and_the_other_catches_up() -> None:
    engine = Engine(primary_slots=8, draft_model=1, chunks=2)
    engine.submit(0, 3, (0,))
    engine.compute(0, 3)
    engine.machine.apply("finish", {"request": 0})
    page = engine.machine.known[0][(1,)]
    engine.machine.unqueue(page)
    engine.machine.destroy(page)
    engine.submit(1, 3, (0,))
    engine.begin()
    assert engine.context(1, 3)
    assert engine.machine.cursor[1] == 0
    engine.run()
    engine.update(1)
    assert (1,) in engine.machine.known[0]
    engine.submit(2, 3, (0,))
    engine.begin()
    assert engine.context(2, 3)
    assert engine.machine.cursor[2] == 2


def test_a_chunk_computed_in_scratch_is_taken_back_exactly() -> None:
    engine = Engine(
        primary_slots=12, blocks_max=6, window_tokens=2, scratch_share=1, rewind=1, max_tokens=12, tokens_per_block=1
    )
    engine.submit(0, 5, ())
    engine.compute(0, 1)
    before = engine.caches(0)
    vacant = engine.machine.observe()["vacant"]
    engine.begin()
    assert engine.context(0, 4)
    assert engine.caches(0)["scratch"] > 0
    assert engine.run(ready=False) == 0
    after = engine.caches(0)
    assert (after["scratch"], after["capacity"]) == (0, before["capacity"])
    assert [cell[:-1] for cell in after["WINDOW"]] == [cell[:-1] for cell in before["WINDOW"]]
    assert engine.machine.observe()["vacant"] == vacant
    engine.compute(0, 4)
    assert engine.machine.stage[0] == GENERATION


def test_a_deferred_request_keeps_no_recurrent_state_locked() -> None:
    engine = Engine(state_primary=1, state_secondary=1)
    engine.submit(0, 5, ())
    engine.compute(0, 2)
    engine.begin()
    assert engine.context(0, 2)
    assert engine.run(ready=False) == 0
    assert engine.caches(0)["STATE"][-1] is False
    engine.submit(1, 1, ())
    engine.begin()
    assert engine.context(1, 1)


def test_a_row_goes_to_the_next_request_while_the_pages_are_still_read() -> None:
    engine = Engine(rows=1)
    engine.generates(0, 2)
    engine.submit(1, 1, (1,))
    engine.begin()
    assert not engine.context(1, 1)
    assert engine.run() == 0
    engine.machine.apply("hand_over", {"request": 0})
    engine.begin()
    assert engine.context(1, 1)
    assert engine.caches(0)["status"] == "ACTIVE"
    assert engine.machine.row == [None, 0, None]


def test_a_budget_that_is_spent_lets_nothing_more_in() -> None:
    engine = Engine(max_tokens=2)
    engine.submit(0, 2)
    engine.submit(1, 2, (1,))
    engine.begin()
    assert engine.context(0, 2)
    assert not engine.context(1, 1)
    assert engine.caches(1) == {}


def test_balance_holds_context_back_while_all_ranks_generate() -> None:
    engine = Engine(delay=1, delay_passes=2)
    engine.generates(0, 1)
    engine.submit(1, 2, (1,))
    ran = []
    for _ in range(3):
        engine.begin()
        assert engine.generation(0)
        assert engine.context(1, 2)
        ran.append(engine.run({**TOGETHER, "all_generate": True}))
        engine.update(0)
    assert ran == [1, 1, 2]


def test_of_several_prompts_the_one_whose_encoder_fails_is_taken_out() -> None:
    engine = Engine()
    for request in range(3):
        engine.submit(request, 1)
    engine.begin()
    assert all([engine.context(request, 1) for request in range(3)])
    assert engine.run(encoder=1) == 2
    assert [engine.machine.position[request] for request in range(3)] == [0, None, 1]
    assert engine.caches(1) == {}
