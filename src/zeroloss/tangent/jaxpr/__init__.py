"""The jaxpr interpreter behind the kernel: how each parameter meets the data, and what that costs to contract."""
