"""These are the promises of the proxy's password: who has it is let in, and nobody else learns or keeps it."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from telemock.errors import InvalidSetting
from telemock.server.credentials import Credentials
from tests.server.origin import Origin, answering
from tests.server.served import PING_BODY, PING_TARGET, Served, ended, served
from tests.server.wire import Answer, request_bytes

HERE = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
USERS = "\n".join(
    [
        "# who may",
        "",
        "plain:pass:word",
        "odd:p@ss %41ü",
        "money:$ecret",
        *[
            f"{prefix}:" + bcrypt.hashpw("straße".encode(), bcrypt.gensalt(4)).decode().replace("$2b$", f"${prefix}$")
            for prefix in ("2a", "2b", "2y")
        ],
        "long:" + bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode(),
        "cut:$2b$04$short",
    ]
)


def basic(pair: str | bytes) -> str:
    return "Basic " + b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of users."""
    path = tmp_path_factory.mktemp("users") / "passwords"
    path.write_text(USERS + "\r\nlast:of all\r\n", newline="")
    return path


RIGHT = [
    basic("plain:pass:word"),
    basic("odd:p@ss %41ü"),
    basic("odd:p%40ss%20%2541%C3%BC"),
    basic("odd:p@ss %41ü".encode("latin-1")),
    basic("money:$ecret"),
    basic("2a:straße"),
    basic("2b:straße"),
    basic("2y:stra%C3%9Fe"),
    basic("2y:straße".encode("latin-1")),
    basic("long:" + "x" * 80),
    basic("last:of all"),
    basic("plain:pass:word").replace("Basic ", "basic  "),
]
WRONG = [
    "",
    "Basic",
    "Basic !!!",
    "Bearer abc",
    basic("plain"),
    basic("plain:"),
    basic("plain:pass"),
    basic("plain:pass:word "),
    basic("Plain:pass:word"),
    basic("nobody:pass:word"),
    basic("nobody:straße"),
    basic("nobody:"),
    basic("nobody:\0"),
    basic(":"),
    basic("2b:strasse"),
    basic("2b:stra\0ße"),
    basic("cut:short"),
    basic("# who may:"),
    basic(b"\xff\xfe:\xff"),
    basic("plain:pass:word").replace("Basic", "Digest"),
]


@pytest.mark.parametrize("field", RIGHT)
async def test_the_right_password_is_accepted_however_it_is_written(users: Path, field: str) -> None:
    credentials = Credentials(users)
    for _ in range(2):
        assert await credentials.refusal(field, HERE) is None


@pytest.mark.parametrize("field", [None, *WRONG])
async def test_anything_else_is_not(users: Path, field: str | None) -> None:
    credentials = Credentials(users)
    for _ in range(2):
        refusal = await credentials.refusal(field, HERE)
        assert refusal is not None
        assert refusal.status == 407


@pytest.mark.parametrize("user", ["2b", "nobody"])
async def test_who_is_unknown_waits_as_long_as_who_is_known(
    users: Path, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []

    def counting(_password: bytes, kept: bytes) -> bool:
        hashed.append(kept)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    assert await Credentials(users).refusal(basic(f"{user}:secret"), HERE) is not None
    assert len(hashed) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no user:password line"),
        (b"# nobody\n\n", "holds no user:password line"),
        (b"a:b\nsecret\n", "Line 2 of .* is not user:password"),
        (b":secret\n", "Line 1 of .* is not user:password"),
        (b"a:$apr1$secret\n", "Line 1 of .* holds a hash that is not bcrypt's; use htpasswd -B"),
        (b"a:{SHA}secret=\n", "holds a hash that is not bcrypt's"),
        (b"a:$6$secret\n", "holds a hash that is not bcrypt's"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_without_its_passwords(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "passwords"
    path.write_bytes(content)
    with pytest.raises(InvalidSetting, match=said) as caught:
        Credentials(path)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"none cannot be read: No such file"):
        Credentials(tmp_path / "none")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[Served]:
    """One telemock whose proxy wants a password."""
    with served(tmp_path_factory.mktemp("served"), others="tunnel", proxy_auth_file=users) as server:
        yield server


@pytest.fixture
def there() -> Iterator[Origin]:
    """Another server."""
    with answering(OK) as there:
        yield there


@pytest.fixture
def server(running: Served, capfd: pytest.CaptureFixture[str]) -> Iterator[Served]:
    """The same; whatever a test did, no field with a password is in the store or the log."""
    running.forget()
    yield running
    kept = str(running.exchanges()) + str(running.connections()) + "".join(capfd.readouterr())
    codes = [field.partition(" ")[2] for field in [*RIGHT, *WRONG]]
    assert [code for code in (*codes, "pass:word") if len(code) > 7 and code in kept] == []


def ask(server: Served, form: str, authority: str, field: str | None) -> Answer:
    target = authority if form == "CONNECT" else f"http://{authority}{PING_TARGET}"
    headers: list[tuple[str, str | bytes]] = [] if field is None else [("pRoxy-authorization", field)]
    with server.connect() as wire:
        wire.send(request_bytes(form, target, headers, host=authority))
        answer = wire.answer(body=form != "CONNECT")
        if form != "CONNECT" or answer.status != 200:
            return answer if answer.body else answer._replace(body=wire.rest())
        wire.send(request_bytes("GET", PING_TARGET, host=authority))
        return wire.answer()


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
@pytest.mark.parametrize("field", [RIGHT[0], RIGHT[2], RIGHT[6]])
def test_the_proxy_is_for_whoever_has_the_password(server: Served, there: Origin, form: str, field: str) -> None:
    assert ask(server, form, there.authority, field).body == b"ok"
    assert ask(server, form, "cdn.cribl.io:80", field).body == PING_BODY
    assert "proxy-authorization" not in there.heard[0].decode().lower()
    ended(server)


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
@pytest.mark.parametrize("field", [None, WRONG[6], WRONG[9]])
def test_all_others_are_asked_for_it(server: Served, there: Origin, form: str, field: str | None) -> None:
    for authority in (there.authority, "cdn.cribl.io:80"):
        answer = ask(server, form, authority, field)
        assert (answer.status, answer.header("Proxy-Authenticate")) == (407, 'Basic realm="telemock", charset="UTF-8"')
        assert "wants a user and a password" in answer.json()["error"]
    assert there.connections == 0
    assert [exchange["status"] for exchange in server.exchanges()] == ([] if form == "CONNECT" else [407])
    # A request to an intercepted host is an exchange; who gave no password at all may not have known of one.
    ports = [there.port] if form == "GET" else [there.port, 80]
    if field is not None:
        assert [(row["kind"], row["port"], row["detail"]) for row in ended(server, len(ports))] == [
            ("blocked", port, "Wrong user or password.") for port in ports
        ]
    else:
        assert server.connections() == []


def test_who_asks_telemock_itself_needs_no_password(server: Served) -> None:
    assert server.ask("GET", PING_TARGET, host="cdn.cribl.io").body == PING_BODY
    assert server.ask("GET", "/health").status == 200
    answer = server.ask("GET", "/nothing", [("Proxy-Authorization", RIGHT[0])])
    assert answer.status == 404
    assert "roxy-" not in server.exchanges()[-1]["request_headers"]


@pytest.mark.parametrize(
    "data",
    [
        request_bytes("GET", "/", [("Proxy-Authorization", RIGHT[0]), ("Bad Name", "x")]),
        request_bytes("CONNECT", "no authority", [("Proxy-Authorization", RIGHT[0])]),
        request_bytes("CONNECT", "a.test:443", [("Proxy-Authorization", RIGHT[0]), ("Bad Name", "x")]),
        request_bytes("GET", "/", [("Proxy-Authorization", RIGHT[0])], version="HTTP/9.9"),
    ],
)
def test_what_is_malformed_is_kept_without_it(server: Served, data: bytes) -> None:
    assert server.say(data).status == 400
    assert len(server.malformed()) == 1
