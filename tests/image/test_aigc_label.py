"""``AIGCMetadata``, which says nothing about the picture."""

from __future__ import annotations

import pytest

from openmogr.errors import InvalidArgument
from openmogr.image import parse_operation

PAIRS = "/".join(
    f"{name}/dGV4dA"
    for name in (
        "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2",
    )
)  # fmt: skip


@pytest.mark.parametrize("label", ["AIGCMetadata/eyJMYWJlbCI6MX0=", f"AIGCMetadata/{PAIRS}", "AIGCMetadata"])
@pytest.mark.parametrize(
    "form", ["imageMogr2/{}/format/png/quality/80", "imageMogr2/format/png/quality/80/{}"]
)
@pytest.mark.parametrize("strict", [False, True])
def test_the_label_is_ignored(label: str, form: str, strict: bool) -> None:
    plain = parse_operation("imageMogr2/format/png/quality/80")
    assert parse_operation(form.format(label), strict=strict) == plain


def test_a_name_without_its_text() -> None:
    with pytest.raises(InvalidArgument, match="Label has no value"):
        parse_operation("imageMogr2/AIGCMetadata/Label")
