"""A network of JAX (Equinox, Flax, Haiku, Keras, a wrapped function) as a program: what it computes of one example, step by step."""

from zeroloss.networks.traced.network import TracedNetwork
from zeroloss.networks.traced.steps import NotWritableError
from zeroloss.networks.traced.trace import Trace, trace

__all__ = ["NotWritableError", "Trace", "TracedNetwork", "trace"]
