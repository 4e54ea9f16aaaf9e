"""`zeroloss study`: list, run, report, export."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.numbers import whole
from zeroloss.cli.show import bar, show_verdict
from zeroloss.plumbing import InputError

study = typer.Typer(
    name="study",
    help="The papers' experiments, and your own: sweeps that resume where they stopped, judged with intervals.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(study)

LONG = 7 * 86_400.0
"""Expected seconds above which a study starts only with --anyway."""

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A study: see zeroloss study list; or a .py file of yours; or module:NAME."),
]
Scale = Annotated[
    str, typer.Option(help="smoke (seconds), desk (minutes on two cores), paper (the size in the paper).")
]
Kept = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Where rows are kept: a file (SQLite), or postgresql://...  [default: $ZEROLOSS_STORE or zeroloss-studies.sqlite]",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="AXIS=V1,V2", help="Other values for an axis, or seeds=N. May be given again."),
]
Only = Annotated[list[str] | None, typer.Option("--experiment", help="Only this experiment. May be given again.")]


@study.command("list", epilog="Example: zeroloss study list")
def list_studies(json: o.Json = False) -> None:
    """The studies there are, their experiments, and what each scale costs."""
    from zeroloss.studies import PAPERS, SCALES, find_study, price

    found_all = []
    for name in PAPERS:
        found, _ = find_study(name)
        prices = {scale: price(found, scale) for scale in SCALES}
        found_all.append((found, prices))
    if json:
        print(json_module.dumps([_listed(found, prices) for found, prices in found_all]))
        return
    for found, prices in found_all:
        print(f"{found.name}\n  {found.title}" + (f"\n  after {found.after}" if found.after else ""))
        for experiment in found.experiments:
            print(f"    {experiment.name}: {experiment.question}")
        print(
            f"  {len(found.claims)} claims; " + "; ".join(_scale_text(scale, p) for scale, p in prices.items()) + "\n"
        )


def _scale_text(scale: str, p: Any) -> str:
    from zeroloss.plumbing.format import format_seconds

    return f"{scale} {p.trials:,} trials, {format_seconds(p.seconds)}"


def _listed(found: Any, prices: dict[str, Any]) -> dict[str, Any]:
    import math

    return {
        "name": found.name,
        "title": found.title,
        "after": found.after,
        "experiments": {e.name: e.question for e in found.experiments},
        "claims": {claim.key: claim.sentence for claim in found.claims},
        "scales": {
            scale: {"trials": p.trials, "seconds": p.seconds if math.isfinite(p.seconds) else None}
            for scale, p in prices.items()
        },
    }


@study.command(
    epilog="Example: zeroloss study run brutzkus_globerson_xor --scale smoke.  Run again to go on where it stopped."
)
def run(
    name: Name,
    scale: Scale = "desk",
    set_: Set = None,
    experiment: Only = None,
    store: Kept = None,
    processes: Annotated[int, typer.Option(help="Worker processes on this machine.", callback=whole(1, 10_000))] = 1,
    cluster: Annotated[
        str | None, typer.Option(help="The address of a Dask scheduler, such as tcp://host:8786.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed trials again.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only the expected cost.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Start even if it will take more than a week.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a claim is contradicted.")] = False,
    json: o.Json = False,
) -> None:
    """Run the trials that the store does not have yet, then judge the claims. Ctrl-C keeps what is finished."""
    from zeroloss.studies import Store, conclude, find_study, price
    from zeroloss.studies import run as run_study

    found, origin = find_study(name)
    overrides, only = parse_set(set_), experiment or []
    if estimate:
        cost = price(found, scale, store=_store_if_there(store), overrides=overrides, only=only, retry=retry)
        print(json_module.dumps(_finite(vars(cost))) if json else cost)
        return
    kept = Store(store)
    cost = price(found, scale, store=kept, overrides=overrides, only=only, retry=retry)
    if not json:
        print(f"{found.name}, {scale}: {cost} Rows go to {kept.shown}.", flush=True)
    if cost.seconds > LONG and not anyway:
        raise InputError(
            f"{found.name} at {scale} scale: {cost} That is more than a week; take a smaller scale or --set, "
            "a --cluster, or --anyway."
        )
    with bar(json) as progress:
        done = run_study(
            found,
            scale,
            store=kept,
            overrides=overrides,
            only=only,
            processes=processes,
            cluster=cluster,
            origin=origin,
            retry=retry,
            progress=progress,
        )
    result = conclude(found, scale, store=kept, overrides=overrides, only=only, command=_command())
    if json:
        print(result.to_json())
    else:
        print(done)
        _show(result)
        print(f"The page: zeroloss study report {name}" + (f" --scale {scale}" if scale != "desk" else ""))
    if done.interrupted:
        raise typer.Exit(130)
    if strict and result.contradicted:
        raise typer.Exit(1)


@study.command(epilog="Example: zeroloss study report brutzkus_globerson_xor --out xor.html")
def report(
    name: Name,
    scale: Scale = "desk",
    set_: Set = None,
    experiment: Only = None,
    store: Kept = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a claim is contradicted.")] = False,
    json: o.Json = False,
    out: Annotated[Path | None, typer.Option(help="The page.  [default: NAME.html]")] = None,
    force: o.Force = False,
) -> None:
    """Judge the claims on the rows there are, and write one page: claims, figures, settings, table."""
    from zeroloss.plumbing.files import check_free
    from zeroloss.studies import Store, conclude, find_study

    found, _ = find_study(name)
    page = out if out is not None else Path(f"{found.name}.html")
    if not json or out is not None:
        check_free(page, force=force)
    result = conclude(
        found,
        scale,
        store=Store(store, readonly=True),
        overrides=parse_set(set_),
        only=experiment or [],
        command=_command(),
    )
    if not any(counts["finished"] for counts in result.trials.values()):
        raise InputError(
            f"no trial of {found.name} at {scale} scale has finished; zeroloss study run {name} --scale {scale}."
        )
    if json:
        print(result.to_json())
    else:
        _show(result)
    if not json or out is not None:
        from zeroloss.report.study import write_study_report

        write_study_report(page, found, result, force=force)
        if not json:
            print(f"Wrote {page}.")
    if strict and result.contradicted:
        raise typer.Exit(1)


@study.command(epilog="Example: zeroloss study export brutzkus_globerson_xor --out xor.parquet")
def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="A .csv or .parquet file; with several experiments, one file each.")],
    scale: Annotated[str | None, typer.Option(help="Only this scale's finished trials.  [default: every row]")] = None,
    experiment: Only = None,
    store: Kept = None,
    force: o.Force = False,
) -> None:
    """Write the rows as tables: axes, seed, metrics; by default the failed trials too, with their reasons."""
    from zeroloss.studies import Store, find_study
    from zeroloss.studies import export as export_rows

    found, _ = find_study(name)
    kept = Store(store, readonly=True)
    for file, rows in export_rows(found, out, store=kept, only=experiment or [], scale=scale, force=force):
        print(f"Wrote {file}: {rows:,} rows.")


def parse_set(given: list[str] | None) -> dict[str, list]:
    """`["k=2,4", "activation=tanh"]` as axes and values."""
    found: dict[str, list] = {}
    for text in given or []:
        axis, sign, values = text.partition("=")
        if not sign or not axis or not values:
            raise InputError(f"--set {text}: write it as AXIS=VALUE or AXIS=V1,V2.")
        found[axis] = [_value(value) for value in values.split(",")]
    return found


def _value(text: str) -> Any:
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in values.items()}


def _store_if_there(where: str | None) -> Any:
    """The store for reading, or None where there is none yet: an expected cost needs none."""
    from zeroloss.studies.store import Store, default_store

    place = where or default_store()
    if "://" not in place and not Path(place).is_file():
        return None
    return Store(place, readonly=True)


def _show(result: Any) -> None:
    for key, verdict in result.verdicts.items():
        show_verdict(key, verdict)
    for name, counts in result.trials.items():
        for reason, count in list(counts["reasons"].items())[:3]:
            print(f"{name}: {count:,} trials failed: {reason}")
        if counts["edited"]:
            print(
                f"{name}: {counts['edited']:,} rows are from before its trial was edited; raise version= if that changed what it means."
            )
    for name, count in result.settings["rows left out"].items():
        print(f"{count:,} rows of {name} in the store are of another version and left out.")


def _command() -> str:
    return shlex.join(["zeroloss", *sys.argv[1:]])
