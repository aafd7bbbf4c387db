"""Modules that are imported when something of them is first needed, for commands that end before others have begun."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["Late", "names_of"]


def names_of(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package whose names lie in its modules, each of which is imported by the first name.

    Args:
        package: its whole name.
        places: modules, without that of the package, and their names with spaces between.
    """
    modules = {name: module for module, names in places.items() for name in names.split()}

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package]
            )
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        # Found there by the next who asks.
        setattr(sys.modules[package], name, value)
        return value

    return get


class Late:
    """A module that is imported when an attribute of it is first read, by whichever thread.

    Args:
        name: the whole one.
    """

    def __init__(self, name: str) -> None:
        self.__name = name

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        value: object = getattr(import_module(self.__name), name)
        # An attribute of one's own costs no call.
        self.__dict__[name] = value
        return value
