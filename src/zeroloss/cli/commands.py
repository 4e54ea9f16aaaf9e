"""The commands `examine`, `certify`, `descend` and `prove`. Each loads, calls the library, prints and writes."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.numbers import real, whole
from zeroloss.cli.shared import check_fits, check_output, print_or_write
from zeroloss.cli.show import Printer, bar, show_verdict
from zeroloss.plumbing import InputError
from zeroloss.plumbing.files import check_free
from zeroloss.plumbing.format import format_seconds
from zeroloss.plumbing.version import __version__


def _command() -> str:
    import shlex

    return shlex.join(["zeroloss", *sys.argv[1:]])


@app.command(epilog="Example: zeroloss examine digits --out report")
def examine(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    as_is: Annotated[
        bool,
        typer.Option(
            "--as-is", help="Judge --model as it is, without training it (the default for any model but an MLP)."
        ),
    ] = False,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    out: Annotated[Path, typer.Option(help="The folder for report.html, report.json, fitted.npz and twin.npz.")] = Path(
        "report"
    ),
    json: o.Json = False,
    force: o.Force = False,
) -> None:
    """The main job: certify, descend, prove, audit and twin on one data set and network; writes a report."""
    files = {name: out / name for name in ("report.html", "report.json", "fitted.npz", "twin.npz")}
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give --out the name of a folder.")
    if out.is_dir():
        for path in files.values():
            check_free(path, force=force)
    dataset = o.load(data, target, task, n_train, seed)
    from zeroloss.cli.examining import examine_as_is, examine_from_start
    from zeroloss.networks import MLP

    if model is None:
        if as_is:
            raise InputError("--as-is judges a trained model; name it by --model.")
        net = o.network(dataset, model, width, depth, activation, parametrization, seed, trust)
    else:
        o.shape_excluded(width, depth, activation, parametrization)
        net = o.load_any_model(model, dataset, trust)
    check_fits(net, dataset)
    run = examine_as_is if as_is or not isinstance(net, MLP) else examine_from_start
    run(dataset, net, files, seed=seed, json=json, force=force, settings=run_settings())


def run_settings() -> dict[str, str]:
    return {"command": _command(), "version": __version__, "date": datetime.date.today().isoformat()}


@app.command(epilog="Example: zeroloss certify digits --width 512 --depth 2")
def certify(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    trainable: Annotated[
        str | None, typer.Option(help="What descent moves: readout, hidden, layer1, ...  [default: all]")
    ] = None,
    step_size: Annotated[
        float | None, typer.Option(help="Judge this step; by default the theorem picks its own.", callback=real())
    ] = None,
    sample_beta: Annotated[
        bool,
        typer.Option("--sample-beta", help="If UNKNOWN, also estimate how much a better bound on beta could give."),
    ] = False,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Before training: will gradient descent reach a global minimum, how fast, at which step; does one exist?"""
    check_output(out, force)
    dataset = o.load(data, target, task, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed, trust)
    from zeroloss.theorems import certify as run

    printer = Printer(quiet=json)
    with bar(json) as progress:
        printer.attach(progress)
        found = run(
            net, dataset, step_size=step_size, trainable=trainable, sample_beta=sample_beta, announce=printer.verdict,
            progress=progress,
        )  # fmt: skip
    printer.line(
        f"Gradient descent is stable, to first order, below step {found.largest_stable_step:.4g} (2 n/lambda_max at the start)."
    )
    print_or_write(found, json, out, force)


@app.command(epilog="Example: zeroloss descend digits --method gauss-newton --out model.npz")
def descend(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    method: Annotated[str, typer.Option(help="gradient, sgd, adam or gauss-newton.")] = "gradient",
    loss: Annotated[str, typer.Option(help="squared, cross-entropy, binary-cross-entropy or hinge.")] = "squared",
    step_size: Annotated[
        float | None, typer.Option(help="By default n/lambda_max of the tangent kernel at the start.", callback=real())
    ] = None,
    steps: Annotated[int, typer.Option(help="Largest number of steps.", callback=whole(0))] = 1000,
    tolerance: Annotated[
        float, typer.Option(help="Stop when loss - infimum is at most this.", callback=real(closed=True))
    ] = 1e-24,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.", callback=real())] = None,
    trainable: Annotated[
        str | None, typer.Option(help="What moves: readout, hidden, layer1, ...  [default: all]")
    ] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Train to the minimum and save the network."""
    check_output(out, force)
    if out is not None and out.suffix != ".npz":
        raise InputError(f"--out {out}: networks are saved as .npz; give it that ending.")
    dataset = o.load(data, target, task, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed, trust)
    from zeroloss.descent import descend as run
    from zeroloss.networks import save_network
    from zeroloss.networks.storage import check_savable

    if out is not None:
        check_savable(net, dataset)
    printer = Printer(quiet=json)
    with bar(json) as progress:
        fit = run(
            net,
            dataset,
            method,
            loss,
            step_size=step_size,
            steps=steps,
            tolerance=tolerance,
            seconds=seconds,
            trainable=trainable,
            key=seed,
            progress=progress,
        )
    if out is not None:
        save_network(out, fit.network, example=dataset, force=force)
    printer.line(
        f"{fit.loss_name} loss {fit.loss:.6g} (infimum {fit.infimum:.6g}) after {fit.steps} steps in {format_seconds(fit.seconds)}."
    )
    printer.line(fit.reason)
    if out is not None:
        printer.line(f"Wrote {out}.")
    if json:
        print(fit.to_json())
    if fit.interrupted:
        raise typer.Exit(130)


@app.command(epilog="Example: zeroloss prove digits --model model.npz")
def prove(
    data: o.Data,
    model: Annotated[str | None, typer.Option(help="A network: a saved .npz, or package.module:factory.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Verify this certificate again, on its own; exits with 1 if it fails.")
    ] = None,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    polish: Annotated[bool, typer.Option(help="First move the weights to where the residual is at rounding.")] = True,
    method: Annotated[str, typer.Option(help="auto, readout or newton-kantorovich.")] = "auto",
    trainable: Annotated[
        str | None, typer.Option(help="What may move: readout, hidden, layer1, ...  [default: all]")
    ] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """After training: is a global minimum provably near these weights? --out writes the certificate as JSON."""
    check_output(out, force)
    if (model is None) == (check is None):
        raise InputError("give either --model, the network to prove, or --check, a certificate to verify.")
    if check is not None:
        _check_certificate(check, o.load(data, target, task, n_train, seed), trust, json, out, force)
        return
    dataset = o.load(data, target, task, n_train, seed)
    net = o.load_model(str(model), dataset, trust)
    from zeroloss.prove import prove as run

    with bar(json) as progress:
        proof = run(net, dataset, polish, method=method, trainable=trainable, progress=progress)
    if not json:
        show_verdict("minimum", proof)
        if proof.classified is not None:
            show_verdict("classified", proof.classified)
        polished = proof.classified_polished
        if polished is not None and polished.status is not getattr(proof.classified, "status", None):
            show_verdict("classified, polished", polished)  # where it differs from the verdict on the weights given
    print_or_write(proof, json, out, force, written=proof if proof.radius is None else proof.certificate())


def _check_certificate(path: Path, dataset: Any, trust: bool, json: bool, out: Path | None, force: bool) -> None:
    from zeroloss.prove import check_certificate, load_certificate

    found = check_certificate(load_certificate(path), dataset, trust=trust)
    if not json:
        show_verdict("certificate", found)
    print_or_write(found, json, out, force)
    if str(found.status) != "PROVED":
        raise typer.Exit(1)
