"""Packages whose public names load their files when they are first used, so that importing a package stays light (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any


def load_lazily(package: str, homes: Mapping[str, Sequence[str]], *, call: str = "") -> None:
    """Give the module `package` the names of `homes`, each found in the module it is listed under.

    `call`: the one of these names that the package itself is when it is called: importing a package binds its name in its
    parent, so that `zeroloss.prove` is the package and must be the function too.

    Where a name is also that of a file in the package (`predict` in `networks/predict.py`), it means the object, not the
    file: Python binds a file's name in its package when the file is imported, and that binding is left out.
    """
    home = {name: module for module, names in homes.items() for name in names}

    class LazyPackage(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name not in home:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return getattr(importlib.import_module(home[name]), name)

        def __setattr__(self, name: str, value: Any) -> None:
            if not (name in home and isinstance(value, ModuleType)):
                super().__setattr__(name, value)

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            if not call:
                raise TypeError(f"the module {package!r} is not a function")
            return getattr(self, call)(*args, **kwargs)

        def __dir__(self) -> list[str]:
            return sorted({*self.__dict__, *home})

    sys.modules[package].__class__ = LazyPackage
