"""The `kvproof` command. Each command is a module of `kvproof.fuzz.commands` with a click command called `command`.

Exit status: 0 all is well, 1 a finding (a divergence, a failed check), 2 bad input; 130 after Ctrl-C with nothing found.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import click

from kvproof.fuzz import commands
from kvproof.fuzz.target import HarnessError


class BadInput(click.ClickException):
    """What was asked for cannot be run."""

    exit_code = 2


class CommandFolder(click.Group):
    """Finds commands by module name and imports only the one that runs: torch, z3 and Hypothesis take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        found: click.Command = module.command
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            raise BadInput(str(error)) from error


@click.group(cls=CommandFolder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kvproof")
def main() -> None:
    """Specify a KV-cache block manager, prove it, and drive implementations beside it."""


if __name__ == "__main__":
    main()
