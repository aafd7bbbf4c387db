"""``openmogr bulk``."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from openmogr.cli._names import as_json, is_file, printable
from openmogr.cli._paths import NamedPath, place
from openmogr.cli._settings import settings_or_exit
from openmogr.cli._sizes import human_size, size_in_bytes
from openmogr.cli._telling import alone, telling
from openmogr.cli.compress.options import check_images
from openmogr.cli.exit_codes import MEANINGS, ExitCode, combined
from openmogr.machine import available_processors

if TYPE_CHECKING:
    from openmogr.bulk.driver import Driver
    from openmogr.bulk.executors import Executor
    from openmogr.bulk.feed import Feed
    from openmogr.bulk.model import Recipe
    from openmogr.bulk.sources import SourcePlace
    from openmogr.bulk.tally import Failure, Tally
    from openmogr.image import ImageSettings, Pipeline

__all__ = ["bulk"]

_EPILOG = "\b\nExit status:\n" + "\n".join(
    f"  {code.value:3}  {MEANINGS[code]}"
    for code in ExitCode
    if code not in (ExitCode.INCOMPLETE, ExitCode.DAMAGED)
)
_SECONDS = 2.0
# Failures that are shown; the report has all of them.
_SHOWN = 20
_CODES = {
    "InvalidImageFormat": ExitCode.NOT_AN_IMAGE,
    "InvalidImageSource": ExitCode.NOT_AN_IMAGE,
    "ImageTooLarge": ExitCode.LIMIT,
    "ImageResolutionExceed": ExitCode.LIMIT,
    "MemoryExceeded": ExitCode.LIMIT,
    "DeadlineExceeded": ExitCode.LIMIT,
    "NotSupported": ExitCode.CODEC_MISSING,
    "InvalidArgument": ExitCode.OPERATION,
    "TargetExists": ExitCode.EXISTS,
    "KeyClash": ExitCode.EXISTS,
    "SourceUnreadable": ExitCode.FILES,
    "SourceChanged": ExitCode.FILES,
    "TargetUnwritable": ExitCode.FILES,
    "InvalidKey": ExitCode.FILES,
}


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    del context, parameter
    if value is None:
        return None
    try:
        size = size_in_bytes(value)
        if not size:
            raise ValueError("at least 1 byte")
        return size
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    del context, parameter
    port = (value or "").rpartition(":")[2]
    if value is not None and not (port.isascii() and port.isdigit() and int(port[:6]) < 1 << 16):
        raise click.BadParameter(f"{value} is no address as 127.0.0.1:9100, or port as :9100")
    return value


@click.command(epilog=_EPILOG)
@click.argument("source", callback=place)
@click.argument("target", callback=place)
@click.option(
    "--op",
    "operation",
    required=True,
    metavar="TEXT",
    help="What is made of each picture, in the language of image URLs: 'imageMogr2/thumbnail/800x/format/webp'.",
)
@click.option(
    "--keys",
    default="{path}{suffix}",
    show_default=True,
    metavar="PATTERN",
    help="Keys of results, of {key}, {path}, {folder}, {name} and {suffix}.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    callback=check_images,
    metavar="NAME=FILE",
    help="A picture that --op lays on others. Can be given several times.",
)
@click.option("--all-keys", is_flag=True, help="Take objects whose keys do not end like pictures, too.")
@click.option("--root", callback=place, metavar="PLACE", help="Where the keys of a manifest lie.")
@click.option("--endpoint", default="", metavar="URL", help="Address of the source's store.")
@click.option("--region", default="", metavar="REGION", help="Region of the source's bucket.")
@click.option(
    "--target-endpoint", metavar="URL", help="Address of the target's store.  [default: as the source]"
)
@click.option(
    "--target-region", metavar="REGION", help="Region of the target's bucket.  [default: as the source]"
)
@click.option("--overwrite", is_flag=True, help="Replace objects of the target that no run has made, too.")
@click.option("--retry-failed", is_flag=True, help="Try pictures again that failed by their own fault.")
@click.option(
    "--no-survey",
    is_flag=True,
    help="Begin at once: no count, so no time that is left, and keys that clash are found on the way.",
)
@click.option(
    "--ledger",
    callback=place,
    metavar="FILE|URL",
    help="What was done, so that the same command goes on: a file, or postgresql://user@host/name."
    "  [default: .openmogr-bulk/ledger.sqlite3 in a target folder, else openmogr-bulk.sqlite3 here]",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Work on a Ray cluster: auto, host:port, or local for one of this machine.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 1024),
    default=available_processors,
    show_default="one per processor",
    help="Pictures at a time on this machine; a cluster has its own processors.",
)
@click.option("--memory", callback=_size, metavar="SIZE", help="What each process may need, as in 1g.")
@click.option(
    "--in-flight",
    callback=_size,
    default="256m",
    show_default=True,
    metavar="SIZE",
    help="Sources under way.",
)
@click.option(
    "--batch-seconds",
    type=click.FloatRange(0.05, 600),
    default=10.0,
    show_default=True,
    help="Processor time of a batch.",
)
@click.option(
    "--report",
    type=NamedPath(dir_okay=False),
    metavar="FILE",
    help="A line of JSON for each object that failed, and one for all.",
)
@click.option(
    "--metrics",
    callback=_address,
    metavar="HOST:PORT",
    help="Answer Prometheus there while the run lasts.",
)
@click.option(
    "--price-per-cpu-hour", "price", type=click.FloatRange(0), metavar="MONEY", help="Tell the cost."
)
@click.option("--config", type=NamedPath(), metavar="FILE", help="TOML file with settings.")
@click.option("--json", "as_json", is_flag=True, help="The summary as a line of JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
def bulk(**options: Any) -> None:
    """Make a result of every picture of SOURCE in TARGET, on this machine or on a Ray cluster.

    SOURCE and TARGET are folders or s3://bucket/folder, cos://bucket-appid/folder, gs://, az://; SOURCE may be a
    manifest, a file with a key, a URL or a line of JSON for each object. The same command, run again, goes on where
    the last run ended, however it ended, and passes over what has not changed.
    """
    from openmogr.bulk.errors import BulkError

    settings = settings_or_exit(options["config"]).image
    try:
        command = _Command(options, settings)
    except BulkError as error:
        raise click.UsageError(str(error)) from error
    try:
        with alone(), _report(options["report"]) as report:
            asyncio.run(command.run(report))
    except BulkError as error:
        click.echo(str(error), err=True)
        sys.exit(ExitCode.FILES)
    sys.exit(command.code)


@contextmanager
def _report(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        stream = path.open("w", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield stream
    finally:
        with telling():
            stream.close()


class _Command:
    """What was asked for, checked as far as that goes without touching a store."""

    def __init__(self, options: dict[str, Any], settings: ImageSettings) -> None:
        from openmogr.bulk.keys import KeyRule
        from openmogr.bulk.tally import Tally

        self._options = options
        pipeline = _pipeline(options, settings)
        self._rule = KeyRule.of(options["keys"], pipeline)
        self._places(options)
        memory = options["memory"] or settings.memory // options["jobs"]
        self._settings = settings.model_copy(update={"memory": memory})
        self._recipe = self._made_recipe(pipeline)
        self._tally = Tally()
        self._shown = 0
        self._driver: Driver | None = None

    def _places(self, options: dict[str, Any]) -> None:
        from openmogr.bulk.feed import Manifest
        from openmogr.bulk.places import check_apart, place_of

        here = {"endpoint": options["endpoint"], "region": options["region"]}
        there = {
            "endpoint": here["endpoint"]
            if options["target_endpoint"] is None
            else options["target_endpoint"],
            "region": here["region"] if options["target_region"] is None else options["target_region"],
        }
        self._manifest = None
        if "://" not in options["source"] and is_file(Path(options["source"])):
            root = None if options["root"] is None else place_of(options["root"], **here)
            self._manifest = Manifest(Path(options["source"]), root)
            self._source = place_of(self._manifest.place.url, **here)
        elif options["root"] is not None:
            raise click.UsageError("--root is for a manifest.")
        else:
            self._source = place_of(options["source"], **here)
        self._target = place_of(options["target"], **there)
        check_apart(self._source, self._target)
        if options["ray"] not in (None, "local") and (self._source.is_folder or self._target.is_folder):
            click.echo("Folders have to be the same folders on every node of the cluster.", err=True)

    def _made_recipe(self, pipeline: Pipeline) -> Recipe:
        from openmogr.bulk.model import Recipe, versions
        from openmogr.cli.compress.ledger import key_of

        images = self._options["images"]
        try:
            key = key_of([pipeline], images, self._settings)
            contents = {name: path.read_bytes() for name, path in images.items()}
        except OSError as error:
            raise click.UsageError(f"{error.filename}: {error.strerror}") from error
        key = hashlib.sha256(f"{key}\n{self._rule.pattern}".encode()).hexdigest()
        # In the order in which the pipeline names them.
        ordered = {name: contents[name] for name in pipeline.further_sources}
        return Recipe(
            self._source, self._target, pipeline, self._settings, key, ordered, versions(self._settings)
        )

    async def run(self, report: TextIO | None) -> None:
        """All of it. Raises ``BulkError``."""
        from openmogr.bulk.driver import Driver, Limits, Plan
        from openmogr.bulk.ledger import Ledger
        from openmogr.bulk.places import shown
        from openmogr.bulk.sources import open_place
        from openmogr.bulk.survey import take_survey
        from openmogr.bulk.targets import clear_parts, open_target

        options = self._options
        source = open_place(self._source)
        feed = self._feed(source)
        # Says what is wrong with it before anything is done.
        open_target(self._target)
        async with Ledger(
            self._ledger(), shown(self._source), shown(self._target), self._recipe.key
        ) as ledger:
            if self._target.is_folder:
                clear_parts(Path(self._target.url))
            if not options["no_survey"]:
                self._tally.survey = await take_survey(feed, source.base, self._rule)
            plan = Plan(feed, source, self._rule, options["overwrite"], options["retry_failed"])
            executor = self._executor()
            driver = Driver(plan, executor, ledger, self._tally, lambda one: self._failed(one, report))
            driver.limit(Limits(options["in_flight"], options["batch_seconds"]))
            try:
                with _only_ours_in_the_output():
                    await executor.start()
                    self._driver = driver
                    await self._drive(driver)
            finally:
                self._tell(report)
                with _only_ours_in_the_output():
                    await executor.close()

    async def _drive(self, driver: Driver) -> None:
        with self._stoppable(driver), _metrics(self._options["metrics"], self._tally):
            watch = asyncio.create_task(self._watch())
            try:
                await driver.run()
            finally:
                watch.cancel()
                self._tally.ended = time.monotonic()

    def _feed(self, source: SourcePlace) -> Feed:
        from openmogr.bulk.feed import Listing
        from openmogr.bulk.places import inner_prefix

        if self._manifest is not None:
            return self._manifest.opened(source)
        without = inner_prefix(self._source, self._target)
        return Listing(source, without, suffixes=not self._options["all_keys"])

    def _ledger(self) -> str:
        from openmogr.bulk.errors import BulkError
        from openmogr.bulk.places import STATE_FOLDER
        from openmogr.cli.compress.plan import is_special

        if (named := self._options["ledger"]) is not None:
            if "://" not in named and is_special(Path(named)):
                raise BulkError(f"the ledger {named} is no regular file")
            return str(named)
        if self._target.is_folder:
            return str(Path(self._target.url) / STATE_FOLDER / "ledger.sqlite3")
        return "openmogr-bulk.sqlite3"

    def _executor(self) -> Executor:
        from openmogr.bulk.executors import LocalExecutor

        if self._options["ray"] is None:
            return LocalExecutor(self._recipe, self._options["jobs"])
        from openmogr.bulk.on_ray import RayExecutor

        return RayExecutor(self._recipe, self._options["ray"], self._options["jobs"])

    @contextmanager
    def _stoppable(self, driver: Driver) -> Iterator[None]:
        """Ctrl-C and ``SIGTERM`` end the run well; the second time at once."""
        loop = asyncio.get_running_loop()
        stops: list[asyncio.Task[None]] = []

        def stop() -> None:
            if stops:
                os._exit(ExitCode.INTERRUPTED)
            stops.append(loop.create_task(driver.stop()))

        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    # Telling

    def _failed(self, failure: Failure, report: TextIO | None) -> None:
        with telling():
            self._tell_failure(failure, report)

    def _tell_failure(self, failure: Failure, report: TextIO | None) -> None:
        if report is not None:
            told = {
                "key": failure.key,
                "target": failure.target,
                "size": failure.size,
                "reason": failure.reason,
                "message": failure.message,
                "failed_before": failure.before,
            }
            report.write(as_json(told) + "\n")
            report.flush()
        self._shown += 1
        if self._shown <= _SHOWN:
            click.echo(printable(f"{failure.key}: {failure.reason}: {failure.message}"), err=True)
        elif self._shown == _SHOWN + 1:
            click.echo("… more failures are in the file of --report", err=True)

    async def _watch(self) -> None:
        if self._options["quiet"]:
            return
        while True:
            await asyncio.sleep(_SECONDS)
            end = "\r" if sys.stderr.isatty() else "\n"
            click.echo(_progress(self._tally, self._options["price"]) + end, nl=False, err=True)

    def _tell(self, report: TextIO | None) -> None:
        if self._driver is not None:  # else it never began
            with telling():
                self._tell_all(report)

    def _tell_all(self, report: TextIO | None) -> None:
        price = self._options["price"]
        summary = {**self._tally.summary(price), "interrupted": self._interrupted}
        if report is not None:
            report.write(as_json({"summary": summary}) + "\n")
        if self._options["as_json"]:
            click.echo(as_json({"summary": summary}))
        else:
            for line in _summary(self._tally, price):
                click.echo(line)
        if self._interrupted:
            click.echo("interrupted; the same command goes on", err=True)

    @property
    def _interrupted(self) -> bool:
        return self._driver is not None and self._driver.stopped

    @property
    def code(self) -> ExitCode:
        """The exit status."""
        if self._interrupted:
            return ExitCode.INTERRUPTED
        return combined(_CODES.get(reason, ExitCode.UNEXPECTED) for reason in self._tally.failed)


def _pipeline(options: dict[str, Any], settings: ImageSettings) -> Pipeline:
    from openmogr.cli.compress.images import check_names, with_names
    from openmogr.errors import CosError
    from openmogr.image import parse_operation

    text = with_names(options["operation"], options["images"])
    try:
        pipeline = parse_operation(text, strict=settings.strict, max_stages=settings.max_stages)
    except CosError as error:
        raise click.UsageError(f"--op: {error.message}") from error
    if pipeline.failure is not None:
        raise click.UsageError(f"--op: {pipeline.failure}")
    check_names(pipeline, options["images"])
    return pipeline


@contextmanager
def _metrics(address: str | None, tally: Tally) -> Iterator[None]:
    if address is None:
        yield
        return
    from prometheus_client import CollectorRegistry, start_http_server

    from openmogr.bulk.errors import BulkError
    from openmogr.bulk.tally import TallyCollector

    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    host, _, port = address.rpartition(":")
    host = host or "127.0.0.1"
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except (OSError, ValueError, OverflowError) as error:
        raise BulkError(f"--metrics {address} cannot be listened on: {error}") from error
    where = f"[{host.strip('[]')}]" if ":" in host else host
    click.echo(f"metrics: http://{where}:{server.server_port}/metrics", err=True)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _only_ours_in_the_output() -> AbstractContextManager[object]:
    """Send to the standard error what Ray prints of nodes that are late or lost."""
    return redirect_stdout(sys.stderr)


def _progress(tally: Tally, price: float | None) -> str:
    there = "" if tally.survey is None else f" of {tally.survey.objects}"
    words = [f"{tally.seen}{there}", f"{tally.rate:.1f}/s"]
    if tally.left is not None:
        words.append(f"about {_clock(tally.left)} left")
    if tally.skipped:
        words.append(f"{tally.skipped} done before")
    if tally.failed:
        words.append(f"{tally.failed.total()} failed")
    if tally.done:
        words.append(f"{human_size(tally.before)} → {human_size(tally.after)}")
        words.append(f"{1000 * tally.cpu_total / tally.done:.1f} ms of CPU each")
    if price is not None:
        words.append(f"cost {tally.cost(price):.4f}")
    return ", ".join(words)


def _summary(tally: Tally, price: float | None) -> Iterator[str]:
    yield f"{tally.done} done, {tally.skipped} done before, {tally.failed.total()} failed in {tally.seconds:.1f} s"
    for reason, number in sorted(tally.failed.items()):
        yield f"  {number} {reason}"
    if not tally.done:
        return
    yield f"{human_size(tally.before)} → {human_size(tally.after)}"
    each = 1000 * tally.cpu_total / tally.done
    yield f"{tally.cpu_total:.1f} s of CPU, {each:.1f} ms a picture"
    if price is not None:
        cost = tally.cost(price)
        yield f"cost {cost:.4f}, {cost / tally.done * 1e6:.2f} for a million pictures"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
