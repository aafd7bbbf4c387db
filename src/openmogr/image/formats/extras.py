"""The codecs that live in packages of their own, imported only when an image needs one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from openmogr.image.errors import missing_codec

__all__ = ["Extra"]


@dataclass(frozen=True, slots=True)
class Extra:
    """A package that an extra of ours installs.

    Attributes:
        name: of the extra.
        package: name of the distribution.
        what: the format, in words.
        module_name: what is imported.
        register: makes the module known to Pillow; called again, it changes nothing.
        licence: of the distribution.
        remark: what follows from licence and patents.
    """

    name: str
    package: str
    what: str
    module_name: str
    register: Callable[[ModuleType], None]
    licence: str
    remark: str

    @property
    def is_installed(self) -> bool:
        """Whether the package is there; it is not loaded."""
        return importlib.util.find_spec(self.module_name) is not None

    def module(self) -> ModuleType:
        """The package's module, registered with Pillow.

        Raises:
            NotSupported: it is not installed.
        """
        try:
            module = importlib.import_module(self.module_name)
        except ImportError:
            raise missing_codec(
                f"{self.what} is not available here; the extra openmogr[{self.name}] adds it"
            ) from None
        self.register(module)
        return module
