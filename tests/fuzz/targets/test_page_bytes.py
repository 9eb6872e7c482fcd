"""The bytes that pages of sequence caches must hold."""

from __future__ import annotations

from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.targets.page_bytes import FULL, STATE, WINDOW, PageBytes, Tokens, layered_plane_pools, plane_pools

TOKENS = 2
PATH = (4, 5, 6, 7)


def image(pages: PageBytes, kind: int, planes: int, *written: tuple[tuple[int, ...], int]) -> bytes:
    """A page after kernels have computed these paths from these tokens on."""
    memory = bytearray(planes * BYTES_PER_TOKEN * (1 if kind == STATE else TOKENS))
    for path, start in written:
        for offset, data in pages.writes(kind, path, start):
            memory[offset : offset + len(data)] = data
    return bytes(memory)


def test_what_kernels_write_token_by_token_is_what_is_wanted() -> None:
    pages = PageBytes(TOKENS, 2)
    for kind in (FULL, WINDOW):
        found = list(pages.contents("a page", kind, PATH, image(pages, kind, 2, (PATH[:3], 2), (PATH, 3))))
        assert len(found) == 2
        for content in found:
            assert (content.path, content.start) == (PATH, 2)
            assert content.data == pattern(content.path, content.start, content.layer)


def test_a_block_that_is_half_computed_is_compared_half() -> None:
    pages = PageBytes(TOKENS, 1)
    (content,) = pages.contents("a page", FULL, PATH[:3], image(pages, FULL, 1, (PATH[:3], 2)))
    assert content.data == pattern(PATH[:3], 2)


def test_a_state_stands_for_all_tokens_so_far() -> None:
    pages = PageBytes(TOKENS, 2)
    after_three, after_four = image(pages, STATE, 2, (PATH[:3], 0)), image(pages, STATE, 2, (PATH, 3))
    for content in pages.contents("a state", STATE, PATH, after_four):
        assert content.data == pattern(PATH, 3, content.layer)
    assert any(
        content.data != pattern(PATH, 3, content.layer) for content in pages.contents("", STATE, PATH, after_three)
    )


def test_no_two_planes_or_kinds_have_the_same_bytes() -> None:
    pages = PageBytes(TOKENS, 3)
    told = [data for kind in (FULL, WINDOW, STATE) for _, data in pages.writes(kind, PATH[:3], 2)]
    assert len(set(told)) == 9


def test_caches_of_one_text_differ_after_it_only() -> None:
    tokens = Tokens(TOKENS, 3)
    tokens.open(0, (1, 0))
    tokens.open(1, (1,))
    assert tokens.path(0, 4) == tokens.of_text((1, 0)) == (2, 3, 0, 1)
    assert tokens.path(0, 2) == tokens.path(1, 2)
    assert not set(tokens.path(0, 6)[4:]) & set(tokens.path(1, 6)[2:])


def test_a_cache_that_is_opened_again_has_new_tokens_of_its_own() -> None:
    tokens = Tokens(TOKENS, 3)
    tokens.open(0, ())
    before = tokens.path(0, 6)
    tokens.shut(0)
    tokens.open(0, ())
    assert not set(before) & set(tokens.path(0, 6))


def test_both_layouts_have_room_for_their_planes() -> None:
    for make_pools, planes in ((plane_pools, 2), (layered_plane_pools, 3)):
        assert sum(pool.block_bytes for pool in make_pools(TOKENS)) == planes * TOKENS * BYTES_PER_TOKEN
