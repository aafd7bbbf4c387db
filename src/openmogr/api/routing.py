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
    appending,
    buckets,
    ci,
    cors,
    lifecycle,
    listing,
    multipart,
    objects,
    policies,
    protection,
    restoring,
    slimming,
    styles,
    tagging,
    website,
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
from openmogr.api.troubles import recent_errors
from openmogr.api.unstored import process_unstored
from openmogr.api.unsupported import BUCKET_CONFIGURATIONS, bucket_configuration, not_supported
from openmogr.errors import InvalidArgument, NotSupported

__all__ = [
    "ANY_METHOD",
    "BUCKET",
    "CI_BUCKET",
    "JOB_SERVICES",
    "LISTING",
    "OBJECT",
    "SERVICE",
    "WEBSITE",
    "Handler",
    "Route",
    "Table",
    "find_handler",
    "handler_in",
    "route",
    "table_of",
]


class Handler(Protocol):
    """Answers requests; its name stands in logs and metrics."""

    __name__: str

    def __call__(self, services: Services, request: Request, /) -> Awaitable[Response]: ...


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, the parameters it understands besides its subresource, and whether operations are any of them."""

    handler: Handler
    parameters: frozenset[str] = frozenset()
    operation: bool = False


# Subresources in the order in which they are looked for, each with its methods; the empty one, which is the last,
# stands for the service, bucket or object itself.
Table: TypeAlias = Mapping[str, Mapping[str, Route]]

ANY_METHOD = ("GET", "HEAD", "PUT", "POST", "DELETE")
LISTING = ("prefix", "delimiter", "encoding-type")
_CONFIGURATION = ("id", "continuation-token")


def route(handler: Handler, *parameters: str, operation: bool = False) -> Route:
    """A line of a table."""
    return Route(handler, frozenset(parameters), operation)


_LIST_BUCKETS = route(
    listing.list_buckets, "region", "marker", "max-keys", "tagkey", "tagvalue", "create-time", "range"
)
SERVICE: Table = {"": {"GET": _LIST_BUCKETS, "HEAD": _LIST_BUCKETS}}

BUCKET: Table = {
    "acl": {"GET": route(acl.get_bucket_acl), "PUT": route(acl.put_bucket_acl)},
    "tagging": {
        "GET": route(tagging.get_bucket_tagging),
        "PUT": route(tagging.put_bucket_tagging),
        "DELETE": route(tagging.delete_bucket_tagging),
    },
    "cors": {"GET": route(cors.get_cors), "PUT": route(cors.put_cors), "DELETE": route(cors.delete_cors)},
    "style": {
        "GET": route(styles.get_styles, "style-name"),
        "PUT": route(styles.put_style),
        "DELETE": route(styles.delete_style, "style-name"),
    },
    "style-separator": {"GET": route(styles.get_separators), "PUT": route(styles.put_separators)},
    "origin-protect": {
        "GET": route(protection.get_origin_protection),
        "PUT": route(protection.put_origin_protection),
        "DELETE": route(protection.delete_origin_protection),
    },
    "hotlink": {"GET": route(protection.get_hotlink), "PUT": route(protection.put_hotlink)},
    "referer": {
        "GET": route(protection.get_referer),
        "PUT": route(protection.put_referer),
        "DELETE": route(protection.delete_referer),
    },
    "image-slim": {
        "GET": route(slimming.get_image_slim),
        "PUT": route(slimming.put_image_slim),
        "DELETE": route(slimming.delete_image_slim),
    },
    "lifecycle": {
        "GET": route(lifecycle.get_lifecycle),
        "PUT": route(lifecycle.put_lifecycle),
        "DELETE": route(lifecycle.delete_lifecycle),
    },
    "policy": {
        "GET": route(policies.get_policy),
        "PUT": route(policies.put_policy),
        "DELETE": route(policies.delete_policy),
    },
    "website": {
        "GET": route(website.get_website),
        "PUT": route(website.put_website),
        "DELETE": route(website.delete_website),
    },
    "location": {"GET": route(buckets.bucket_location)},
    "uploads": {
        "GET": route(multipart.list_uploads, *LISTING, "key-marker", "upload-id-marker", "max-uploads")
    },
    "delete": {"POST": route(objects.delete_objects)},
    "versions": dict.fromkeys(ANY_METHOD, route(not_supported)),
    **{
        name: dict.fromkeys(ANY_METHOD, route(bucket_configuration, *_CONFIGURATION))
        for name in BUCKET_CONFIGURATIONS
    },
    "": {
        "GET": route(
            listing.list_objects,
            *LISTING,
            *("marker", "max-keys", "list-type", "continuation-token", "start-after", "fetch-owner"),
        ),
        "HEAD": route(buckets.head_bucket),
        "PUT": route(buckets.create_bucket),
        "DELETE": route(buckets.delete_bucket),
        "POST": route(post_object),
    },
}

# At a CI host everything but the root is as at a COS host.
CI_BUCKET: Table = {
    "unbind": {"PUT": route(ci.ci_bind)},
    **BUCKET,
    "": {
        **BUCKET[""],
        "GET": route(ci.ci_status),
        "PUT": route(ci.ci_bind),
        "DELETE": route(ci.ci_delete),
    },
}

OBJECT: Table = {
    "acl": {"GET": route(acl.get_object_acl), "PUT": route(acl.put_object_acl)},
    "tagging": {
        "GET": route(tagging.get_object_tagging),
        "PUT": route(tagging.put_object_tagging),
        "DELETE": route(tagging.delete_object_tagging),
    },
    "uploads": {"POST": route(multipart.initiate_upload)},
    "uploadId": {
        "PUT": route(multipart.upload_part, "partNumber"),
        "GET": route(multipart.list_parts, "encoding-type", "part-number-marker", "max-parts"),
        "POST": route(multipart.complete_upload),
        "DELETE": route(multipart.abort_upload),
    },
    "image_process": {"POST": route(process_stored)},
    "append": {"POST": route(appending.append_object, "position")},
    "select": {"POST": route(not_supported, "select-type")},
    "restore": {"POST": route(restoring.restore_object)},
    "": {
        "GET": route(objects.get_object, "ci-process", operation=True),
        "HEAD": route(objects.get_object, "ci-process", operation=True),
        "PUT": route(objects.put_object),
        "DELETE": route(objects.delete_object),
    },
}

_PAGE_OF_A_WEBSITE = route(website.serve_page, operation=True)
WEBSITE: Table = {"": {"GET": _PAGE_OF_A_WEBSITE, "HEAD": _PAGE_OF_A_WEBSITE}}

# Of the server itself, below ``/-/``; pages to look at are in ``openmogr.api.operate``.
_RECENT = route(recent_errors)
_OWN: Table = {"": {"POST": route(process_unstored, operation=True), "GET": _RECENT, "HEAD": _RECENT}}

_JOB_NAMES = re.compile(r"[a-z][0-9a-f]{33}(?:,[a-z][0-9a-f]{33})*")
_PAGE = ("pagenumber", "pagesize")
_JOBS: Table = {
    "cancel": {"PUT": route(jobs.cancel_job)},
    "": {
        "GET": route(
            jobs.describe_jobs,
            *("queueid", "tag", "orderbytime", "nexttoken", "size", "states"),
            *("startcreationtime", "endcreationtime"),
        ),
        "POST": route(jobs.submit_job),
    },
}
_QUEUES: Table = {
    "": {
        "GET": route(queues.describe_queues, "queueids", "state", "category", *_PAGE),
        "PUT": route(queues.update_queue),
    }
}
_TEMPLATES: Table = {
    "": {
        "GET": route(templates.describe_templates, "tag", "ids", "name", "category", *_PAGE),
        "POST": route(templates.create_template),
        "PUT": route(templates.update_template),
        "DELETE": route(templates.delete_template),
    }
}
_BUCKETS: Table = {
    "": {
        "GET": route(queues.describe_buckets, "regions", "bucketnames", "bucketname", *_PAGE),
        "POST": route(queues.enable_bucket),
    }
}
# By the first segment of the path at a CI host (docs/spec/api/persistent-processing.md#8).
JOB_SERVICES: Mapping[str, Table] = {
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
    return handler_in(table_of(request, SERVICE, CI_BUCKET if request.host.ci else BUCKET, OBJECT), request)


def handler_in(table: Table, request: Request) -> Handler:
    """The same for a request whose table is known."""
    if request.params.get("versionId", "null") not in ("", "null"):
        raise InvalidArgument("The bucket is not versioned: versionId must be null.")
    subresource = next((name for name in table if name in request.params), "")
    found = table[subresource].get(request.method)
    if found is None:
        check_parameters(request, (subresource,), operation=False)
        raise MethodNotAllowed()
    processed = request.image_operation is not None and not request.is_own
    request.operation = "process_object" if processed else found.handler.__name__
    # What only looks like an operation is among the parameters; its parser says what is wrong with it.
    own = {(request.image_operation or "").lower()} if request.is_own else set()
    check_parameters(request, {subresource, *found.parameters, *own}, operation=found.operation)
    return found.handler


def table_of(request: Request, service: Table, bucket: Table, key: Table) -> Table:
    """The one of three tables that a request is for, or that of a website or of a service of CI.

    Raises:
        MethodNotAllowed: the host is that of the service, and the path names more.
        NotSupported: it is for a service of CI that there is not.
    """
    if request.is_own:
        return _OWN
    if not request.bucket:
        if request.key:
            raise MethodNotAllowed()
        return service
    if request.host.website:
        return WEBSITE
    if not request.key:
        return bucket
    if request.host.ci:
        name, _, rest = request.key.partition("/")
        if name in JOB_SERVICES and (request.method not in ("GET", "HEAD") or not _is_object(rest)):
            return JOB_SERVICES[name]
        if name in _CI_SERVICES and request.method not in ("GET", "HEAD"):
            raise NotSupported(f"The CI service {name} is not supported.")
    return key


def _is_object(rest: str) -> bool:
    """Whether what follows the first segment is the rest of a key, and not the name of a job."""
    return bool(rest) and not _JOB_NAMES.fullmatch(rest)
