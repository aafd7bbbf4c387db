"""The documents of jobs, queues and templates, as XML and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from xml.etree.ElementTree import Element

from openmogr.api.errors import MalformedXML
from openmogr.api.xml import Node, child_text, render
from openmogr.errors import InvalidArgument
from openmogr.jobs import Job, Queue, State, Template

__all__ = [
    "TAG",
    "callback_document",
    "flag",
    "job_node",
    "node_text",
    "parse_states",
    "queue_node",
    "template_node",
    "text_of",
    "timestamp",
]

TAG = "PicProcess"
_CATEGORY = "PicProcessing"
_CHINA = timezone(timedelta(hours=8))
# Of the reference: a bucket's queue is for that many jobs.
_MAX_SIZE, _MAX_CONCURRENT = 10_000, 10


def text_of(root: Element, path: str, default: str | None = None) -> str:
    """The text of a child's child (``Input/Object``). Raises ``MalformedXML`` where there must be one."""
    element: Element | None = root
    for name in path.split("/"):
        element = None if element is None else element.find(name)
    text = "" if element is None else (element.text or "").strip()
    if text:
        return text
    if default is None:
        raise MalformedXML(f"{root.tag} holds no {path}.")
    return default


def flag(root: Element, name: str) -> bool:
    """``true`` or ``false``, the latter where there is none. Raises ``InvalidArgument``."""
    text = (child_text(root, name) or "").strip().lower()
    if text not in ("", "true", "false", "1", "0"):
        raise InvalidArgument(f"{name} must be true or false.")
    return text in ("true", "1")


def timestamp(seconds: int | None) -> str:
    """``2022-07-18T15:16:43+0800``; ``-`` where not reached."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, _CHINA).strftime("%Y-%m-%dT%H:%M:%S%z")


def job_node(job: Job, region: str, name: str = "JobsDetail") -> Node:
    """A job; ``region`` is that of its bucket."""
    request, outcome = job.request, job.outcome
    message = outcome.message if outcome is not None else ""
    return (
        name,
        [
            ("Code", "" if outcome is None else outcome.code),
            ("Message", message),
            ("JobId", job.id),
            ("Tag", TAG),
            ("State", job.state.value),
            ("CreationTime", timestamp(job.created)),
            ("StartTime", timestamp(job.started)),
            ("EndTime", timestamp(job.ended)),
            ("QueueId", job.queue_id),
            ("Input", [("BucketId", job.bucket), ("Object", request.object), ("Region", region)]),
            (
                "Operation",
                [
                    ("TemplateId", request.template_id or None),
                    ("TemplateName", request.template_name or None),
                    ("PicProcess", _pic_process(request.rule, is_pic_info=request.is_pic_info)),
                    (
                        "Output",
                        [("Region", request.region), ("Bucket", request.bucket), ("Object", request.output)],
                    ),
                    ("UserData", request.user_data or None),
                    ("JobLevel", request.level),
                    ("PicProcessResult", _result(outcome.result) if outcome is not None else None),
                ],
            ),
        ],
    )


def _pic_process(rule: str, *, is_pic_info: bool) -> list[Node]:
    return [("IsPicInfo", str(is_pic_info).lower()), ("ProcessRule", rule or None)]


def node_text(node: Node) -> str:
    """A node as a job keeps it."""
    return json.dumps(node)


def _result(text: str) -> Sequence[Node] | None:
    return [_loaded(json.loads(text))] if text else None


def _loaded(value: object) -> Node:
    assert isinstance(value, list)
    name, content = value
    return (name, [_loaded(item) for item in content] if isinstance(content, list) else content)


def queue_node(queue: Queue, name: str = "QueueList") -> Node:
    """A queue."""
    callback = queue.callback
    notify: list[Node] = [
        ("Url", callback),
        ("State", "On" if callback else "Off"),
        ("Type", "Url" if callback else ""),
        ("Event", "TaskFinish" if callback else ""),
        ("ResultFormat", queue.callback_format),
    ]
    return (
        name,
        [
            ("QueueId", queue.id),
            ("Name", queue.name),
            ("State", queue.state.value),
            ("NotifyConfig", notify),
            ("MaxSize", _MAX_SIZE),
            ("MaxConcurrent", _MAX_CONCURRENT),
            ("Category", _CATEGORY),
            ("UpdateTime", timestamp(queue.updated)),
            ("CreateTime", timestamp(queue.created)),
            ("BucketId", queue.bucket),
        ],
    )


def template_node(template: Template, name: str = "Template") -> Node:
    """A template."""
    return (
        name,
        [
            ("TemplateId", template.id),
            ("Name", template.name),
            ("State", "Normal"),
            ("Tag", TAG),
            ("Category", "Custom"),
            ("CreateTime", timestamp(template.created)),
            ("UpdateTime", timestamp(template.updated)),
            ("BucketId", template.bucket),
            ("PicProcess", _pic_process(template.rule, is_pic_info=template.is_pic_info)),
        ],
    )


def callback_document(job: Job, region: str) -> tuple[bytes, str]:
    """What a callback says of a job that has ended, and its media type."""
    root: Node = ("Response", [("EventName", "TaskFinish"), job_node(job, region)])
    if job.request.callback_format == "JSON":
        return json.dumps(_plain(root[1]), ensure_ascii=False).encode(), "application/json"
    return render(root), "application/xml"


def _plain(value: str | int | Sequence[Node] | None) -> object:
    """Children as an object; those of one name as a list."""
    if value is None or isinstance(value, (str, int)):
        return value
    found: dict[str, object] = {}
    for name, content in value:
        if content is None:
            continue
        item = _plain(content)
        if name in found:
            before = found[name]
            found[name] = [*before, item] if isinstance(before, list) else [before, item]
        else:
            found[name] = item
    return found


def parse_states(text: str) -> Sequence[State]:
    """``states`` of a listing; ``All`` is any. Raises ``InvalidArgument``."""
    if text in ("", "All"):
        return ()
    try:
        return [State(item.strip()) for item in text.split(",")]
    except ValueError:
        known = ", ".join(("All", *State))
        raise InvalidArgument(f"states must be some of {known}.") from None
