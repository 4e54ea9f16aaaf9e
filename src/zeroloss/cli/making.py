"""The commands that build something from a data set: `twin` and `kernel`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zeroloss.cli import options as o
from zeroloss.cli.app import app
from zeroloss.cli.numbers import whole
from zeroloss.cli.shared import check_fits, check_output
from zeroloss.cli.show import bar
from zeroloss.plumbing import InputError


@app.command(epilog="Example: zeroloss twin digits --of model.npz --out twin.onnx")
def twin(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    of: Annotated[
        str | None,
        typer.Option(help="A network (.npz, package.module:factory) whose answers, made wrong, hold elsewhere."),
    ] = None,
    base: Annotated[str | None, typer.Option(help="A network whose answers hold there as they are.")] = None,
    kind: Annotated[str, typer.Option(help="auto, bumps, slab or caps.")] = "auto",
    depth: Annotated[
        int | None, typer.Option(help="Hidden layers.  [default: as many as needed]", callback=whole(1, 10_000))
    ] = None,
    activation: Annotated[
        str, typer.Option(help="Of its bumps: relu, leaky_relu, prelu(a) with 0 < a < 1, sigmoid.")
    ] = "relu",
    dtype: Annotated[
        str | None, typer.Option(help="float64 or float32.  [default: float64 for .npz, float32 otherwise]")
    ] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: Annotated[Path, typer.Option(help="The file for the network: .npz, .onnx or .safetensors.")] = Path(
        "twin.npz"
    ),
    force: o.Force = False,
) -> None:
    """Write a network whose training loss is zero, but for rounding, and that fails everywhere else."""
    check_output(out, force)
    from zeroloss.networks.export import check_export, export_network

    check_export(out)
    if of is not None and base is not None:
        raise InputError("--of and --base exclude each other; give one of them.")
    dataset = o.load(data, target, task, n_train, seed)
    from zeroloss.minima import construct_twin

    nets = [None if path is None else o.load_model(path, dataset, trust) for path in (of, base)]
    number = dtype or ("float64" if out.suffix == ".npz" else "float32")
    with bar(json) as progress:
        made = construct_twin(dataset, nets[0], nets[1], kind, depth, activation, number, key=seed, progress=progress)
    export_network(out, made.network, force=force)
    if json:
        print(made.to_json())
    else:
        print(repr(made))
        print(f"Wrote {out}.")


@app.command(epilog="Example: zeroloss kernel wine --figure spectrum.png --out kernel.npz")
def kernel(
    data: o.Data,
    target: o.Target = None,
    task: o.Task = None,
    n_train: o.NTrain = None,
    model: o.Model = None,
    width: o.Width = None,
    depth: o.Depth = None,
    activation: o.Activation = None,
    parametrization: o.Parametrization = None,
    outputs: Annotated[
        str, typer.Option(help="full, or trace: the mean over the outputs, (n, n), for a picture; it gives no bound.")
    ] = "full",
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only the expected cost: operations, memory, time, by parameter.")
    ] = False,
    figure: Annotated[
        Path | None, typer.Option(help="Draw all eigenvalues, with the enclosure, to .png, .svg or .html.")
    ] = None,
    trust: o.Trust = False,
    seed: o.Seed = 0,
    json: o.Json = False,
    out: o.Out = None,
    force: o.Force = False,
) -> None:
    """The tangent kernel of a network on the training inputs, its spectrum, and enclosures of its extreme eigenvalues."""
    check_output(out, force)
    check_output(figure, force)
    dataset = o.load(data, target, task, n_train, seed)
    net = o.network(dataset, model, width, depth, activation, parametrization, seed, trust)
    check_fits(net, dataset)
    from zeroloss.cli.kernel import Request, run_kernel

    run_kernel(net, dataset, Request(outputs, estimate, figure, out, json, force))
