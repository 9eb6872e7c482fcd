"""A machine's text as a module, without a file: its source can be inspected all the same."""

from __future__ import annotations

import linecache
import sys
import types


def loaded(text: str, name: str) -> types.ModuleType:
    """The module `name` with this text."""
    file = f"<{name}>"
    module = types.ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[name] = module
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def forgotten(module: types.ModuleType) -> None:
    """Take a module out of what Python remembers."""
    sys.modules.pop(module.__name__, None)
    linecache.cache.pop(str(module.__file__), None)
