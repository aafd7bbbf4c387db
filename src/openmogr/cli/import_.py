"""``openmogr import``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli._paths import NamedPath, place
from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.image import ImageSettings
    from openmogr.settings import Settings
    from openmogr.storage import Storage
    from openmogr.transfer import Report, SourceStore

__all__ = ["import_"]

_SECONDS = 2.0


@click.command("import")
@click.argument("source", callback=place)
@click.argument("bucket")
@click.option("--data", type=NamedPath(), metavar="FOLDER", help="Data folder.  [default: data]")
@click.option("--config", type=NamedPath(), metavar="FILE", help="TOML file with settings.")
@click.option("--endpoint", default="", metavar="URL", help="Address of the store, if not its provider's.")
@click.option("--region", default="", metavar="REGION", help="Region of the source's bucket.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), default=8, show_default=True, help="Objects at a time."
)
@click.option(
    "--journal",
    type=NamedPath(dir_okay=False),
    metavar="FILE",
    help="What was done, so that a second run goes on.  [default: import-BUCKET.jsonl in the data folder]",
)
@click.option("--report", type=NamedPath(), metavar="FILE", help="Write a report as JSON.")
@click.option(
    "--attributes",
    is_flag=True,
    help="Take ACLs and tags of objects too, from s3:// and cos://; two more requests for each.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken in.")
def import_(source: str, bucket: str, data: Path | None, config: Path | None, **options: object) -> None:
    """Take the objects of SOURCE into BUCKET, which is made if missing; no server may run on the data folder.

    SOURCE is a folder, s3://bucket/prefix, cos://bucket-appid/prefix, or another URL that obstore knows. Keys, dates,
    content types and metadata are kept. What is there already, or was taken in by an earlier run, is passed over. Every
    object is checked against the MD5 that the source tells, or its size. The exit status is 3 if some failed.
    """
    from openmogr.transfer import SourceError, open_source

    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    if bucket in settings.gateway.buckets:
        click.echo(
            f"{bucket} is served from {settings.gateway.buckets[bucket].url}, which is only read", err=True
        )
        sys.exit(ExitCode.USAGE)
    try:
        opened = open_source(
            source,
            endpoint=str(options["endpoint"]),
            region=str(options["region"]),
            details=bool(options["attributes"]),
        )
    except SourceError as error:
        click.echo(str(error), err=True)
        sys.exit(ExitCode.USAGE)
    try:
        report = asyncio.run(_run(settings, opened, bucket, options))
    except SourceError as error:
        click.echo(str(error), err=True)
        sys.exit(ExitCode.FILES)
    _tell(report, dry=bool(options["dry_run"]))
    if isinstance(file := options["report"], Path):
        file.write_text(json.dumps(vars(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(ExitCode.FILES if report.failed else ExitCode.OK)


async def _run(settings: Settings, source: SourceStore, bucket: str, options: dict[str, object]) -> Report:
    from openmogr.database import Database, DatabaseUnusable
    from openmogr.errors import CosError
    from openmogr.storage import Backend, StorageUnusable, open_storage
    from openmogr.storage.errors import BucketAlreadyOwnedByYou
    from openmogr.transfer import Importer, Journal
    from openmogr.transfer.unfinished import unfinished_uploads

    journal = options["journal"]
    if not isinstance(journal, Path):
        journal = settings.storage.data / f"import-{bucket}.jsonl"
    try:
        async with AsyncExitStack() as stack:
            database = Database(settings.database, settings.storage.data)
            if settings.storage.backend is Backend.STORE:
                await stack.enter_async_context(database)
            opened = open_storage(settings.storage, database=database, uploads=unfinished_uploads)
            storage = await stack.enter_async_context(opened)
            try:
                if not options["dry_run"]:
                    await storage.create_bucket(bucket, region=settings.server.region)
            except BucketAlreadyOwnedByYou:
                pass
            with Journal(journal) as done:
                jobs = options["jobs"]
                assert isinstance(jobs, int)
                importer = Importer(storage, bucket, done, jobs=jobs, progress=_Line())
                report = await importer.run(source, dry=bool(options["dry_run"]))
            if not options["dry_run"]:
                await _take_styles(source, storage, bucket, settings.image, report)
            return report
    except (CosError, StorageUnusable, DatabaseUnusable, OSError) as error:
        click.echo(getattr(error, "message", str(error)), err=True)
        sys.exit(ExitCode.FILES)


async def _take_styles(
    source: SourceStore, storage: Storage, bucket: str, settings: ImageSettings, report: Report
) -> None:
    """Styles that the source tells; those of names that are there already stay as they are."""
    from openmogr.api.styles import STYLES, style_document, style_names
    from openmogr.errors import CosError

    try:
        found = await source.styles()
    except (OSError, ValueError) as error:
        report.failed["?style"] = str(error)
        return
    document = await storage.get_bucket_document(bucket, STYLES)
    there = style_names(document)
    for name, body in found.items():
        if name in there:
            continue
        try:
            document = style_document(document, name, body, settings)
            report.styles += 1
        except CosError as error:
            report.failed[f"?style {name}"] = error.message
    if report.styles:
        await storage.put_bucket_document(bucket, STYLES, document)


class _Line:
    """A line every other second, over the last one where there is a terminal."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SECONDS

    def __call__(self, key: str, report: Report) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SECONDS
        end = "\r" if sys.stderr.isatty() else "\n"
        click.echo(f"{_words(report)} …{end}", nl=False, err=True)


def _words(report: Report) -> str:
    words = f"{report.taken} objects taken in, {report.taken_bytes / 1e6:.1f} MB; {report.present} were there"
    return f"{words}; {len(report.failed)} failed" if report.failed else words


def _tell(report: Report, *, dry: bool) -> None:
    for key, reason in report.failed.items():
        click.echo(f"{key}: {reason}", err=True)
    if dry:
        click.echo(f"{report.taken} objects would be taken in, {report.taken_bytes / 1e6:.1f} MB")
        return
    click.echo(_words(report))
    if report.styles:
        click.echo(f"{report.styles} styles")
    if report.taken:
        click.echo(f"checked by MD5: {report.verified}; by size alone: {report.taken - report.verified}")
