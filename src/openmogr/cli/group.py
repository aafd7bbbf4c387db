"""The commands as one program: what each is called, and what the program ends with."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from contextlib import suppress
from importlib import import_module

import click

from openmogr import __version__
from openmogr.cli._names import printable
from openmogr.cli._streams import give_up, ready_streams
from openmogr.cli.exit_codes import ExitCode

__all__ = ["cli", "run"]


# Where each command lies; the module is imported by whoever wants the command, and by the help of all.
_COMMANDS = {
    "serve": "serve:serve",
    "compress": "compress.command:compress",
    "bulk": "bulk:bulk",
    "sign": "sign:sign",
    "token": "token:token",
    "cache": "cache:cache",
    "fsck": "fsck:fsck",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "import": "import_:import_",
    "doctor": "doctor:doctor",
}

# What the system says where a stream or disk takes no more.
_CANNOT_WRITE = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})


class _Late(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(f"openmogr.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Late, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="openmogr")
def cli() -> None:
    """Image compression that speaks the Tencent COS / Cloud Infinite API, on your own machine.

    \b
    openmogr serve                          a server on http://127.0.0.1:9000
    openmogr compress photos --format heif  images in a folder, without a server
    openmogr bulk s3://photos s3://small --op …  a whole bucket, on one machine or a Ray cluster
    openmogr sign GET /bucket/key           the Authorization header of a request, for curl
    openmogr token --read-only              a temporary key pair
    openmogr cache stats                    the results that a server remembers
    openmogr fsck                           every object against its checksums
    openmogr backup /backup/openmogr        a copy of all objects, while the server runs
    openmogr restore /backup/openmogr       a data folder from such a copy
    openmogr import s3://photos photos-1250000000   objects of another store
    openmogr doctor                         what is installed here, and what is missing
    """


def run() -> None:
    """Run the command that the arguments of the process name, and end the process with its status.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    # Else pydantic asks every distribution that is installed, before it makes its first model.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    ready_streams()
    if not sys.warnoptions:
        # What libraries say of pictures, with lines of their own source, is for those who develop them.
        warnings.simplefilter("ignore")
    try:
        try:
            sys.exit(_status())
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has had enough; nothing more can be said, not even while Python ends.
        give_up()
        sys.exit(ExitCode.UNEXPECTED)
    except OSError as error:
        if error.filename is None and error.errno not in _CANNOT_WRITE:
            raise
        place = f": {error.filename}" if error.filename else ", while writing"
        with suppress(OSError):
            click.echo(f"Error: {printable(f'{error.strerror}{place}')}", err=True)
        give_up()
        sys.exit(ExitCode.FILES)


def _status() -> int | None:
    """Run the command, which mostly ends the process itself; 0 of ``--help`` and the like, None of others."""
    try:
        status: int | None = cli(prog_name="openmogr", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return status
