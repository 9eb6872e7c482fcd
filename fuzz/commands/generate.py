"""`kvproof generate`: write what is derived from the machines and kept in the repository, or check that it is current."""

from __future__ import annotations

from pathlib import Path

import click

from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.target import HarnessError
from kvproof.spec.lang import LanguageError


@click.command("generate")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a generated file is not current.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Checkout to write into; by default the one that the package is imported from.",
)
@click.pass_context
def command(context: click.Context, check: bool, root: Path | None) -> None:
    """Generate the references, REFERENCE.md, LANGUAGE.md, SOURCES.md and BUGS.md."""
    try:
        # the documents need jinja2, which nothing else does
        from kvproof.fuzz.bugs.document import bugs_page
        from kvproof.model.generate import Generated, generated_files, spec_folder
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise HarnessError("generate needs jinja2, which is not installed: pip install 'kvproof[document]'") from error
    stale = 0
    try:
        files = [*generated_files(root), Generated(spec_folder(root) / "BUGS.md", bugs_page())]
    except LanguageError as error:
        raise MachineError(str(error)) from error
    for generated in files:
        if generated.current:
            click.echo(f"current  {generated.path.name}")
        elif check:
            stale += 1
            click.echo(f"stale    {generated.path.name}: run `kvproof generate` and commit the result", err=True)
        else:
            generated.write()
            click.echo(f"written  {generated.path.name}")
    if stale:
        context.exit(1)
