"""Which handler answers a request: by what host and path name, by the query's subresource, and by method.

Four tables of one form say so, and which query parameters each handler understands; all others are refused by
``check_parameters``. Paths that begin with ``/-/`` do not come here: ``openmogr.api.operate`` has a table for them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from openmogr.api import (
    acl,
    buckets,
    ci,
    cors,
    lifecycle,
    listing,
    multipart,
    objects,
    protection,
    styles,
    tagging,
)
from openmogr.api.errors import MethodNotAllowed
from openmogr.api.form import post_object
from openmogr.api.jobs import handlers as jobs
from openmogr.api.jobs import queues, templates
from openmogr.api.parameters import check_parameters
from openmogr.api.persistent import process_stored
from openmogr.api.request import Request
from openmogr.api.response import Response
from openmogr.api.services import Services
from openmogr.api.unsupported import BUCKET_CONFIGURATIONS, bucket_configuration, not_supported
from openmogr.errors import InvalidArgument, NotSupported

__all__ = ["Handler", "find_handler"]


class Handler(Protocol):
    """Answers requests; its name stands in logs and metrics."""

    __name__: str

    def __call__(self, services: Services, request: Request, /) -> Awaitable[Response]: ...


@dataclass(frozen=True, slots=True)
class _Route:
    """A handler, the parameters it understands besides its subresource, and whether operations are any of them."""

    handler: Handler
    parameters: frozenset[str] = frozenset()
    operation: bool = False


# Subresources in the order in which they are looked for, each with its methods; the empty one, which is the last,
# stands for the service, bucket or object itself.
_Table: TypeAlias = Mapping[str, Mapping[str, _Route]]

_ANY_METHOD = ("GET", "HEAD", "PUT", "POST", "DELETE")
_LISTING = ("prefix", "delimiter", "encoding-type")
_CONFIGURATION = ("id", "continuation-token")


def _route(handler: Handler, *parameters: str, operation: bool = False) -> _Route:
    return _Route(handler, frozenset(parameters), operation)


_LIST_BUCKETS = _route(
    listing.list_buckets, "region", "marker", "max-keys", "tagkey", "tagvalue", "create-time", "range"
)
_SERVICE: _Table = {"": {"GET": _LIST_BUCKETS, "HEAD": _LIST_BUCKETS}}

_BUCKET: _Table = {
    "acl": {"GET": _route(acl.get_bucket_acl), "PUT": _route(acl.put_bucket_acl)},
    "tagging": {
        "GET": _route(tagging.get_bucket_tagging),
        "PUT": _route(tagging.put_bucket_tagging),
        "DELETE": _route(tagging.delete_bucket_tagging),
    },
    "cors": {"GET": _route(cors.get_cors), "PUT": _route(cors.put_cors), "DELETE": _route(cors.delete_cors)},
    "style": {
        "GET": _route(styles.get_styles, "style-name"),
        "PUT": _route(styles.put_style),
        "DELETE": _route(styles.delete_style, "style-name"),
    },
    "style-separator": {"GET": _route(styles.get_separators), "PUT": _route(styles.put_separators)},
    "origin-protect": {
        "GET": _route(protection.get_origin_protection),
        "PUT": _route(protection.put_origin_protection),
        "DELETE": _route(protection.delete_origin_protection),
    },
    "hotlink": {"GET": _route(protection.get_hotlink), "PUT": _route(protection.put_hotlink)},
    "referer": {
        "GET": _route(protection.get_referer),
        "PUT": _route(protection.put_referer),
        "DELETE": _route(protection.delete_referer),
    },
    "lifecycle": {
        "GET": _route(lifecycle.get_lifecycle),
        "PUT": _route(lifecycle.put_lifecycle),
        "DELETE": _route(lifecycle.delete_lifecycle),
    },
    "location": {"GET": _route(buckets.bucket_location)},
    "uploads": {
        "GET": _route(multipart.list_uploads, *_LISTING, "key-marker", "upload-id-marker", "max-uploads")
    },
    "delete": {"POST": _route(objects.delete_objects)},
    "versions": dict.fromkeys(_ANY_METHOD, _route(not_supported)),
    **{
        name: dict.fromkeys(_ANY_METHOD, _route(bucket_configuration, *_CONFIGURATION))
        for name in BUCKET_CONFIGURATIONS
    },
    "": {
        "GET": _route(
            listing.list_objects,
            *_LISTING,
            *("marker", "max-keys", "list-type", "continuation-token", "start-after", "fetch-owner"),
        ),
        "HEAD": _route(buckets.head_bucket),
        "PUT": _route(buckets.create_bucket),
        "DELETE": _route(buckets.delete_bucket),
        "POST": _route(post_object),
    },
}

# At a CI host everything but the root is as at a COS host.
_CI_BUCKET: _Table = {
    "unbind": {"PUT": _route(ci.ci_bind)},
    **_BUCKET,
    "": {
        **_BUCKET[""],
        "GET": _route(ci.ci_status),
        "PUT": _route(ci.ci_bind),
        "DELETE": _route(ci.ci_delete),
    },
}

_OBJECT: _Table = {
    "acl": {"GET": _route(acl.get_object_acl), "PUT": _route(acl.put_object_acl)},
    "tagging": {
        "GET": _route(tagging.get_object_tagging),
        "PUT": _route(tagging.put_object_tagging),
        "DELETE": _route(tagging.delete_object_tagging),
    },
    "uploads": {"POST": _route(multipart.initiate_upload)},
    "uploadId": {
        "PUT": _route(multipart.upload_part, "partNumber"),
        "GET": _route(multipart.list_parts, "encoding-type", "part-number-marker", "max-parts"),
        "POST": _route(multipart.complete_upload),
        "DELETE": _route(multipart.abort_upload),
    },
    "image_process": {"POST": _route(process_stored)},
    "append": {"POST": _route(not_supported, "position")},
    "select": {"POST": _route(not_supported, "select-type")},
    "restore": {"POST": _route(not_supported)},
    "": {
        "GET": _route(objects.get_object, "ci-process", operation=True),
        "HEAD": _route(objects.get_object, "ci-process", operation=True),
        "PUT": _route(objects.put_object),
        "DELETE": _route(objects.delete_object),
    },
}

_JOB_NAMES = re.compile(r"[a-z][0-9a-f]{33}(?:,[a-z][0-9a-f]{33})*")
_PAGE = ("pagenumber", "pagesize")
_JOBS: _Table = {
    "cancel": {"PUT": _route(jobs.cancel_job)},
    "": {
        "GET": _route(
            jobs.describe_jobs,
            *("queueid", "tag", "orderbytime", "nexttoken", "size", "states"),
            *("startcreationtime", "endcreationtime"),
        ),
        "POST": _route(jobs.submit_job),
    },
}
_QUEUES: _Table = {
    "": {
        "GET": _route(queues.describe_queues, "queueids", "state", "category", *_PAGE),
        "PUT": _route(queues.update_queue),
    }
}
_TEMPLATES: _Table = {
    "": {
        "GET": _route(templates.describe_templates, "tag", "ids", "name", "category", *_PAGE),
        "POST": _route(templates.create_template),
        "PUT": _route(templates.update_template),
        "DELETE": _route(templates.delete_template),
    }
}
_BUCKETS: _Table = {
    "": {
        "GET": _route(queues.describe_buckets, "regions", "bucketnames", "bucketname", *_PAGE),
        "POST": _route(queues.enable_bucket),
    }
}
# By the first segment of the path at a CI host (docs/spec/api/persistent-processing.md#8).
_JOB_SERVICES: Mapping[str, _Table] = {
    "jobs": _JOBS,
    "pic_jobs": _JOBS,
    "queue": _QUEUES,
    "picqueue": _QUEUES,
    "template": _TEMPLATES,
    "picbucket": _BUCKETS,
}

# First segments of paths that are other services of a CI host. Nothing is stored there by mistake.
_CI_SERVICES = frozenset({
    "doc_jobs", "ai_jobs", "media_jobs", "file_jobs", "asr_jobs",
    "docqueue", "ai_queue", "file_queue", "asrqueue",
    "mediabucket", "docbucket", "ai_bucket", "asrbucket", "file_bucket",
    "workflow", "workflowexecution",
})  # fmt: skip


def find_handler(request: Request) -> Handler:
    """The handler of a request, all of whose parameters have a meaning to it.

    Raises:
        MethodNotAllowed: the resource has none for that method.
        NotSupported: a parameter has no meaning.
        InvalidArgument: a version is asked for, and there are none.
    """
    if request.method == "OPTIONS":
        request.operation = "preflight"
        return cors.preflight
    if request.params.get("versionId", "null") not in ("", "null"):
        raise InvalidArgument("The bucket is not versioned: versionId must be null.")
    table = _table(request)
    subresource = next((name for name in table if name in request.params), "")
    route = table[subresource].get(request.method)
    if route is None:
        check_parameters(request, (subresource,), operation=False)
        raise MethodNotAllowed()
    request.operation = route.handler.__name__ if request.image_operation is None else "process_object"
    check_parameters(request, {subresource, *route.parameters}, operation=route.operation)
    return route.handler


def _table(request: Request) -> _Table:
    if not request.bucket:
        if request.key:
            raise MethodNotAllowed()
        return _SERVICE
    if not request.key:
        return _CI_BUCKET if request.host.ci else _BUCKET
    if request.host.ci:
        service, _, rest = request.key.partition("/")
        if service in _JOB_SERVICES and (request.method not in ("GET", "HEAD") or not _is_object(rest)):
            return _JOB_SERVICES[service]
        if service in _CI_SERVICES and request.method not in ("GET", "HEAD"):
            raise NotSupported(f"The CI service {service} is not supported.")
    return _OBJECT


def _is_object(rest: str) -> bool:
    """Whether what follows the first segment is the rest of a key, and not the name of a job."""
    return bool(rest) and not _JOB_NAMES.fullmatch(rest)
