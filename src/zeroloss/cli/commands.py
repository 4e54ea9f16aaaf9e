"""One function a command: load, call the library, print, write."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.shared import check_fits, deliver, free, version
from zeroloss.cli.show import Teller, bar, show_verdict
from zeroloss.plumbing import InputError
from zeroloss.plumbing.files import check_free


def _command() -> str:
    import shlex

    return shlex.join(["zeroloss", *sys.argv[1:]])


@app.command(epilog="Example: zeroloss examine digits --out report")
def examine(
    data: o.Data,
    target: o.Target = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
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
    dataset = o.load(data, target, n_train, seed)
    from zeroloss.examine.plan import make_plan

    net = o.network(dataset, model, width, depth, activation, parametrization, seed)
    check_fits(net, dataset)
    plan = make_plan(dataset, net)
    tell = Teller(quiet=json)
    tell.line(repr(dataset))
    tell.line(f"Network {'-'.join(map(str, (net.in_size, *net.widths, net.out_size)))}; {plan.sentence}.")
    from zeroloss.examine import examine as run
    from zeroloss.networks import save_network
    from zeroloss.plumbing import write_whole
    from zeroloss.report import write_report

    settings = {"command": _command(), "version": version(), "date": datetime.date.today().isoformat()}
    with bar(json) as progress:
        tell.attach(progress)
        result = run(dataset, net, seed=seed, settings=settings, announce=tell.verdict, progress=progress, plan=plan)
        progress.stage("writing the report")
        out.mkdir(parents=True, exist_ok=True)
        text = result.examination.to_json(indent=1)
        write_whole(files["report.json"], text, force=force)
        for name, network in (("fitted.npz", result.fitted), ("twin.npz", result.twin)):
            if network is not None:
                save_network(files[name], network, force=force)
        write_report(files["report.html"], result.examination, force=force)
    tell.line("")
    tell.line(result.examination.headline)
    tell.line(
        f"Wrote {files['report.html']} (open it in a browser), report.json and the networks, in {result.examination.seconds:.0f} s."
    )
    if json:
        print(text)
    if result.interrupted:
        raise typer.Exit(130)


@app.command(epilog="Example: zeroloss certify digits --width 512 --depth 2")
def certify(
    data: o.Data,
    target: o.Target = None,
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
        float | None, typer.Option(help="Judge this step; by default the theorem picks its own.")
    ] = None,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Before training: will gradient descent reach a global minimum, how fast, at which step; does one exist?"""
    free(out, force)
    dataset = o.load(data, target, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed)
    from zeroloss.theorems import certify as run

    tell = Teller(quiet=json)
    with bar(json) as progress:
        tell.attach(progress)
        found = run(net, dataset, step_size=step_size, trainable=trainable, announce=tell.verdict, progress=progress)
    tell.line(
        f"Gradient descent is stable, to first order, below step {found.largest_stable_step:.4g} (2 n/lambda_max at the start)."
    )
    deliver(found, json, out, force)


@app.command(epilog="Example: zeroloss descend digits --method gauss-newton --out model.npz")
def descend(
    data: o.Data,
    target: o.Target = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    method: Annotated[str, typer.Option(help="gradient, sgd, adam or gauss-newton.")] = "gradient",
    loss: Annotated[str, typer.Option(help="squared, cross-entropy or hinge.")] = "squared",
    step_size: Annotated[
        float | None, typer.Option(help="By default n/lambda_max of the tangent kernel at the start.")
    ] = None,
    steps: Annotated[int, typer.Option(help="The most steps to take.")] = 1000,
    tolerance: Annotated[float, typer.Option(help="Stop when loss - infimum is at most this.")] = 1e-24,
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds.")] = None,
    trainable: Annotated[
        str | None, typer.Option(help="What moves: readout, hidden, layer1, ...  [default: all]")
    ] = None,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """Train to the minimum and save the network."""
    free(out, force)
    if out is not None and out.suffix != ".npz":
        raise InputError(f"--out {out}: networks are saved as .npz; give it that ending.")
    dataset = o.load(data, target, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed)
    from zeroloss.descent import descend as run
    from zeroloss.networks import save_network

    tell = Teller(quiet=json)
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
        save_network(out, fit.network, force=force)
    tell.line(
        f"{fit.loss_name} loss {fit.loss:.6g} (infimum {fit.infimum:.6g}) after {fit.steps} steps in {fit.seconds:.1f} s."
    )
    tell.line(fit.reason)
    if out is not None:
        tell.line(f"Wrote {out}.")
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
    n_train: o.NTrain = None,
    polish: Annotated[bool, typer.Option(help="First move the weights to where the residual is at rounding.")] = True,
    method: Annotated[str, typer.Option(help="auto, readout or newton-kantorovich.")] = "auto",
    trainable: Annotated[
        str | None, typer.Option(help="What may move: readout, hidden, layer1, ...  [default: all]")
    ] = None,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """After training: is a global minimum provably near these weights? --out writes the certificate as JSON."""
    free(out, force)
    if (model is None) == (check is None):
        raise InputError("give either --model, the network to prove, or --check, a certificate to verify.")
    if check is not None:
        _check_certificate(check, o.load(data, target, n_train, seed), json, out, force)
        return
    dataset = o.load(data, target, n_train, seed)
    net = o.load_model(str(model))
    from zeroloss.minima import prove as run

    with bar(json) as progress:
        proof = run(net, dataset, polish, method=method, trainable=trainable, progress=progress)
    if not json:
        show_verdict("minimum", proof)
        if proof.classified is not None:
            show_verdict("classified", proof.classified)
    deliver(proof, json, out, force, written=proof if proof.radius is None else proof.certificate())


def _check_certificate(path: Path, dataset: Any, json: bool, out: Path | None, force: bool) -> None:
    from zeroloss.minima import check_certificate, load_certificate

    found = check_certificate(load_certificate(path), dataset)
    if not json:
        show_verdict("certificate", found)
    deliver(found, json, out, force)
    if str(found.status) != "PROVED":
        raise typer.Exit(1)
