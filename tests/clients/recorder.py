"""Runs the server of the tests, and writes a line of JSON for each call of the API that it answers well.

``conftest.py`` starts it in place of ``python -m`` where requests are recorded: file, module and arguments follow.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Answers that say that nothing is set, which is all that these calls can say.
_CONFIGURATIONS = ("bucket_configuration", "s3_configuration")


def main(file: str, module: str, *arguments: str) -> None:
    """Record to a file, and be ``python -m module``."""
    sys.path.insert(0, str(ROOT))
    from openmogr.api.app import CosApi
    from openmogr.api.request import Request
    from openmogr.api.response import Response
    from openmogr.asgi import Receive, Scope
    from openmogr.errors import CosError
    from tools.api_calls import carried, find_call

    answered = CosApi._response

    def note(scope: Scope, request: Request, status: int) -> None:
        try:
            call = find_call(request)
        except CosError:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        agent = headers.get("user-agent", "")
        if call is None:
            return
        unset = status == 404 and request.method == "GET" and call.route.handler.__name__ in _CONFIGURATIONS
        if status >= 400 and not unset:
            return
        things = sorted(set(carried(call, scope["query_string"].decode("ascii", "replace"), headers)))
        row = [call.face, call.target, call.method, call.subresource]
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"agent": agent, "call": row, "things": things}) + "\n")

    async def recorded(
        self: CosApi, scope: Scope, receive: Receive, request_id: str
    ) -> tuple[Request | None, Response]:
        request, response = await answered(self, scope, receive, request_id)
        if request is not None:
            note(scope, request, response.status)
        return request, response

    CosApi._response = recorded  # type: ignore[method-assign]  # what is recorded is what it answers
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
