"""The version of the package, for what writes it into files."""

__version__ = "0.1.0.dev0"
