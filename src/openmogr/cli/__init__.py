"""The command line: ``openmogr`` with ``serve``, ``compress``, ``sign``, ``fsck``, ``backup`` and the others."""

from __future__ import annotations

import os
import sys

import click

from openmogr import __version__
from openmogr.cli.backup import backup, restore
from openmogr.cli.bulk import bulk
from openmogr.cli.cache import cache
from openmogr.cli.compress import compress
from openmogr.cli.doctor import doctor
from openmogr.cli.exit_codes import ExitCode
from openmogr.cli.fsck import fsck
from openmogr.cli.import_ import import_
from openmogr.cli.serve import serve
from openmogr.cli.sign import sign
from openmogr.cli.token import token

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


cli.add_command(serve)
cli.add_command(compress)
cli.add_command(bulk)
cli.add_command(sign)
cli.add_command(token)
cli.add_command(cache)
cli.add_command(fsck)
cli.add_command(backup)
cli.add_command(restore)
cli.add_command(import_)
cli.add_command(doctor)


def main() -> None:
    """Entry point of the ``openmogr`` program."""
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
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(ExitCode.INTERRUPTED)
