"""Short runs of the scheduler on pools of a few blocks, with everything switched on that a trace cannot ask for.

Prompts share beginnings, of whole blocks and of parts; requests have retention ranges with durations, output comes with
rejected drafts, budgets are short, prompts are computed in chunks, and many estimates are stale. The same for the same
seed.
"""

from __future__ import annotations

from random import Random

from attrs import frozen

from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.workload.block_manager.jobs import Job, Stage, Tokens
from kvproof.fuzz.workload.block_manager.schedule import Pace

JOBS = (8, 20)
PRIORITIES = 4
"""One below the threshold of offloading, the default, and one on either side of it."""

OFF = 0.15
"""Share of the runs in which a feature is off."""


@frozen
class SmallCase:
    """One run: sizes, jobs, pace."""

    parameters: Parameters
    jobs: tuple[Job, ...]
    pace: Pace


def small_case(subject: Subject, seed: int) -> SmallCase:
    """The run of a seed."""
    random = Random(seed)
    size, primary = random.randint(1, 4), random.randint(3, 9)
    longest = size * (primary + 1)
    has_budget, has_durations = random.random() >= OFF, random.random() >= OFF
    parameters = {
        **subject.defaults,
        "primary_blocks": primary,
        "secondary_blocks": random.choice((0, 0, 2, 5)),
        "tokens_per_block": size,
        "sequences": random.randint(2, 5),
        "max_tokens": longest,
        "vocabulary": random.choice((2, 3, 8)),
        "priorities": PRIORITIES,
        "default_priority": 2,
        "offload_threshold": 1,
        "reuse": int(random.random() >= OFF / 3),
        "partial_reuse": int(random.random() >= OFF),
        "copy_on_partial_reuse": int(random.random() >= 2 * OFF),
        "batch_max": random.randint(1, 4),
        "ranges_max": 2,
        "duration_max": random.choice((2, 5)) if has_durations else 0,
        "budget_max": longest if has_budget else 0,
        "extra_ids": 1,
    }
    pace = Pace(
        budget=random.randint(size, 4 * size) if has_budget else 0,
        iteration_ms=1,
        prefill_ms=random.randint(0, 2),
        tick_ms=random.randint(1, 3),
        stale_share=random.choice((0.0, 0.5, 1.0)),
        seed=seed,
    )
    return SmallCase(parameters, _Jobs(random, parameters, pace).make(), pace)


class _Jobs:
    def __init__(self, random: Random, parameters: Parameters, pace: Pace) -> None:
        self._random = random
        self._parameters = parameters
        self._pace = pace
        self._beginnings: list[Tokens] = [()]

    def make(self) -> tuple[Job, ...]:
        random, time, jobs = self._random, 0, []
        for _ in range(random.randint(*JOBS)):
            time += random.choice((0, 0, 0, 1, 4))
            jobs.append(self._job(time))
        return tuple(jobs)

    def _job(self, arrival: int) -> Job:
        random, parameters = self._random, self._parameters
        size = parameters["tokens_per_block"]
        prompt = self._prompt()
        stages = tuple(self._stage() for _ in range(random.choice((0, 1, 2, 4))))
        while sum(len(stage.tokens) for stage in stages) > parameters["max_tokens"] - len(prompt):
            stages = stages[:-1]
        whole = sum((stage.kept for stage in stages), prompt)
        self._beginnings += [prompt, whole, whole[: random.randint(0, len(whole))]]
        has_wish = random.random() < 0.3
        return Job(
            arrival,
            prompt,
            stages,
            random.randint(0, 3),
            tuple(self._range(len(prompt)) for _ in range(random.choice((0, 0, 1, 2)))),
            random.randrange(parameters["priorities"]) if has_wish else None,
            random.randint(0, parameters["duration_max"]) if has_wish else 0,
            random.choice((0, 0, size, size + 1)) if self._pace.budget else 0,
        )

    def _prompt(self) -> Tokens:
        """Goes on from what another request had; now and then it is more than the pool holds."""
        random, parameters = self._random, self._parameters
        pool = parameters["primary_blocks"] * parameters["tokens_per_block"]
        most = (
            parameters["max_tokens"] if random.random() < 0.05 else random.choice((pool, pool // 2 + 1, pool // 4 + 1))
        )
        beginning = random.choice(self._beginnings)[: most - 1]
        return beginning + self._tokens(random.randint(1, most - len(beginning)))

    def _tokens(self, count: int) -> Tokens:
        return tuple(self._random.randrange(self._parameters["vocabulary"]) for _ in range(count))

    def _stage(self) -> Stage:
        random = self._random
        tokens = self._tokens(random.randint(1, self._parameters["tokens_per_block"] + 1))
        return Stage(random.randint(1, 4), tokens, random.randrange(len(tokens)) if random.random() < 0.5 else 0)

    def _range(self, length: int) -> dict[str, int]:
        random, parameters = self._random, self._parameters
        start = random.randint(0, length)
        return {
            "start": start,
            "end": random.randint(start, length),
            "priority": random.randrange(parameters["priorities"]),
            "duration": random.randint(0, parameters["duration_max"]),
        }
