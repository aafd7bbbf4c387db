"""The usual form of a signature is read as any other (``openmogr.auth.authorization``)."""

from __future__ import annotations

import pytest

from openmogr.auth.authorization import Authorization, from_request
from openmogr.errors import AccessDenied

FIELDS = {
    "q-sign-algorithm": "sha1",
    "q-ak": "AKIDEXAMPLE",
    "q-sign-time": "1;2",
    "q-key-time": "3;4",
    "q-header-list": "host;x-cos-acl",
    "q-url-param-list": "a%2Fb;acl",
    "q-signature": "0123abcd",
}
WANTED = Authorization("AKIDEXAMPLE", "1;2", "3;4", ("host", "x-cos-acl"), ("a%2Fb", "acl"), "0123abcd")


def text(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in fields.items())


@pytest.mark.parametrize(
    "header",
    [
        text(FIELDS),
        f"  {text(FIELDS)} ",
        text(dict(reversed(FIELDS.items()))),
        text(FIELDS).replace("&", " & "),
        text({**FIELDS, "more": "x"}),
        f"q-ak=other&{text(FIELDS)}",
        text({**FIELDS, "q-sign-time": "1%3b2", "q-key-time": "3%3B4", "q-url-param-list": "a%252Fb;acl"}),
        text({**FIELDS, "q-header-list": "host;;x-cos-acl;"}),
    ],
)
def test_all_ways_of_writing_it_say_the_same(header: str) -> None:
    assert from_request(header, ()) == WANTED


@pytest.mark.parametrize(("listed", "names"), [("", ()), ("host", ("host",)), (";", ()), ("a;", ("a",))])
def test_lists_of_names(listed: str, names: tuple[str, ...]) -> None:
    found = from_request(text({**FIELDS, "q-header-list": listed, "q-url-param-list": listed}), ())
    assert found is not None
    assert (found.header_list, found.parameter_list) == (names, names)


@pytest.mark.parametrize("name", ["q-ak", "q-sign-time", "q-key-time", "q-signature", "q-sign-algorithm"])
def test_an_empty_field_is_a_missing_one(name: str) -> None:
    with pytest.raises(AccessDenied):
        from_request(text({**FIELDS, name: ""}), ())


def test_of_a_repeated_field_the_last_one_counts() -> None:
    found = from_request(f"{text(FIELDS)}&q-ak=last", ())
    assert found is not None
    assert found.secret_id == "last"
