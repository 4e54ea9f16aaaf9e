"""What a report says of the network it is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks import MLP, BlackBox, FeedForward, TorchNetwork


def describe(network: Any) -> dict[str, Any]:
    """What the page says of the network."""
    if not isinstance(network, MLP):
        return describe_given(network)
    in_size, out_size, widths, name, parametrization, weight_std, bias_std = network.config
    parameters = sum(int(np.size(w)) for w in (*network.weights, *network.biases))
    shape = "-".join(str(s) for s in (in_size, *widths, out_size))
    return {
        "description": f"{shape} {name}, {parametrization} parametrization, {parameters:,} parameters",
        "widths": list(widths),
        "activation": name,
        "parametrization": parametrization,
        "weight_std": weight_std,
        "bias_std": bias_std,
        "parameters": parameters,
    }


def describe_given(network: Any) -> dict[str, Any]:
    """What the page says of the model."""
    if isinstance(network, BlackBox):
        return {"description": f"{network.name}, asked for its {network.answer}", "kind": "black box"}
    from zeroloss.audit.curvature import parameters as count

    parameters = count(network)
    if isinstance(network, FeedForward):
        names = dict.fromkeys(name for layer in network.activations for name, _ in layer)
        shape = "-".join(map(str, (network.in_size, *network.widths, network.out_size)))
        text = f"{shape} {', '.join(names) or 'linear'}, as given, {parameters:,} parameters"
        return {
            "description": text,
            "widths": list(network.widths),
            "activation": ", ".join(names),
            "parameters": parameters,
        }
    if isinstance(network, TorchNetwork):
        parameters = sum(int(p.size) for p in network.parameters.values())
        shape = " x ".join(map(str, network.program.input_shape))
        text = f"converted from torch, input {shape}, {parameters:,} parameters in {len(network.parameters)} arrays"
        return {"description": text, "parameters": parameters, "operators": len(network.program.steps)}
    return {"description": f"{type(network).__name__}, {parameters:,} parameters", "parameters": parameters}
