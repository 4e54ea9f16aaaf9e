"""The commands `audit` (can a fit be trusted?) and `rank` (several models)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.numbers import real, whole
from zeroloss.cli.shared import check_fits, check_output, print_or_write
from zeroloss.cli.show import Printer, bar, show_verdict
from zeroloss.plumbing import InputError
from zeroloss.plumbing.cost import Cost

Measures = Annotated[
    str,
    typer.Option(
        help="all, none, or names with commas: margins, norms, laziness, kernel, sharpness, filters, or single measures."
    ),
]
Examples = Annotated[
    int | None,
    typer.Option(
        help="Training examples for kernel and curvature.  [default: 128, more for small networks]", callback=whole()
    ),
]
LossName = Annotated[
    str,
    typer.Option("--loss", help="squared, cross-entropy, binary-cross-entropy or hinge: whose curvature is measured."),
]


def _names(measures: str) -> list[str]:
    names = [word.strip() for word in measures.split(",")]
    if not all(names):
        raise InputError(f"--measures {measures!r} has an empty name in it; write all, none, or names with commas.")
    return names


def _categories(names: str | None) -> str | list[str] | None:
    """`--categorical` in the form that `audit` takes."""
    if names is None or names == "all":
        return names
    return [] if names == "none" else _names(names)


@app.command(epilog="Example: zeroloss audit digits --model model.npz --initial start.npz")
def audit(
    data: o.Data,
    model: Annotated[
        str,
        typer.Option(
            help="A saved .npz, an .onnx, or package.module:factory: a network, a torch module or a scikit-learn estimator."
        ),
    ],
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    initial: Annotated[
        str | None,
        typer.Option(
            help="The network before training (.npz or package.module:factory): adds the verdict on laziness."
        ),
    ] = None,
    measures: Measures = "all",
    examples: Examples = None,
    loss: LossName = "squared",
    categorical: Annotated[
        str | None,
        typer.Option(
            help="Inputs that are categories, with commas (or all, none): exchanged, not moved.  [default: detected]"
        ),
    ] = None,
    step_size: Annotated[
        float | None,
        typer.Option(help="Of the descent that trained it: compared with the largest stable step.", callback=real()),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only the expected cost: operations, memory, time.")
    ] = False,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """After training: is the fit local, was training lazy, is it sharp; margins, norms, kernel; where does it fail?"""
    check_output(out, force)
    dataset = o.load(data, target, task, n_train, seed)
    net = o.load_any_model(model, dataset, trust)
    check_fits(net, dataset)
    start = None if initial is None else o.load_model(initial, dataset, trust)
    from zeroloss.audit import audit as run
    from zeroloss.audit import priced
    from zeroloss.cli.measures import show_measures

    names = _names(measures)
    printer = Printer(quiet=json)
    price = priced(net, dataset, start, measures=names, examples=examples, loss=loss, key=seed)
    if estimate:
        print_or_write(price, json, out, force)
        printer.line(str(price))
        return
    printer.line(f"The audit takes {price.sentence}.")
    with bar(json) as progress:
        found = run(
            net, dataset, start, loss=loss, key=seed, measures=names, examples=examples, step_size=step_size,
            categorical=_categories(categorical), progress=progress,
        )  # fmt: skip
    if not json:
        for name, verdict in found.verdicts.items():
            show_verdict(name, verdict)
        print(found.summary)
        for why in found.numbers["open"].values():
            print(f"  open: {why}")
        show_measures(found.measures)
    print_or_write(found, json, out, force)


@app.command(epilog="Example: zeroloss rank digits --model a.npz --model b.npz --model c.npz --figure ranks.png")
def rank(
    data: o.Data,
    model: Annotated[list[str], typer.Option(help="A network, as for audit; give two or more, better ten.")],
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    measures: Measures = "all",
    examples: Examples = None,
    loss: LossName = "squared",
    figure: Annotated[Path | None, typer.Option(help="Draw the rank correlations to .png, .svg or .html.")] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Several models: does any measure order them as their test errors do?"""
    check_output(out, force)
    check_output(figure, force)
    if figure is not None:
        from zeroloss.figures.files import check_format

        check_format(figure)
    dataset = o.load(data, target, task, n_train, seed)
    nets: dict[str, Any] = {}
    for path in model:
        name = Path(path).name if path.endswith(".npz") else path
        name = path if name in nets else name
        if name in nets:
            raise InputError(f"--model {path} is given twice; name each model once.")
        nets[name] = o.load_any_model(path, dataset, trust)
        check_fits(nets[name], dataset)
    from zeroloss.audit import priced
    from zeroloss.audit import rank as run
    from zeroloss.cli.measures import show_ranking

    names = _names(measures)
    printer = Printer(quiet=json)
    each = [priced(net, dataset, measures=names, examples=examples, loss=loss, key=seed) for net in nets.values()]
    printer.line(f"{len(nets)} models: {sum((price.cost for price in each), Cost()).sentence} in all.")
    with bar(json) as progress:
        found = run(nets, dataset, measures=names, examples=examples, loss=loss, key=seed, progress=progress)
    if not json:
        show_ranking(found)
    if figure is not None:
        from zeroloss.figures import rank_correlations
        from zeroloss.figures.files import write_figure

        write_figure(figure, rank_correlations(found.table()), force=force)
        printer.line(f"Wrote {figure}.")
    print_or_write(found, json, out, force)
