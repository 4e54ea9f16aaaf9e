"""The command line."""

from zeroloss.cli.app import app
from zeroloss.cli.entry import main

__all__ = ["app", "main"]
