"""`zeroloss theorems`: list, show, check, atlas."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.assumptions import parse_assumptions
from zeroloss.cli.numbers import real
from zeroloss.cli.shared import check_fits, check_output
from zeroloss.cli.show import STYLES, bar
from zeroloss.plumbing import InputError
from zeroloss.plumbing.cost import Cost
from zeroloss.plumbing.format import format_seconds

theorems = typer.Typer(
    name="theorems",
    help="What theory requires, against what your problem has: theorems that check their own hypotheses, and how many parameters each "
    "theory needs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(theorems)

_MARKS = {True: "yes", False: "no", None: "?"}


@theorems.command("list", epilog="Example: zeroloss theorems list")
def list_cards(json: o.Json = False) -> None:
    """The theorems there are: key, standing (paper, recalled, ours), title."""
    from zeroloss.theorems import cards

    if json:
        print(json_module.dumps([_card(card) for card in cards()]))
        return
    wide = max(len(card.key) for card in cards())
    for card in cards():
        print(f"{card.key:<{wide}}  {card.standing:<8}  {card.title}")
    print("\nzeroloss theorems show KEY: the statement; zeroloss theorems check DATA: checked on your problem.")


@theorems.command(epilog="Example: zeroloss theorems show composite")
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A theorem: see zeroloss theorems list.")],
    json: o.Json = False,
) -> None:
    """A theorem's statement, hypotheses, conclusions, standing and source."""
    from zeroloss.theorems import find_card

    card = find_card(key)
    print(json_module.dumps(_card(card)) if json else card)


@theorems.command(epilog="Example: zeroloss theorems check wine --width 256 --only readout --only composite")
def check(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="KEY", help="Only this theorem. May be given again.")
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            metavar="NAME=VALUE",
            help="An assumption that data cannot show, such as atoms=100 (theorems show KEY lists them). May be given again.",
        ),
    ] = None,
    older: Annotated[list[str] | None, typer.Option("--tell", metavar="NAME=VALUE", hidden=True)] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Check each theorem on your network and data: which hypotheses hold, what it promises, what is short by how much."""
    check_output(out, force)
    assumed = parse_assumptions([*(assume or []), *(older or [])])
    dataset = o.load(data, target, task, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed, trust)
    check_fits(net, dataset)
    from zeroloss.theorems import check as run

    if not json:
        print(f"{repr(dataset).splitlines()[0]}", flush=True)
    with bar(json) as progress:
        results = run(net, dataset, only or None, progress=progress, **assumed)
    from zeroloss.plumbing import write_whole
    from zeroloss.verdict.record import encode

    text = json_module.dumps({key: encode(result) for key, result in results.items()}, allow_nan=False)
    if out is not None:
        write_whole(out, text, force=force)
    if json:
        print(text)
        return
    for key, result in results.items():
        _show(key, result)
    if out is not None:
        print(f"Wrote {out}.")


@theorems.command(epilog="Example: zeroloss theorems atlas mnist-size --width 512 --depth 2")
def atlas(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="mnist-size or cifar-size (nothing is loaded), or a data set or file, as everywhere."
        ),
    ],
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    lambda0: Annotated[
        float | None,
        typer.Option(
            help="Smallest eigenvalue of the limiting kernel, inputs of norm 1.  [default: 1, its best]",
            callback=real(),
        ),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Margin of the limiting tangent features.  [default: 1]", callback=real())
    ] = None,
    separation: Annotated[
        float | None, typer.Option(help="Smallest distance of two inputs of norm 1.  [default: 1]", callback=real())
    ] = None,
    delta: Annotated[
        float, typer.Option(help="Probability with which a guarantee may fail.", callback=real(0, 1))
    ] = 0.01,
    accuracy: Annotated[
        float, typer.Option(help="The error aimed at, where a theory aims at one.", callback=real(0, 1))
    ] = 0.01,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure lambda0 and the parameter count at which training reaches zero.")
    ] = False,
    targets: Annotated[
        str, typer.Option(help="Of the networks that --measure trains: random, or given (those of the data).")
    ] = "random",
    figure: Annotated[
        Path | None, typer.Option(help="Draw required parameters against n, to .png, .svg or .html.")
    ] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """How many parameters each theory requires at this size, beside your network; orders only, constants set to one."""
    from zeroloss.theorems import atlas as run
    from zeroloss.theorems.survey import SIZES

    check_output(out, force)
    check_output(figure, force)
    if figure is not None:
        from zeroloss.figures.files import check_format

        check_format(figure)
    subject: Any = data
    if data not in SIZES:
        subject = o.load(data, target, task, n_train, seed)
    elif measure:
        raise InputError(f"{data} is a size without data, so nothing can be measured; name a data set.")
    numbers: dict[str, Any] = {
        "lambda0": lambda0,
        "margin": margin,
        "separation": separation,
        "delta": delta,
        "accuracy": accuracy,
    }
    network = _shape(model, width, depth, trust)
    if measure and not json:
        print(_price(subject, lambda0 is None), flush=True)
    with bar(json) as progress:
        found = run(
            subject,
            network=network,
            depth=None if network is not None else depth,
            measure=measure,
            targets=targets,
            progress=progress,
            **numbers,
        )
    _print_draw_write(found, json, out, figure, force)


def _print_draw_write(found: Any, json: bool, out: Path | None, figure: Path | None, force: bool) -> None:
    from zeroloss.cli.shared import print_or_write

    if not json:
        print(repr(found))
    if figure is not None:
        from zeroloss.figures import atlas_lines
        from zeroloss.figures.files import write_figure
        from zeroloss.theorems.survey import lines

        write_figure(
            figure, atlas_lines(lines(found.size), found.size.n, found.network_parameters), width=620, force=force
        )
    print_or_write(found, json, out, force)
    if figure is not None and not json:
        print(f"Wrote {figure}.")


def _shape(model: str | None, width: str | None, depth: int | None, trust: bool) -> Any:
    """Widths of the hidden layers, or the network of --model, or None."""
    if model is not None:
        if width is not None or depth is not None:
            raise InputError("--model and --width or --depth exclude each other: a model has its own shape.")
        return o.load_model(model, trust=trust)
    if width is None:
        return None
    widths = o._widths(width)
    if isinstance(widths, int):
        return (widths,) * (1 if depth is None else depth)
    if depth is not None and depth != len(widths):
        raise InputError(f"--depth {depth} and {len(widths)} widths; leave one of them out.")
    return widths


def _price(dataset: Any, with_lambda0: bool) -> str:
    from zeroloss.theorems import lambda0, threshold

    eigen = lambda0.cost(dataset.n) if with_lambda0 else Cost()
    descents = threshold.cost()
    parts = f"lambda0 {format_seconds(eigen.seconds)}, threshold {format_seconds(descents.seconds)}"
    return f"Measuring: {(eigen + descents).sentence} ({parts})."


def _card(card: Any) -> dict[str, Any]:
    return {
        "key": card.key,
        "title": card.title,
        "words": card.words,
        "statement": card.statement,
        "standing": card.standing,
        "standing_of": card.standing_of,
        "citation": card.citation,
        "proof": card.proof,
        "hypotheses": {h.name: h.needed for h in card.hypotheses},
        "conclusions": list(card.conclusions),
        "options": dict(card.options),
    }


def _show(key: str, result: Any) -> None:
    """Print a verdict, its hypotheses with what the problem has, and what it promises."""
    import sys

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print()
    console.print(
        Text.assemble((f"{result.status!s:<12}", STYLES[str(result.status)]), " ", f"{key} ({result.standing})")
    )
    console.print(Text(f"             {result.claim}"), soft_wrap=True)
    for h in result.hypotheses:
        short = "" if h.short is None or h.holds else f"; {h.short:.3g} times too far"
        console.print(Text(f"  {_MARKS[h.holds]:>9}  {h.name}: {h.have}{short}", style="dim"), soft_wrap=True)
        if not h.holds:
            console.print(Text(f"               needs {h.needed}", style="dim"), soft_wrap=True)
    for promise in result.promises:
        console.print(Text(f"       then  {promise.sentence}"), soft_wrap=True)
