"""The commands as one program: what each is called, and what the program ends with."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module

import click

from openmogr import __version__
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
    for stream in (sys.stdout, sys.stderr):
        # Names of files may be no text, and a terminal may not have every character.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        # The result of a command is None; click gives the status of --help and the like instead.
        sys.exit(cli(prog_name="openmogr", standalone_mode=False))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except BrokenPipeError:
        # Whoever read the output has had enough; nothing more can be said, not even while Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.UNEXPECTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        raise KeyboardInterrupt from None
