"""Every rule and invariant of the executor can fail, and so can its promise: none of them is vacuous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.executor import Executor, Parameters
from kvproof.spec.executor.kinds import ExecutorParameters

SIZES = Parameters(
    primary_slots=8, secondary_slots=4, requests=4, rows=3, blocks_max=3, max_tokens=6, chunks=2, tokens_per_block=2
)
NONE, CONTEXT, GENERATION, SENDING = range(4)
SUSPENDED = 1
PEERS = {"all_have_context": True, "all_generate": False, "some_do_not_generate": False}
GENERATES, FILLS, WAITS, ABSENT = range(4)
"""The requests of `_pass`."""


def _machine(sizes: Parameters = SIZES) -> Executor:
    return Executor(sizes)


def _submit(machine: Executor, request: int, tokens: int) -> None:
    machine.apply("submit", {"request": request, "text": (0,), "tokens": tokens, "priority": 0})


def _context(machine: Executor, request: int, tokens: int) -> bool:
    return bool(machine.apply("schedule_context", {"request": request, "tokens": tokens}))


def _generation(machine: Executor, request: int) -> bool:
    return bool(machine.apply("schedule_generation", {"request": request}))


def _run(machine: Executor, ready: bool = True, connector: int = 1) -> int:
    return int(machine.apply("run", {"peers": PEERS, "ready": ready, "connector": connector, "encoder": 2}))


def _update(machine: Executor, request: int) -> None:
    machine.apply("update", {"request": request, "accepted": 1})


def _rest() -> Executor:
    """Request 0 generates, nothing is scheduled; request 1 has computed 2 of its 4 tokens; request 2 has just come."""
    machine = _machine()
    for request, tokens in ((GENERATES, 1), (FILLS, 4), (WAITS, 3)):
        _submit(machine, request, tokens)
    for request, tokens in ((GENERATES, 1), (FILLS, 2)):
        machine.apply("begin_pass", {})
        assert _context(machine, request, tokens)
        assert _run(machine) == 1
        _update(machine, request)
    return machine


def _pass() -> Executor:
    """The same in a pass that has scheduled requests 0 and 1."""
    machine = _rest()
    machine.apply("begin_pass", {})
    assert _generation(machine, GENERATES)
    assert _context(machine, FILLS, 1)
    return machine


def _suspended(machine: Executor, request: int) -> Executor:
    machine.rest(request)
    return machine


def _closed(machine: Executor, request: int) -> Executor:
    machine.end(request)
    return machine


def _flying(machine: Executor) -> Executor:
    """The request that generates is in flight."""
    machine.apply("begin_pass", {})
    assert _generation(machine, GENERATES)
    _run(machine)
    return machine


def _opened(machine: Executor) -> Executor:
    """The request that waits has its cache, and no row yet."""
    machine.begin_with(WAITS, (), 0, 0)
    return machine


def _unrun(machine: Executor) -> Executor:
    """The first chunk of the request that waits was in the pass; its cache has nothing now and is suspended (#13805)."""
    machine.apply("begin_pass", {})
    assert _context(machine, WAITS, 1)
    machine.shrink(WAITS, machine.history[WAITS], machine.history[WAITS])
    machine.rest(WAITS)
    return machine


def _shrunk(machine: Executor, request: int, capacity: int) -> Executor:
    machine.shrink(request, capacity, machine.history[request])
    return machine


BREAKS: dict[str, Callable[[], Any]] = {
    "enter-once": lambda: _rest().enter(GENERATES, 1, (), 0),
    "enter-with-a-prompt": lambda: _rest().enter(ABSENT, 0, (), 0),
    "one-pass-at-a-time": lambda: _pass().open_pass(),
    "context-after-generation": lambda: _pass().fill(),
    "seat-once": lambda: _rest().seat(FILLS, 2, 0),
    "rows-have-one-owner": lambda: _opened(_rest()).seat(WAITS, 0, 0),
    "caches-before-a-row": lambda: _rest().seat(WAITS, 2, 0),
    "the-last-token-is-computed": lambda: _opened(_rest()).seat(WAITS, 2, 3),
    "rewind-what-runs": lambda: _rest().rewind(ABSENT, 1),
    "victims-are-not-in-flight": lambda: _flying(_rest()).pause(GENERATES),
    "victims-are-not-scheduled": lambda: _pass().pause(GENERATES),
    "rewind-without-caches": lambda: _rest().rewind(FILLS, 4),
    "first-chunks-are-freed": lambda: _unrun(_rest()).strike(WAITS),
    "victims-pin-nothing": lambda: _rest().pause(FILLS),
    "schedule-once": lambda: _pass().grow(GENERATES, False),
    "scheduled-means-active": lambda: _suspended(_rest(), GENERATES).grow(GENERATES, True),
    "token-budget": lambda: _rest().take_chunk(FILLS, 7, 2),
    "within-the-prompt": lambda: _rest().take_chunk(FILLS, 3, 2),
    "strike-what-is-scheduled": lambda: _rest().strike(FILLS),
    "dropped-means-as-before": lambda: _pass().strike(FILLS),
    "dropped-means-released": lambda: _shrunk(_pass(), FILLS, 2).strike(FILLS),
    "forward-what-is-scheduled": lambda: _rest().forward(FILLS, 0),
    "forward-means-active": lambda: _suspended(_pass(), FILLS).forward(FILLS, 0),
    "forward-with-a-row": lambda: _rowless(_pass()).forward(FILLS, 0),
    "one-place-each": lambda: _placed(_pass()).forward(FILLS, 0),
    "forwarded-or-released": lambda: _pass().close_pass(0, 0),
    "land-what-flies": lambda: _rest().landed(GENERATES, 1),
    "generate-after-context": lambda: _rest().generate(GENERATES),
    "prompt-is-computed": lambda: _rest().generate(FILLS),
    "send-after-context": lambda: _rest().send(FILLS),
    "send-at-rest": lambda: _pass().send(GENERATES),
    "leave-once": lambda: _rest().leave(ABSENT),
    "leave-at-rest": lambda: _pass().leave(GENERATES),
    "leave-without-caches": lambda: _rest().leave(GENERATES),
}


def _rowless(machine: Executor) -> Executor:
    machine.row[FILLS] = None
    return machine


def _placed(machine: Executor) -> Executor:
    machine.clear_batch()
    machine.forward(GENERATES, 0)
    return machine


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_a_rule_of_the_executor_can_be_broken(rule: str) -> None:
    with pytest.raises(Executor.RuleBroken) as caught:
        BREAKS[rule]()
    assert caught.value.rule == rule


def test_every_rule_of_the_executor_is_broken_by_some_test() -> None:
    own = set(machines.load("executor").definition.rules()) - set(machines.load("sequence-caches").definition.rules())
    assert set(BREAKS) == own


CORRUPTIONS: dict[str, Callable[[Executor], Any]] = {
    "what_is_not_there_has_nothing": lambda m: m.prompt.__setitem__(ABSENT, 1),
    "arrivals_are_the_requests": lambda m: setattr(m, "arrivals", (GENERATES, FILLS)),
    "passes_have_what_was_scheduled": lambda m: m.resumed.__setitem__(FILLS, True),
    "budget_is_kept": lambda m: setattr(m, "scheduled_tokens", 3),
    "rows_have_one_owner": lambda m: m.row.__setitem__(FILLS, m.row[GENERATES]),
    "context_has_room_for_its_chunk": lambda m: m.shrink(FILLS, 2, 2),
    "generation_has_room_for_what_flies": lambda m: m.shrink(GENERATES, 1, 1),
    "what_is_sent_is_at_rest": lambda m: (m.stage.__setitem__(GENERATES, SENDING), m.cursor.__setitem__(GENERATES, 0)),
    "prompts_fit": lambda m: m.request_text.__setitem__(WAITS, (0, 1)),
    "what_runs_is_active": lambda m: m.rest(FILLS),
    "batch_places_are_current": lambda m: m.position.__setitem__(WAITS, 1),
    "pairs_are_alike": lambda m: m.text.__setitem__(FILLS, (1,)),
}


@pytest.mark.parametrize("invariant", sorted(CORRUPTIONS))
def test_an_invariant_of_the_executor_can_fail(invariant: str) -> None:
    machine = _pass()
    assert machine.check() == []
    CORRUPTIONS[invariant](machine)
    assert invariant in machine.check()


def test_every_invariant_of_the_executor_fails_in_some_test() -> None:
    definition = machines.load("executor").definition
    assert {*CORRUPTIONS, "what_has_run_has_its_state"} == set(definition.of_kind("invariant")) - set(
        machines.load("sequence-caches").definition.of_kind("invariant")
    )


def test_the_invariant_that_what_has_run_has_its_state_can_fail() -> None:
    machine = Executor(Parameters(primary_slots=4, secondary_slots=0, state_primary=2))
    _submit(machine, 0, 3)
    machine.apply("begin_pass", {})
    assert _context(machine, 0, 2)
    _run(machine)
    assert machine.check() == []
    machine.cell[0][machine.state_place()] = None
    assert "what_has_run_has_its_state" in machine.check()


def test_the_promise_that_victims_give_up_their_memory_can_be_broken() -> None:
    variant = machines.load("executor/V2-26")
    machine = variant.reference(machines.load("executor").sizes["variants"]["V2-26"])
    _submit(machine, 0, 1)
    machine.apply("begin_pass", {})
    assert _context(machine, 0, 1)
    _run(machine)
    _update(machine, 0)
    machine.apply("begin_pass", {})
    with pytest.raises(machine.RuleBroken, match="victims-free-their-memory"):
        _generation(machine, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"requests": 0}, "requests is 0: it must be at least 1"),
        ({"rows": 4}, "rows is 4: it must be at most 3"),
        ({"overlap": 2}, "overlap is 2: it must be at most 1"),
        ({"draft_model": 1, "chunks": 3}, "chunks is 3: with a draft model half of them are its own"),
        ({"blocks_max": 1, "draft_tokens": 1}, "blocks_max is 1: a prompt of one token and a pass must fit"),
        ({"window_tokens": 1, "scratch_share": 1, "overlap": 1, "rewind": 1}, "rewind is 1: .* must not be scratch: 2"),
        ({"state_primary": 1, "draft_tokens": 1}, "draft_tokens with recurrent state"),
    ],
)
def test_impossible_sizes_of_the_executor_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExecutorParameters(**change)
