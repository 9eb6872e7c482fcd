"""Fixtures of the tests of the CUDA device; see cuda_cases.py. torch is imported only where such tests are collected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kvproof.impl.device.cuda_torch import unavailable


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Skips the tests marked gpu where there is none, with the reason: one line a file in the summary."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    reason = unavailable() if marked else None
    if reason is not None:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is built: all workers of a run share it."""
    return tmp_path_factory.getbasetemp().parent


@pytest.fixture
def host(build_folder: Path, tmp_path: Path) -> Iterator[Any]:
    """A driver on host memory. Afterwards nothing may have been written beside an allocation."""
    from cuda_cases import host_driver

    driver = host_driver(build_folder, tmp_path / "libcuda.so")
    yield driver
    assert driver.fake.fake_broken_guards() == 0
    assert driver.fake.fake_pushed_contexts() == 0


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def driver(request: pytest.FixtureRequest) -> Any:
    """The driver on host memory, and that of the GPU."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def gpu() -> Any:
    """The driver of the GPU, for tests that are marked so."""
    from kvproof.impl.device.cuda_torch import driver_of

    return driver_of(0)
