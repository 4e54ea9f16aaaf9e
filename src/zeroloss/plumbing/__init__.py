"""Utilities that every other package uses: precision, files, progress, the one kind of user error."""

from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.files import write_whole
from zeroloss.plumbing.plain import parse_json
from zeroloss.plumbing.precision import double
from zeroloss.plumbing.progress import Progress, Silent

__all__ = ["InputError", "Progress", "Silent", "double", "parse_json", "write_whole"]
