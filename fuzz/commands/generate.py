"""`kvproof generate`: write what is derived from the machines and kept in the repository, or check that it is current."""

from __future__ import annotations

from pathlib import Path

import click

from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.target import HarnessError
from kvproof.model.machines import UnknownMachine, load
from kvproof.spec.lang import LanguageError


def shown(path: Path) -> str:
    """A file with its folder: several pages have one name."""
    return f"{path.parent.name}/{path.name}"


@click.command("generate")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a generated file is not current.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Checkout to write into; by default the one that the package is imported from.",
)
@click.option("--machine", help="Print the page of this machine, module:Class or file.py:Class, and write nothing.")
@click.pass_context
def command(context: click.Context, check: bool, root: Path | None, machine: str | None) -> None:
    """Generate the references, the machines' pages, LANGUAGE.md, SOURCES.md and BUGS.md; or print one machine's page."""
    try:
        # the documents need jinja2, which nothing else does
        from kvproof.fuzz.bugs.document import bugs_page
        from kvproof.model.document import document
        from kvproof.model.generate import Generated, generated_files, spec_folder
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise HarnessError("generate needs jinja2, which is not installed: pip install 'kvproof[document]'") from error
    stale = 0
    if machine is not None:
        if check or root is not None:
            raise click.UsageError("--machine prints one page: it goes with neither --check nor --root")
        try:
            base = load(machine)
        except (UnknownMachine, LanguageError) as error:
            raise MachineError(str(error)) from error
        click.echo(document(base.name, base.shipped, None), nl=False)
        return
    try:
        files = [*generated_files(root), Generated(spec_folder(root) / "BUGS.md", bugs_page())]
    except LanguageError as error:
        raise MachineError(str(error)) from error
    for generated in files:
        if generated.current:
            click.echo(f"current  {shown(generated.path)}")
        elif check:
            stale += 1
            click.echo(f"stale    {shown(generated.path)}: run `kvproof generate` and commit the result", err=True)
        else:
            generated.write()
            click.echo(f"written  {shown(generated.path)}")
    if stale:
        context.exit(1)
