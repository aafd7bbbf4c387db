"""Form uploads of S3: their fields as those of COS."""

from __future__ import annotations

from collections.abc import Mapping

from openmogr.api.request import Request
from openmogr.api.s3.request import PRESETS
from openmogr.api.s3.state import S3
from openmogr.errors import NotSupported

__all__ = ["cos_fields", "note_dialect"]

_PREFIX = "x-amz-"
_SIGNATURE = frozenset({"algorithm", "credential", "date", "signature", "security-token"})
_SAME = frozenset({"acl", "storage-class"})


def note_dialect(request: Request, fields: Mapping[str, str]) -> None:
    """A form with fields of S3, that is not signed for COS, is answered as S3 does."""
    if "q-signature" not in fields and any(
        name.startswith(_PREFIX) or name == "awsaccesskeyid" for name in fields
    ):
        request.s3 = request.s3 or S3()


def cos_fields(request: Request, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields with those of S3 under the names of COS.

    Raises:
        NotSupported: a field has no meaning here.
    """
    if request.s3 is None:
        return dict(fields)
    found: dict[str, str] = {}
    for name, value in fields.items():
        rest = name.removeprefix(_PREFIX)
        if name == "acl" or (name != rest and rest == "acl"):
            found["x-cos-acl"] = PRESETS.get(value, value)
        elif name == "tagging" or (
            name != rest and rest not in _SIGNATURE | _SAME and not rest.startswith("meta-")
        ):
            raise NotSupported(f"The form field {name[:100]} is not supported.")
        elif name != rest and rest not in _SIGNATURE:
            found[f"x-cos-{rest}"] = value
        else:
            found[name] = value
    return found
