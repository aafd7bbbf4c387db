"""Starting the process that workers are forked from. It imports little, so that it can be done before anything else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

__all__ = ["Zygote"]

# glibc keeps what was freed in the middle of an arena; few arenas and trimming give it back, and so do workers that
# end when they have grown. Lower thresholds would cost a fifth of the time of a thumbnail: all its memory would be new.
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    # Large pictures lie in huge pages where the kernel leaves that to programs: to touch each small page for the first
    # time takes a sixth of a large PNG's time (docs/decisions/0009-worker-processes.md).
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
# All that a worker needs of the server's environment.
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONWARNINGS",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "TZ",
)
# Pixels are worked on by as many processes as there are processors; libraries need no threads besides.
_SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


# Pydantic asks every distribution that is installed whether it is a plugin of its own; workers have none. What
# libraries say of pictures, with lines of their own source, is for those who develop them.
_PLAIN = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "PYTHONWARNINGS": "ignore"}


class Zygote:
    """The process, just started. It waits for its :class:`openmogr.workers.settings.Setup`, and ends with ``control``.

    Args:
        module: what it imports while nobody has told it yet what to do: that of the task.

    Attributes:
        process: whose standard streams are nobody's, but for the errors'.
        control: the socket that it is told through.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, module: str) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
            # The same modules, wherever either process stands.
            environment["PYTHONPATH"] = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
                [sys.executable, "-m", "openmogr.workers", str(theirs.fileno()), module],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**_PLAIN, **environment, **_ALLOCATOR, **_SINGLE},
                cwd="/",
                start_new_session=True,
            )

    def end(self) -> None:
        """End the process, which nobody had a use for."""
        self.control.close()
        self.process.kill()
        self.process.wait()
