"""What requests get that nothing here answers, once somebody says that it is not 404."""

from pathlib import Path

import pytest

from telemock.errors import InvalidSetting
from telemock.server.unmatched import read_unmatched
from tests.server.served import PING_BODY, PING_TARGET, served
from tests.server.wire import request_bytes

ASKED = [
    ([], "application/json", b"{}"),
    (["*/*"], "application/json", b"{}"),
    (["text/html,*/*;q=0.8"], "text/html; charset=utf-8", b"<!doctype html>"),
    (["image/webp,image/*"], "image/gif", b"GIF89a\x01\x00\x01\x00"),
    (["text/plain"], "text/plain; charset=utf-8", b""),
    # Two fields are one (RFC 9110 section 5.3).
    (["application/json;q=0.5", "text/html"], "text/html; charset=utf-8", b"<!doctype html>"),
]


@pytest.mark.parametrize("status", [200, 404, 503])
def test_each_request_gets_what_it_asks_for(tmp_path: Path, status: int) -> None:
    with served(tmp_path, answer=status) as server:
        for accepts, media_type, beginning in ASKED:
            answer = server.ask("POST", "/elsewhere", [("Accept", each) for each in accepts], b"hi", host="any.test")
            assert (answer.status, answer.header("Content-Type")) == (status, media_type)
            assert answer.body.startswith(beginning)
            assert len(answer.body) == int(answer.header("Content-Length") or "")
            assert bool(answer.body) == bool(beginning)
            row = server.exchanges()[-1]
            assert (row["outcome"], row["status"], row["response_body"]) == ("unmatched", status, answer.body or None)
        with server.connect() as wire:
            wire.send(request_bytes("HEAD", "/elsewhere") + request_bytes("GET", PING_TARGET))
            assert wire.answer(body=False).header("Content-Length") == "2"
            assert wire.answer().body == PING_BODY


@pytest.mark.parametrize(("status", "length"), [(204, None), (304, None), (205, "0")])
def test_a_status_without_a_body_has_none(tmp_path: Path, status: int, length: str | None) -> None:
    with served(tmp_path, answer=status) as server, server.connect() as wire:
        for number in range(2):
            wire.send(request_bytes("POST", f"/elsewhere/{number}", body=b"hi"))
            answer = wire.answer()
            assert (answer.status, answer.header("Content-Length"), answer.body) == (status, length, b"")
            assert answer.header("Content-Type") is None
        wire.send(request_bytes("GET", PING_TARGET))
        assert wire.answer().body == PING_BODY
        kept = [(row["outcome"], row["status"], row["response_body"]) for row in server.exchanges()]
    assert kept == [("unmatched", status, None), ("unmatched", status, None), ("mock", 200, PING_BODY)]


@pytest.mark.parametrize(
    ("body", "media_type", "sent_type", "sent"),
    [
        ('{"status": 1}', None, "application/json", b'{"status": 1}'),
        (" [1]\n", None, "application/json", b" [1]\n"),
        ("1", None, "text/plain; charset=utf-8", b"1"),
        ("{", None, "text/plain; charset=utf-8", b"{"),
        ("[" * 100_000, None, "text/plain; charset=utf-8", b"[" * 100_000),
        ("", None, "text/plain; charset=utf-8", b""),
        ("é", "text/html", "text/html", "é".encode()),
        (None, "application/json; charset=utf-8", "application/json; charset=utf-8", b"{}"),
        (None, "image/png", "image/png", b""),
        (None, "application/x-protobuf", "application/x-protobuf", b""),
    ],
)
def test_everybody_gets_the_body_and_the_type_that_were_given(
    tmp_path: Path, body: str | None, media_type: str | None, sent_type: str, sent: bytes
) -> None:
    with served(tmp_path, answer_body=body, answer_type=media_type) as server:
        for accept in ("text/html", "*/*"):
            answer = server.ask("GET", "/elsewhere", [("Accept", accept)])
            assert (answer.status, answer.header("Content-Type"), answer.body) == (200, sent_type, sent)
        assert server.ask("GET", PING_TARGET).body == PING_BODY


@pytest.mark.parametrize("media_type", ["", "json", "a/b/c", "a/b\r\nX: y", "é/b", "a/b;\n", "a /b"])
def test_what_is_no_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_unmatched(None, None, media_type)
    assert str(caught.value) == f"--answer-type {media_type!r} is not a media type; write it like application/json."


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize(
    ("body", "media_type", "option"), [("", None, "body"), ("x", "a/b", "body"), (None, "a/b", "type")]
)
def test_a_body_for_a_status_without_one_is_refused(
    status: int, body: str | None, media_type: str | None, option: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_unmatched(status, body, media_type)
    assert str(caught.value).startswith(f"--answer-{option} cannot be used with --answer {status}, which has no body;")


def test_nothing_said_is_nothing_answered() -> None:
    assert read_unmatched(None, None, None) is None
