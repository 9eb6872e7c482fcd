"""The distribution has every package of the checkout: one that is forgotten works in a checkout and not when installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {
        path.parent.relative_to(ROOT)
        for top in ("api", "spec", "model", "impl", "fuzz")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(listed["package-dir"].values()) == {str(folder) for folder in folders}
    assert set(listed["packages"]) == set(listed["package-dir"])
