"""The sizes and policies of one executor."""

from __future__ import annotations

from enum import IntEnum

from attrs import field, frozen

from kvproof.impl.config import AtLeast
from kvproof.impl.sequence_caches import SequenceCacheConfig


class Delay(IntEnum):
    """When context requests that were scheduled are held back for a later iteration."""

    NONE = 0
    BALANCE = 1
    """Until all ranks of attention data parallelism have context work."""
    WAIT = 2
    """Until there is enough of it beside the generation work."""


@frozen(kw_only=True)
class ExecutorConfig:
    """Sizes in tokens and requests; those of the caches are their own. Validated when made.

    Attributes:
        requests: numbers that requests have are below this; the draft model's cache of request r is cache requests + r.
        max_tokens: tokens that one iteration may schedule.
        rows: index rows of the device's page-index table; a request with caches has one.
        draft_tokens: drafted by a speculating engine for each generated one.
        draft_model: each request has a second cache, of the draft model, as long as the first.
        draft_text: what is added to a text for the draft model: its data of a text are not the target model's.
        overlap: an iteration is scheduled before the one before it has been updated.
        delay: when context requests are held back.
        delay_passes: iterations for which they are, at most, while everything is there (BALANCE) or too little (WAIT).
        timeout_passes: iterations that one rank waits for the context work of the others (BALANCE).
        wait_tokens: scheduled tokens from which nothing is held back (WAIT).
        attended_max: tokens that the context requests of one iteration attend to in sum; 0: no limit.
    """

    requests: int = field(validator=AtLeast(1))
    max_tokens: int = field(validator=AtLeast(1))
    rows: int = field(validator=AtLeast(1))
    draft_tokens: int = field(default=0, validator=AtLeast(0))
    draft_model: bool = False
    draft_text: int = field(default=0, validator=AtLeast(0))
    overlap: bool = False
    delay: Delay = field(default=Delay.NONE, converter=Delay)
    delay_passes: int = field(default=0, validator=AtLeast(0))
    timeout_passes: int = field(default=0, validator=AtLeast(0))
    wait_tokens: int = field(default=0, validator=AtLeast(0))
    attended_max: int = field(default=0, validator=AtLeast(0))

    @property
    def step_tokens(self) -> int:
        """Tokens by which a generating request grows in an iteration: one and the draft's."""
        return 1 + self.draft_tokens

    @property
    def rewind(self) -> int:
        """Tokens that releases and updates may take back from a generating request, of all iterations under way."""
        return self.step_tokens * (1 + self.overlap)


def check_caches(config: ExecutorConfig, caches: SequenceCacheConfig) -> None:
    """Whether caches of these sizes can do all that an executor asks of them.

    Raises:
        ValueError: they cannot.
    """
    rows = config.rows * (2 if config.draft_model else 1)
    if caches.rows < rows:
        raise ValueError(
            f"executor rows: {config.rows} rows need {rows} of the caches, which have {caches.rows}; make them "
            f"with rows={rows}"
        )
    tokens = caches.blocks_max * caches.tokens_per_block
    if tokens < 1 + config.step_tokens:
        raise ValueError(
            f"executor draft_tokens: {config.draft_tokens}, so a prompt of one token and a step need "
            f"{1 + config.step_tokens} tokens, but a cache has at most {tokens}; raise its blocks_max"
        )
    if caches.scratch_share and caches.rewind < config.rewind:
        raise ValueError(
            f"executor rewind: {config.rewind} tokens may be taken back, and the caches keep only {caches.rewind} out of "
            f"scratch slots; make them with rewind={config.rewind}"
        )
    if caches.has_state and config.draft_tokens:
        raise ValueError(
            f"executor draft_tokens: {config.draft_tokens}, but the caches have recurrent state, out of which rejected "
            "tokens cannot be taken again; make it 0"
        )
