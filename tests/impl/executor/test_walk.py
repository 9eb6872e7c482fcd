"""Random engines: whatever they do, the books balance after each call, and nothing is left when all requests are over."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, get_args

import pytest
from caches_soundness import faults
from executor_cases import Engine

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.executor import Delay, Executor, Peers, Phase, Reason, Refused, Request, Stage
from kvproof.impl.executor.release import Release
from kvproof.impl.sequence_caches import Status

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "tight": {"primary": 4, "secondary": 3},
    "no-host": {"primary": 5, "secondary": 0},
    "overlap": {"overlap": True, "draft_tokens": 1},
    "draft-model": {"primary": 10, "draft_model": True, "draft_text": 10, "draft_tokens": 1, "overlap": True},
    "scratch": {"primary": 14, "window_tokens": 2, "scratch_share": 2, "rewind": 2, "overlap": True},
    "states": {"state_primary": 3, "state_secondary": 3, "delay": Delay.WAIT, "delay_passes": 2, "wait_tokens": 6},
    "balance": {"delay": Delay.BALANCE, "delay_passes": 2, "timeout_passes": 3, "attended_max": 5},
}

CALLS = ("submit", "begin", *("generation", "context", "update") * 3, "run", "run", "finish", "hand_over")


def one_call(engine: Engine, rng: random.Random) -> str:
    """Try one; returns what came of it."""
    executor, request, call = engine.executor, rng.randrange(4), rng.choice(CALLS)
    text = tuple(rng.randrange(2) for _ in range(4))
    peers = Peers(*(rng.random() < 0.5 for _ in range(3)))
    calls: dict[str, Any] = {
        "submit": lambda: executor.submit(request, text, rng.randrange(1, 7), 0),
        "begin": executor.begin_pass,
        "generation": lambda: executor.schedule_generation(request),
        "context": lambda: executor.schedule_context(request, rng.randrange(1, 7)),
        "run": lambda: executor.run(peers, rng.random() < 0.8, rng.choice([None, 0, 1])),
        "update": lambda: executor.update(request, rng.randint(1, executor.config.step_tokens)),
        "finish": lambda: executor.finish(request),
        "hand_over": lambda: executor.hand_over(request),
    }
    if call == "finish" and rng.random() < 0.7:
        return "nothing"
    try:
        return f"{call} {bool(calls[call]())}"
    except Refused as refused:
        if refused.reason not in get_args(Reason):  # it is a refusal of the caches
            raise
        return f"{call} refused"


def check(engine: Engine) -> None:
    """The laws C-n that show between calls."""
    executor, caches = engine.executor, engine.caches
    assert faults(caches) == []
    for request in executor.requests.values():
        lengths = {(engine.lengths(cache)[1:], engine.status(cache)) for cache in request.caches}
        assert len(lengths) == 1  # C-13
        ((history, capacity), status) = lengths.pop()
        assert (status is Status.CLOSED) == (not request.has_caches)
        steps = request.outstanding + request.scheduled
        if request.stage is Stage.GENERATION:
            assert capacity == history + steps * executor.config.step_tokens  # C-7, C-8
        elif request.has_caches and request.stage is Stage.CONTEXT:
            assert (history, capacity) == (request.cursor, request.cursor + request.chunk)
        if request.scheduled or request.outstanding:
            assert status is Status.ACTIVE  # C-11, C-12
        assert request.snapshot is None or (request.scheduled and request.snapshot < capacity)  # C-3
    if executor.snapshot().phase is Phase.IDLE:
        assert not any(request.scheduled or request.fresh for request in executor.requests.values())
    rows = [request.row for request in executor.requests.values() if request.row is not None]
    assert len(set(rows)) == len(rows)
    places = [request.position for request in executor.requests.values() if request.position is not None]
    assert len(set(places)) == len(places)


def walk(engine: Engine, rng: random.Random, calls: int) -> Counter[str]:
    """So many calls, each checked; returns what came of them."""
    done: Counter[str] = Counter()
    for _ in range(calls):
        done[one_call(engine, rng)] += 1
        check(engine)
    return done


def drain(engine: Engine) -> None:
    """Let all requests end."""
    if engine.executor.snapshot().phase is not Phase.IDLE:
        engine.run(ready=False)
    for request in list(engine.executor.requests.values()):
        while request.outstanding:
            engine.executor.update(request.number, 1)
        engine.executor.finish(request.number)


@pytest.mark.parametrize("kind", KINDS)
def test_the_books_balance_after_every_call_and_nothing_is_left(kind: str) -> None:
    done: Counter[str] = Counter()
    for seed in range(8):
        rng = random.Random(seed)
        engine = Engine(**{"max_tokens": 6, **KINDS[kind]})
        done += walk(engine, rng, 250)
        drain(engine)
        check(engine)
        pages = engine.pool.look.pages()
        assert all(page.holds == 0 for page in pages)
        assert (engine.caches.rows.table == -1).all()
    for name in ("generation True", "context True", "context False", "run True", "run False", "hand_over False"):
        assert done[name] > 0, name


class KeepsGrowth(Release):
    def release_generation(self, request: Request) -> None:
        self._steps.step_strike(request.number)


def test_the_walk_sees_a_capacity_that_runs_away() -> None:
    engine = Engine(executor_type=plant(Executor, parts={Release: KeepsGrowth}))
    with pytest.raises(AssertionError):
        walk(engine, random.Random(0), 2_000)
