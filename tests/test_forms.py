import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.fields import body_pairs
from telemock.forms import multipart_pairs
from tests.packing import packed
from tests.steady import STEADY

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (
            b"name=Jane Doe&mail=jane.doe@corp.example&v=1",
            FORM,
            [("name", "Jane Doe"), ("mail", "jane.doe@corp.example"), ("v", "1")],
        ),
        (b"a=one\r\ntwo\n&b=\t\r\n", f"{FORM}; charset=utf-8", [("a", "one\r\ntwo\n"), ("b", "\t")]),
        (b"name=Jane Doe", FORM, [("name", "Jane Doe")]),
        (b"name=Jane Doe&mail=x y\n", "", [("name", "Jane Doe"), ("mail", "x y")]),
        (b"a b=1&c d=2", FORM, [("a b", "1"), ("c d", "2")]),
        (b"n=\xfc&x=1", FORM, [("n", "\udcfc"), ("x", "1")]),
        (b"a sentence = with more & more = in it", "text/plain", [("$", "a sentence = with more & more = in it")]),
        (b"plain words", FORM, [("$", "plain words")]),
        (b"H4sIAB+/c3==", FORM, [("$", "H4sIAB+/c3==")]),
        (b"a=\x00\x01&b=\xff", FORM, [("$", "a=\x00\x01&b=\udcff")]),
        (b'{"a":1}', FORM, [("$.a", "1")]),
        (b"<a><key>Zm9vYg==</key></a>", "text/xml", [("$", "<a><key>Zm9vYg==</key></a>")]),
    ],
)
def test_a_form_is_known_by_its_type_or_by_its_pairs(
    body: bytes, media_type: str, expected: list[tuple[str, str]]
) -> None:
    assert [*body_pairs(body, media_type)] == expected


def delimited(boundary: bytes, *parts: bytes, newline: bytes = b"\r\n", padding: bytes = b"") -> bytes:
    lines = b"".join(b"--" + boundary + padding + newline + part + newline for part in parts)
    return lines + b"--" + boundary + b"--" + newline


MAIL = b'Content-Disposition: form-data; name="mail"\r\n\r\njane.doe@corp.example'
ROLE = b'Content-Disposition: form-data; name="role"\r\n\r\nadmin'
BOTH = [("mail", "jane.doe@corp.example"), ("role", "admin")]
BB = "multipart/form-data; boundary=bb"


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (delimited(b"bb", MAIL, ROLE, padding=b" "), BB, BOTH),
        (delimited(b"bb", MAIL, ROLE, padding=b" \t"), "", BOTH),
        (b"--bb \r\n" + MAIL + b"\r\n--bb\r\n" + ROLE + b"\r\n--bb--", BB, BOTH),
        (delimited(b"bb", *(each.replace(b"\r\n", b"\n") for each in (MAIL, ROLE)), newline=b"\n"), BB, BOTH),
        (delimited(b"bb", *(each.replace(b"\r\n", b"\n") for each in (MAIL, ROLE)), newline=b"\n"), "", BOTH),
        (
            b"This is for old readers.\r\n" + delimited(b"bb", MAIL, ROLE),
            BB,
            [("$", "This is for old readers."), *BOTH],
        ),
        (delimited(b"bb", MAIL, ROLE) + b"the end", BB, [*BOTH, ("$", "the end")]),
        (delimited(b"b(b?", MAIL, ROLE), 'multipart/form-data; charset=x; Boundary="b(b?"', BOTH),
        (delimited(b"bb", MAIL, ROLE), "multipart/form-data; boundary=other", BOTH),
        (delimited(b"bb", MAIL, ROLE), "text/plain", BOTH),
        (
            delimited(b"bb", b"X-First: 1\r\nContent-Type: a/b\r\n" + MAIL),
            BB,
            [BOTH[0], ("mail (head)", "X-First: 1\r\nContent-Type: a/b")],
        ),
        (
            delimited(b"bb", b"Content-Type: a/b\r\n" + MAIL),
            "",
            [BOTH[0], ("mail (head)", "Content-Type: a/b")],
        ),
        (
            delimited(b"bb", b'Content-Disposition: form-data;\r\n\tname="mail"\r\n\r\nx', ROLE),
            BB,
            [("mail", "x"), BOTH[1]],
        ),
        (
            delimited(b"bb", b'Content-Disposition: attachment; name="mail"\r\n\r\nx'),
            BB,
            [("mail", "x"), ("mail (head)", "Content-Disposition: attachment")],
        ),
        (delimited(b"bb", b"\r\nno head", MAIL), BB, [("$", "no head"), BOTH[0]]),
        (delimited(b"bb", MAIL + b"\r\n--bbb\r\n-- bb"), BB, [("mail", "jane.doe@corp.example\r\n--bbb\r\n-- bb")]),
        (delimited(b"bb", MAIL)[: -len(b"\r\n--bb--\r\n") - 8], BB, [("mail", "jane.doe@corp")]),
    ],
)
def test_a_multipart_form_has_its_parts_however_it_is_written(
    body: bytes, media_type: str, expected: list[tuple[str, str]]
) -> None:
    assert [*body_pairs(body, media_type)] == expected


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_the_coding_of_a_part_is_undone(coding: str) -> None:
    head = b'Content-Disposition: form-data; name="log"\r\nContent-Encoding: ' + coding.encode() + b"\r\n\r\n"
    told = ("log (head)", f"Content-Encoding: {coding}")
    body = delimited(b"bb", head + packed(b"from web01", coding))
    assert [*multipart_pairs(body, b"bb", 1000)] == [("log", "from web01"), told]
    damaged = delimited(b"bb", head + packed(b"from web01", coding)[:-1])
    ((name, value), _) = multipart_pairs(damaged, b"bb", 1000)
    assert (name, value) != ("log", "from web01")
    assert value.encode(errors="surrogateescape") in damaged


def test_coded_parts_are_a_bomb_no_more_often_than_once() -> None:
    head = b'Content-Disposition: form-data; name="log"\r\nContent-Encoding: gzip\r\n\r\n'
    body = delimited(b"bb", *[head + packed(bytes(1000), "gzip")] * 1000)
    values = [value for name, value in multipart_pairs(body, b"bb", 3500) if name == "log"]
    assert (len(values), values.count("\0" * 1000)) == (1000, 3)
    assert sum(map(len, values)) < len(body) + 3500


@STEADY
@given(st.lists(st.sampled_from([b"--bb", b"--", b"\r\n", b"\n", b" ", b"a", MAIL, b";", b"\xff"]), max_size=30))
def test_nothing_of_a_multipart_body_is_lost(pieces: list[bytes]) -> None:
    body = b"--bb\r\n" + b"".join(pieces)
    told = "".join(name + value for name, value in body_pairs(body, BB))
    assert told.count("a") >= pieces.count(b"a")
    assert told.count("\udcff") == pieces.count(b"\xff")
    assert told.count("jane") == pieces.count(MAIL)
