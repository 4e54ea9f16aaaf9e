"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.plumbing import InputError

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, breast-cancer, wine, diabetes, mnist, fashion-mnist, mnist1d, or a .csv, .parquet or .npz file with --target.",
    ),
]
Target = Annotated[str | None, typer.Option(help="The target column of a file.")]
NTrain = Annotated[int | None, typer.Option("--n-train", help="Use this many training examples.")]
Model = Annotated[
    str | None,
    typer.Option(help="A network: a saved .npz, or package.module:factory (a function that returns one)."),
]
Width = Annotated[str | None, typer.Option(help="Units of each hidden layer: 512, or one number a layer: 256,1600.")]
Depth = Annotated[int | None, typer.Option(help="Hidden layers, with --width a single number.")]
Activation = Annotated[
    str | None, typer.Option(help="tanh, relu, leaky_relu, abs, sigmoid, softplus, gelu, silu, erf.  [default: tanh]")
]
Parametrization = Annotated[str | None, typer.Option(help="ntk, standard or mup.  [default: ntk]")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Where to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def load(name: str, target: str | None, n_train: int | None, seed: int) -> Any:
    """The data set a command is about."""
    from zeroloss.data import load_data

    return load_data(name, target=target, n_train=n_train, seed=seed)


def network(
    data: Any,
    model: str | None,
    width: str | None,
    depth: int | None,
    activation: str | None,
    parametrization: str | None,
    seed: int,
) -> Any:
    """The network a command is about: loaded, or an MLP at its start that fits the data."""
    shape = {"--width": width, "--depth": depth, "--activation": activation, "--parametrization": parametrization}
    if model is not None:
        given = [name for name, value in shape.items() if value is not None]
        if given:
            raise InputError(
                f"--model and {given[0]} exclude each other: a model brings its own shape; leave one of them out."
            )
        return load_model(model)
    from zeroloss.examine.plan import default_widths
    from zeroloss.networks import MLP

    widths: Any
    if width is None:
        widths = (
            default_widths(data)
            if depth is None
            else (default_widths(data)[0],) * (depth - 1) + default_widths(data)[1:]
        )
        depth = None
    else:
        widths = _widths(width)
        depth = (2 if depth is None else depth) if isinstance(widths, int) else depth
    return MLP(data.in_size, data.out_size, widths, depth, activation or "tanh", parametrization or "ntk", key=seed)


def _widths(text: str) -> int | tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--width {text!r} is not a number or a list of numbers such as 256,1600.") from None
    if min(numbers) < 1:
        raise InputError(f"--width {text!r}: each layer needs at least 1 unit.")
    return numbers[0] if len(numbers) == 1 else numbers


def load_model(model: str) -> Any:
    """A saved network, or what `package.module:factory` returns."""
    from zeroloss.networks import load_network

    if model.endswith(".npz"):
        return load_network(model)
    if model.endswith(".onnx"):
        raise InputError(
            f"{model}: ONNX models cannot be read yet; save the network as .npz, or name a package.module:factory."
        )
    module, colon, name = model.partition(":")
    if not colon:
        raise InputError(f"--model {model!r} is neither a .npz file nor a package.module:factory.")
    import sys

    sys.path.insert(0, "")
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise InputError(f"--model {model!r}: {error}; name a module that Python can import from here.") from error
    except AttributeError as error:
        raise InputError(f"--model {model!r}: the module {module} has no {name}.") from error
    finally:
        sys.path.remove("")
    made = factory()
    if not callable(made):
        raise InputError(f"--model {model!r}: the factory returned a {type(made).__name__}; it must return a network.")
    return made
