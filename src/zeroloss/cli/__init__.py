"""The command line."""

from zeroloss.cli.app import app, main

__all__ = ["app", "main"]
