"""The forms in which torch models come: as the one module that is converted, or a sentence on what is needed."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from zeroloss.networks.pytorch.export import is_torch_module
from zeroloss.plumbing import InputError


class ConversionWarning(UserWarning):
    """What was decided when a torch module was converted."""


def as_module(torch: Any, given: Any) -> Any:
    """The `nn.Module` that `given` is or holds: a module, compiled or in `DataParallel`; an `ExportedProgram`; `module.forward`.

    Raises:
        InputError: something that holds no module, one without weights yet, or one whose computation cannot be read.
    """
    if isinstance(given, torch.export.ExportedProgram):
        return given.module()
    if inspect.ismethod(given) and is_torch_module(given.__self__):
        if given.__name__ in ("forward", "__call__"):
            return as_module(torch, given.__self__)
        raise InputError(
            f"{given.__name__} is a method of a {type(given.__self__).__name__}; give a module whose forward calls it: a class with "
            f"self.model = model and def forward(self, x): return self.model.{given.__name__}(x)."
        )
    if isinstance(given, Mapping) and given and all(isinstance(v, torch.Tensor) for v in given.values()):
        names = ", ".join(list(map(str, given))[:3])
        raise InputError(
            f"this is a state dict ({names}, ...): weights without the computation. Build the module it was saved from, "
            "call module.load_state_dict(state), and give the module."
        )
    if not is_torch_module(given):
        if callable(given) and not isinstance(given, type) and hasattr(given, "__name__"):
            raise InputError(
                f"{given.__name__} is a function, and holds no parameters; give the torch nn.Module itself."
            )
        mend = "create it: module = Model(...)" if isinstance(given, type) else "give the module itself"
        raise InputError(f"a {type(given).__name__} is not a torch nn.Module; {mend}.")
    for holder in ("_orig_mod", "module"):  # torch.compile; DataParallel and its like
        kinds = ("OptimizedModule", "DataParallel", "DistributedDataParallel")
        if type(given).__name__ in kinds and is_torch_module(getattr(given, holder, None)):
            return as_module(torch, getattr(given, holder))
    _check_readable(torch, given)
    return given


def _check_readable(torch: Any, module: Any) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            "a torch.jit module (scripted or traced) cannot be exported; give the Python module that it was made from, with its weights: "
            "module.load_state_dict(scripted.state_dict())."
        )
    for name, part in module.named_modules():
        if ".quantized" in type(part).__module__:
            raise InputError(
                f"{name or 'the module'} is a quantised layer ({type(part).__name__}), whose weights are whole numbers; give the module "
                "as it was before it was quantised."
            )
    for name, p in module.named_parameters():
        if torch.nn.parameter.is_lazy(p):
            raise InputError(
                f"{name} has no values yet (a lazy layer); call the module once on a batch, module(batch), before it is converted."
            )
        if p.device.type == "meta":
            raise InputError(f"{name} is on the device meta, without values; load the weights first.")
        if p.is_complex():
            raise InputError(
                f"the parameter {name} is complex ({p.dtype}); kernel, descent and proofs are of real parameters: keep its real and "
                "imaginary part as two parameters, and join them in forward by torch.complex(a, b)."
            )


def in_one_precision(torch: Any, module: Any) -> Any:
    """The module, or where its parameters are in half precision or of several types, a copy in the widest of them (at least
    float32), which holds each at its exact value; a `ConversionWarning` says so."""
    kinds = {p.dtype for p in module.parameters() if p.dtype.is_floating_point}
    kinds |= {b.dtype for b in module.buffers() if b.dtype in (torch.float16, torch.bfloat16)}
    wide = torch.float64 if torch.float64 in kinds else torch.float32
    if kinds <= {wide}:
        return module
    names = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    warnings.warn(
        f"the module's parameters are {names}; it is converted with each at its exact value in {str(wide).removeprefix('torch.')}, so "
        "the answers are those of that precision.",
        ConversionWarning,
        stacklevel=3,
    )
    return copy.deepcopy(module).to(wide)


def as_batch(torch: Any, example: Any) -> Any:
    """An example as a dense real tensor on its own: of an array, a list, a tensor with a gradient or a sparse one.

    Raises:
        InputError: complex numbers, texts, rows of several lengths.
    """
    if not isinstance(example, torch.Tensor):
        import numpy as np

        try:
            array = np.array(example)
            example = torch.from_numpy(array)
        except (TypeError, ValueError) as error:
            raise InputError(f"the example is no array of numbers: {str(error).splitlines()[0]}") from error
    example = example.detach()
    if example.is_complex():
        raise InputError("the example is complex; give real numbers (torch.view_as_real makes two of each).")
    return example.to_dense() if example.layout != torch.strided else example
