"""Drives OpenDAL's service ``cos`` and prints one JSON object of what it saw.

Arguments: the endpoint, SecretId, SecretKey. The bucket exists; ``http_proxy`` names the server.
"""

from __future__ import annotations

import json
import sys

import opendal

endpoint, secret_id, secret_key = sys.argv[1:]
operator = opendal.Operator(
    "cos",
    bucket="opendal-1250000000",
    endpoint=endpoint,
    secret_id=secret_id,
    secret_key=secret_key,
    root="/",
)
seen: dict[str, object] = {}
large = b"0123456789abcdef" * (3 << 16)
operator.write("dir/图 a+b.txt", b"text", content_type="text/plain", cache_control="no-cache")
seen["read"] = bytes(operator.read("dir/图 a+b.txt")).decode()
found = operator.stat("dir/图 a+b.txt")
seen["stat"] = [found.content_length, found.content_type, found.etag]
with operator.open("dir/large", "wb", chunk=1 << 20) as file:
    file.write(large)
seen["large"] = bytes(operator.read("dir/large")) == large
with operator.open("dir/large", "rb") as file:
    file.seek(5)
    seen["range"] = bytes(file.read(4)).decode()
operator.copy("dir/large", "copied")
seen["copied"] = operator.stat("copied").content_length == len(large)
seen["listed"] = sorted(entry.path for entry in operator.list("dir/"))
seen["scanned"] = sorted(entry.path for entry in operator.scan("/"))
operator.delete("copied")
operator.remove_all("dir/")
seen["left"] = [entry.path for entry in operator.scan("/")]
try:
    operator.read("missing")
except opendal.exceptions.NotFound:
    seen["missing"] = "not found"
print(json.dumps(seen))
