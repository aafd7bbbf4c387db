"""Traces of a real server, as a collector of OTLP over HTTP gets them."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from openmogr.observe import TracingUnusable, make_tracing
from openmogr.testing import ServerProcess

needs_sdk = pytest.mark.skipif(find_spec("opentelemetry") is None, reason="the extra [otel] is not installed")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the spans that it got."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found = ExportTraceServiceRequest.FromString(body)
            for resource in found.resource_spans:
                names = {item.key: item.value.string_value for item in resource.resource.attributes}
                assert (self.path, names["service.name"]) == ("/v1/traces", "openmogr")
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, str(item.value.WhichOneof("value"))) for item in span.attributes}


@needs_sdk
def test_requests_their_waiting_and_their_work_are_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    with collector() as (address, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        with ServerProcess(tmp_path / "data") as server:
            server.request("PUT", "/b-1250000000")
            server.request("PUT", "/b-1250000000/a.png", out.getvalue())
            target = "/b-1250000000/a.png?imageMogr2/thumbnail/10x"
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            made = server.request("GET", target, None, headers)
            assert made.status == 200
            server.request("GET", "/b-1250000000/missing.png")
        # Ending the server sends what is left.
        names = [span.name for span in spans]
        (request,) = [span for span in spans if span.name == "GET process_object"]
        inner = {span.name: span for span in spans if span.parent_span_id == request.span_id}
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert set(inner) == {"queue", "worker"}
    assert all(span.trace_id.hex() == TRACE for span in inner.values())
    assert attributes(inner["worker"])["openmogr.result_bytes"] == len(made.body)
    told = attributes(request)
    assert (told["http.response.status_code"], told["http.response.body.size"]) == (200, len(made.body))
    assert told["openmogr.request_id"] == dict(made.headers)["x-cos-request-id"]
    assert told["url.path"] == "/b-1250000000/a.png"
    assert {"PUT create_bucket", "PUT put_object", "GET get_object"} <= set(names)
    # Signatures stand in queries and headers: none goes to a collector.
    assert "q-signature" not in str(spans)


def test_nothing_is_imported_unless_it_is_asked_for(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from openmogr.app import create_app;"
        "from openmogr.settings import load_settings;"
        f"create_app(load_settings(overrides={{'storage': {{'data': Path({str(tmp_path / 'data')!r})}}}}));"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert result.stdout.strip().endswith("[]")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "images"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_without_a_wish_there_are_no_traces(environment: dict[str, str]) -> None:
    assert make_tracing(environment) is None


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(environment: dict[str, str], told: str) -> None:
    with pytest.raises(TracingUnusable, match=told):
        make_tracing(environment)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(TracingUnusable, match=r"openmogr\[otel\]"):
        make_tracing({"OTEL_TRACES_EXPORTER": "console"})
