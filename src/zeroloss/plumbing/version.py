"""The version of the package, in the one file that everything which records it reads."""

__version__ = "0.1.0"
