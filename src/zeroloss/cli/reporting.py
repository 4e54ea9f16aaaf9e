"""`zeroloss report`: the page of one's own model, from the results of other commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.shared import check_output
from zeroloss.plumbing import InputError


@app.command(epilog="Example: zeroloss report proof.json audit.json --out report.html")
def report(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Results written by certify, prove and audit with --out, or by descend and twin with --json; or a report.json.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page, one HTML file that needs no network connection.")] = Path(
        "report.html"
    ),
    force: o.Force = False,
) -> None:
    """One page from saved results of one model: any of a certificate, a descent, a proof, an audit and a twin."""
    if out.suffix not in (".html", ".htm"):
        raise InputError(f"--out {out}: the page is an HTML file; give it the ending .html.")
    check_output(out, force)
    from zeroloss.cli.commands import run_settings
    from zeroloss.report import Results, gather, read_results, write_report

    found = read_results([*files])
    if isinstance(found, Results):
        found = gather(found, run_settings())
        print(found.headline)
    write_report(out, found, force=force)
    print(f"Wrote {out} (open it in a browser).")
