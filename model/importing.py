"""Machines and targets of one's own, named as `module:Attribute` or `file.py:Attribute`.

As with `python -m`, modules of the current folder can be named; a console script alone has its own folder on the path and
not that. As with `python file.py`, the folder of a file goes on the path (that of its outermost package, if it has one), so
that it finds its neighbours.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from kvproof.spec.lang import LanguageError


class NotImported(Exception):
    """What was named cannot be had; the message says why, and what to write."""


def imported(specifier: str) -> tuple[ModuleType, Any]:
    """The module and the object that `specifier` names; dots are allowed in the attribute.

    Raises:
        NotImported: there is no such module, file or attribute, or importing it raised.
        LanguageError: a machine in it is outside the language.
    """
    home, colon, attribute = specifier.partition(":")
    if not home or not (colon or specifier.endswith(".py")):
        raise NotImported("write it as MODULE:ATTR or FILE.py:ATTR, for instance my_package.my_module:MyTarget")
    module = _from_file(Path(home)) if home.endswith(".py") else _from_path(home)
    found: Any = module
    # an attribute with a colon is no name of Python's: the module answers it as a whole, by its `__getattr__`
    for part in ([attribute] if ":" in attribute else attribute.split(".")) if attribute else ():
        found = getattr(found, part, None)
    if not attribute or found is None:
        public = [name for name, value in vars(module).items() if _own(name, value, module)]
        lacks = f"{home} has no {attribute!r}" if attribute else f"say which of {home}, as {home}:ATTR"
        raise NotImported(f"{lacks}; it has {', '.join(public) or 'nothing'}")
    return module, found


def _own(name: str, value: object, module: ModuleType) -> bool:
    return not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__


def _from_path(name: str) -> ModuleType:
    here = str(Path.cwd())
    _put_on_path(here)
    return _import(name, f"in {here} or on Python's path; a file is named by its path, as in folder/file.py:ATTR")


def _from_file(path: Path) -> ModuleType:
    file = path.resolve()
    if not file.is_file():
        raise NotImported(f"there is no file {path}")
    parts, folder = [file.stem], file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    _put_on_path(str(folder))
    name = ".".join(parts)
    module = _import(name, f"in {folder}; its name has to be one of a module")
    other = getattr(module, "__file__", None)
    if other is None or Path(other).resolve() != file:
        raise NotImported(
            f"{path}: Python knows {other or 'a module of its own'} as {name!r}; give the file another name"
        )
    return module


def _put_on_path(folder: str) -> None:
    if folder not in sys.path and not ("" in sys.path and folder == str(Path.cwd())):
        sys.path.insert(0, folder)


def _import(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except LanguageError:
        raise
    except Exception as error:  # an import runs the user's code: whatever it raises is reported
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise NotImported(f"there is no module {error.name!r} {where}") from error
        last = traceback.extract_tb(error.__traceback__)[-1]
        at = "" if last.filename.startswith("<") else f" ({last.filename}, line {last.lineno})"
        raise NotImported(f"importing {name!r} raised {type(error).__name__}: {error}{at}") from error
