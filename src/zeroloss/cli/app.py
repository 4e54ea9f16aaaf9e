"""The Typer application that the commands register with."""

from __future__ import annotations

import typer

from zeroloss.plumbing.version import __version__

app = typer.Typer(
    name="zeroloss",
    help="What does zero training loss mean? Certify before training, descend to the minimum, prove that it was reached, "
    "audit it, and build one that fails.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        print(__version__)
        raise typer.Exit
