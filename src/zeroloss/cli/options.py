"""Options that several commands share, and the loading of data and models that they name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from zeroloss.cli.numbers import LARGEST_SEED, whole
from zeroloss.plumbing import InputError

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, breast-cancer, wine, diabetes, mnist, fashion-mnist, mnist1d, or a .csv, .parquet or .npz file with --target.",
    ),
]
Target = Annotated[str | None, typer.Option(help="The target column of a file.")]
Task = Annotated[
    str | None, typer.Option(help="classification, regression or multi-label.  [default: guessed from the target]")
]
NTrain = Annotated[int | None, typer.Option("--n-train", help="Use this many training examples.", callback=whole())]
Model = Annotated[
    str | None,
    typer.Option(
        help="A network: a saved .npz, or package.module:factory, a function that returns one (a torch module too)."
    ),
]
Width = Annotated[str | None, typer.Option(help="Units of each hidden layer: 512, or one number per layer: 256,1600.")]
Depth = Annotated[
    int | None, typer.Option(help="Hidden layers, with --width a single number.", callback=whole(1, 10_000))
]
Activation = Annotated[
    str | None, typer.Option(help="tanh, relu, leaky_relu, abs, sigmoid, softplus, gelu, silu, erf.  [default: tanh]")
]
Parametrization = Annotated[str | None, typer.Option(help="ntk, standard or mup.  [default: ntk]")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", callback=whole(0, LARGEST_SEED))]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Where to write.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Trust the file: read a model or certificate beyond the limits for files of strangers (many steps, huge arrays).",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def load(name: str, target: str | None, task: str | None, n_train: int | None, seed: int) -> Any:
    """The data set of a command."""
    from zeroloss.data import load_data

    return load_data(name, target=target, task=task, n_train=n_train, seed=seed)


def network(
    data: Any,
    model: str | None,
    width: str | None,
    depth: int | None,
    activation: str | None,
    parametrization: str | None,
    seed: int,
    trust: bool = False,
) -> Any:
    """The network of a command: loaded, or an MLP at its start that fits the data."""
    if model is not None:
        shape_excluded(width, depth, activation, parametrization)
        return load_model(model, data, trust)
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


def shape_excluded(width: Any, depth: Any, activation: Any, parametrization: Any) -> None:
    """Refuse a shape that is given beside a model, which has its own.

    Raises:
        InputError: one is given.
    """
    shape = {"--width": width, "--depth": depth, "--activation": activation, "--parametrization": parametrization}
    given = [name for name, value in shape.items() if value is not None]
    if given:
        raise InputError(
            f"--model and {given[0]} exclude each other: a model has its own shape; leave one of them out."
        )


def _widths(text: str) -> int | tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.removeprefix("-").isdigit() and len(part) < 20 for part in parts):
        raise InputError(f"--width {text[:40]!r} is not a number or a list of numbers such as 256,1600.")
    numbers = tuple(map(int, parts))
    if min(numbers) < 1:
        raise InputError(f"--width {text!r}: each layer needs at least 1 unit.")
    return numbers[0] if len(numbers) == 1 else numbers


def load_model(model: str, data: Any = None, trust: bool = False) -> Any:
    """A saved network, or what `package.module:factory` returns; a torch module is converted, for examples like the data's."""
    from zeroloss.networks import from_torch, is_torch_module, load_network

    if model.endswith(".npz"):
        return load_network(model, trust=trust)
    if model.endswith(".onnx"):
        raise InputError(
            f"{model} is an ONNX file, a black box: only `zeroloss audit` takes it; name an .npz or a package.module:factory here."
        )
    made = from_factory(model)
    if is_torch_module(made):
        return from_torch(made, data)
    if hasattr(made, "predict") and not callable(made):
        raise InputError(f"--model {model!r}: a {type(made).__name__} is a black box: only `zeroloss audit` takes it.")
    if not callable(made):
        raise InputError(f"--model {model!r}: the factory returned a {type(made).__name__}; it must return a network.")
    return made


def load_any_model(model: str, data: Any, trust: bool = False) -> Any:
    """A model for the audit: a network, or a black box (an `.onnx` file, a factory's scikit-learn estimator)."""
    from zeroloss.networks import as_network, black_box, load_network

    if model.endswith(".npz"):
        return load_network(model, trust=trust)
    if model.endswith(".onnx"):
        return black_box(model, data)
    made = as_network(from_factory(model), data)
    if not callable(made):
        raise InputError(f"--model {model!r}: the factory returned a {type(made).__name__}; it must return a model.")
    return made


def from_factory(model: str) -> Any:
    """The return value of the factory `package.module:factory`."""
    module, colon, name = model.partition(":")
    if not colon:
        raise InputError(f"--model {model!r} is neither a .npz or .onnx file nor a package.module:factory.")
    import sys

    sys.path.insert(0, "")
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise InputError(f"--model {model!r}: {error}; name a module that Python can import from here.") from error
    except AttributeError as error:
        raise InputError(f"--model {model!r}: the module {module} has no {name}.") from error
    except Exception as error:  # anything that the user's own file may raise, and names that are invalid
        raise InputError(f"--model {model!r}: the module {module!r} fails: {_described(error)}; mend it.") from error
    finally:
        sys.path.remove("")
    if not callable(factory) or _is_model(factory):
        return factory
    try:
        return factory()
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"--model {model!r}: {name}() fails: {_described(error)}; it must return a model, without arguments."
        ) from error


def _described(error: Exception) -> str:
    """Type, message and place of an error in the user's own code."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({Path(last[0].filename).name}, line {last[0].lineno})" if last else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}{place}"


def _is_model(thing: Any) -> bool:
    """Whether the module holds a network or estimator itself, rather than a function that makes one."""
    from zeroloss.networks import is_torch_module

    return is_torch_module(thing) or (hasattr(thing, "predict") and not isinstance(thing, type))
