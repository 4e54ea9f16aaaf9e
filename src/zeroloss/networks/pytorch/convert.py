"""`from_torch` and back: a torch module as a network of this library, and its weights written into the module again."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks.differentiable import bare
from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.pytorch.adapt import adapted, inputs_of
from zeroloss.networks.pytorch.comparison import compare
from zeroloss.networks.pytorch.examples import example_batch, in_order
from zeroloss.networks.pytorch.export import export_program, refuse_training_mode, torch_package
from zeroloss.networks.pytorch.forms import as_module, in_one_precision
from zeroloss.networks.pytorch.inputs import check_inputs, check_whole_numbers
from zeroloss.networks.pytorch.kinks import warn_of_kinks
from zeroloss.networks.pytorch.layers import as_feedforward, chain
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.ties import module_ties
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.batches import batches, is_source


def from_torch(
    module: Any, example: Any = None, *, layers: bool = True, inputs: Any = None, output: str | int | None = None
) -> FeedForward | TorchNetwork:
    """A torch module as a network: exported at a batch of one, read operator by operator into JAX, compared with the module.

    A chain of linear layers and known activations (however the forward is written) becomes a `FeedForward`, for which every
    proof applies; anything else a `TorchNetwork`. Both answer one example, flat `(d,)` or (a `TorchNetwork`) in its own
    shape, and keep the module's precision. Buffers and parameters with `requires_grad=False` (unless all are) are
    constants.

    Args:
        module: an `nn.Module` (compiled, exported, in `DataParallel`) in evaluation mode, on floating tensors or whole
            numbers (tokens), that answers `(n, c)`; answers of more axes are flattened. In half precision, or of several
            types, it is taken at its exact values in the widest, at least float32 (a `ConversionWarning` says so).
        example: a batch as the module takes it, `(n, ...)`, of torch or NumPy; a tuple or dict of such, for a module of
            several inputs (by position or by name); a `Dataset`, whose rows are tried flat and as images; a loader, of which
            one batch is read; by default a row for the first linear layer. Several inputs become one row of numbers, side by
            side (`.layout`), and `zeroloss.predict` takes them either way.
        inputs: another name for an `example` of several inputs.
        output: which tensor of the answer (a dict, tuple, dataclass or output object) is meant, such as "logits"; not
            needed where there is one.
        layers: False keeps a chain of linear layers a `TorchNetwork`.

    Raises:
        InputError: training mode with dropout or batch statistics; control flow that depends on data; an operator without
            a translation (and how to add it); a module in which one example's answer depends on another's, or whose
            gradients are not those of what it computes (a backward of its own, a hook): a random vector-Jacobian product is
            compared with torch's. `.detach()` and `torch.no_grad()` stop the gradient here too.

    Warns:
        KinkWarning: rows of the example lie on a kink, where the derivative is torch's convention.

    Standing: ours.
    """
    torch = torch_package()
    module = in_one_precision(torch, as_module(torch, module))
    if inputs is not None:
        if example is not None:
            raise InputError("example= and inputs= are both given; give one of them.")
        example = inputs
    if is_source(example):
        first = next(iter(batches(example)), None)
        if first is None:
            raise InputError(
                f"the {type(example).__name__} gives no batches; if it is an iterator, it may have been used up."
            )
        example = first[0]
    if example is None and isinstance(getattr(module, "example_input_array", None), torch.Tensor):
        example = module.example_input_array  # as a Lightning module has it
    layout = inputs_of(example)
    batch, order = example_batch(module, example, layout)
    refuse_training_mode(module)  # before its answer is looked at
    module = adapted(torch, module, batch, layout, output)
    one = batch[:1].to(next((p.device for p in module.parameters()), batch.device)).contiguous()
    program, parameters, constants = export_program(module, one)
    network = _built(program, parameters, constants, layout)
    check_whole_numbers(network)
    check_inputs(network, (batch.double() if batch.is_floating_point() else batch).cpu().numpy())
    compare(torch, module, network, batch.to(one.device), lambda m, x: _built(*export_program(m, x), layout))
    if example is not None:
        _look_for_kinks(torch, module, network, batch)
    network = in_order(network, order)
    chain = as_feedforward(network) if layers else None
    return network if chain is None else chain


def _look_for_kinks(torch: Any, module: Any, network: TorchNetwork, batch: Any) -> None:
    values = {("parameter", k): v for k, v in network.parameters.items()}
    values |= {("constant", k): v for k, v in network.constants.items()}
    warn_of_kinks(torch, network.program, {k: torch.from_numpy(np.array(v)) for k, v in values.items()}, batch.cpu())


def to_torch(
    network: FeedForward | TorchNetwork, module: Any, example: Any = None, *, output: str | int | None = None
) -> Any:
    """Write the weights of `network` into `module`, the torch module it was converted from, and return the module.

    The module keeps its own precision unless the network is float64 (after polishing or a proof), or the module in half
    precision: then it is made float64 (float32) first, so that no bit is lost. `module.float()` afterwards rounds to nearest.

    Args:
        network: the converted network, or what descent, polishing or a proof made of it.
        module: written in place.
        example, output: as in `from_torch`; only needed for a `FeedForward` whose module does not take flat examples.

    Raises:
        InputError: a module of other parameters than the network's.
    """
    torch = torch_package()
    given, network = module, bare(network)
    if isinstance(module, torch.export.ExportedProgram):
        raise InputError("weights are written into a module; give exported.module(), and keep what this returns.")
    module = as_module(torch, module)
    found = _by_name(network, module, example, output)
    own, ties = dict(module.named_parameters(remove_duplicate=False)), module_ties(module)
    for name, value in found.items():
        if name not in own or tuple(own[name].shape) != value.shape:
            there = tuple(own[name].shape) if name in own else "none"
            raise InputError(
                f"the module's {name} has shape {there} and the network's {value.shape}; give the module converted."
            )
        first = ties[name]
        if first != name and first in found and not np.array_equal(found[first], value, equal_nan=True):
            raise InputError(
                f"{name} and {first} are one parameter of the module and two of the network; give the module converted."
            )
    if any(value.dtype == np.float64 for value in found.values()):
        module.double()
    elif any(own[name].dtype in (torch.float16, torch.bfloat16) for name in found):
        module.float()
    with torch.no_grad():
        for name, value in found.items():
            own[name].copy_(torch.from_numpy(np.array(value)))
        for name, first in ties.items():
            if own[name] is not own[first]:
                own[name].data = own[first].data  # `double()` gave each memory of its own
    return given


def _by_name(network: Any, module: Any, example: Any, output: Any) -> dict[str, np.ndarray]:
    if isinstance(network, TorchNetwork):
        return {name: np.asarray(value) for name, value in network.parameters.items()}
    if not isinstance(network, FeedForward):
        raise InputError(
            f"a {type(network).__name__} was not converted from torch; its weights have no place in a module."
        )
    found: dict[str, np.ndarray] = {}
    pairs = _layer_names(module, network, example, output)
    for index, (weight, bias) in enumerate(pairs):
        a, c = network.weight_scales[index], network.bias_scales[index]
        kept = (np.asarray(network.weights[index]), network.biases[index])
        found[weight] = kept[0] if a == 1 else (a * kept[0].astype(np.float64)).astype(kept[0].dtype)
        if (kept[1] is None) != (bias is None):
            raise InputError(
                f"layer {index + 1} of the network and of the module do not both have a bias; give the module converted."
            )
        if bias is not None:
            found[bias] = (
                np.asarray(kept[1]) if c == 1 else np.asarray(c * np.asarray(kept[1], np.float64), kept[0].dtype)
            )
    return found


def _layer_names(module: Any, network: FeedForward, example: Any, output: Any) -> list[tuple[str, str | None]]:
    """The names of weight and bias of each layer in the torch module, in the order of the computation."""
    torch = torch_package()
    kind = next(p.dtype for p in module.parameters())
    flat = torch.zeros(1, network.in_size, dtype=kind)
    try:
        batch = flat if example is None else example_batch(module, example)[0][:1]
        program, _, _ = export_program(adapted(torch, module, batch, None, output), batch)
    except InputError as error:
        raise InputError(f"{error} Give to_torch the example= that the module was converted with.") from error
    found = chain(program)
    if found is None or len(found[0]) != network.depth + 1:
        raise InputError(
            "the module is no chain of as many linear layers as the network has; give the module converted."
        )
    return [(w, b if kind else None) for (_, w), (kind, b) in found[0]]


def _built(
    program: Any, parameters: dict[str, np.ndarray], constants: dict[str, np.ndarray], layout: Any = None
) -> TorchNetwork:
    import jax.numpy as jnp

    kinds = {a.dtype for a in parameters.values()}
    if len(kinds) != 1:
        raise InputError(
            f"the parameters are of several types ({', '.join(map(str, kinds))}); call module.float() first."
        )
    kind = kinds.pop()
    with double():
        made = {name: jnp.asarray(a) for name, a in parameters.items()}
        kept = {
            k: jnp.asarray(a, kind) if a.dtype.kind == "f" else jnp.asarray(_small(a)) for k, a in constants.items()
        }
    return TorchNetwork(made, program, kept, layout)


def _small(array: np.ndarray) -> np.ndarray:
    """Whole numbers in 32 bits, which JAX keeps inside and outside of double precision."""
    fits = array.dtype == np.int64 and (array.size == 0 or np.abs(array).max() < 2**31)
    return array.astype(np.int32) if fits else array
