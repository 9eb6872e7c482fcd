"""Writes what is derived from the machines and kept in the repository, and tells whether it is current."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

import kvproof.model.reference
import kvproof.spec
from kvproof.model.document import document
from kvproof.model.language_page import language_page
from kvproof.model.machines import names, package_of
from kvproof.model.sources import root_of, sources_page
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import compile_machine

PAGE = "REFERENCE.md"
"""The page of a machine, in its folder."""


@attrs.frozen
class Generated:
    """One generated file: where it belongs and what it should hold."""

    path: Path
    text: str

    @property
    def current(self) -> bool:
        """Whether the file holds that already."""
        return self.path.is_file() and self.path.read_text(encoding="utf-8") == self.text

    def write(self) -> None:
        """Put the text into the file, whole or not at all."""
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise


def spec_folder(root: Path | None = None) -> Path:
    """The folder `spec` of a checkout; by default where the package lies."""
    return root / "spec" if root else Path(next(iter(kvproof.spec.__path__)))


def generated_files(root: Path | None = None) -> Iterator[Generated]:
    """Every generated file. `root` is a checkout (folders spec/ and model/); by default where the package lies."""
    spec = spec_folder(root)
    reference = root / "model" / "reference" if root else Path(next(iter(kvproof.model.reference.__path__)))
    definitions = []
    for name in names():
        package = package_of(name)
        definitions.append(compile_machine(package.SHIPPED.machine))
        folder = name.replace("-", "_")
        yield Generated(reference / f"{folder}.py", reference_source(definitions[-1]))
        page = document(name, package.SHIPPED, Path(next(iter(package.__path__))), numbers="../")
        yield Generated(spec / folder / PAGE, page)
    yield Generated(spec / "lang" / "LANGUAGE.md", language_page())
    yield Generated(spec / "SOURCES.md", sources_page(definitions, root_of(spec)))
