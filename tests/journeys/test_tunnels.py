"""Tunnels carry anything, much of it, and many at once, and leave no byte out and none behind."""

import asyncio
import hashlib
import json
import resource
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from socket import SHUT_WR, socket

import psutil
import pytest
import trustme
from aiohttp import ClientSession, WSMsgType, web

from tests.journeys.serving import Serving, serving, until
from tests.server.origin import origin
from tests.server.wire import HANG_SECONDS, request_bytes

MEBIBYTE = 2**20
MANY = 500


@pytest.fixture(scope="module")
def telemock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A telemock that lets everybody through, started where few files may be open, as they may by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with serving(tmp_path_factory.mktemp("telemock")) as server:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
            yield server
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def pattern(seed: object, size: int) -> bytes:
    """Make bytes that are like no others."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def test_much_passes_through_little_memory_in_both_directions_at_once(telemock: Serving) -> None:
    block = pattern("much", MEBIBYTE)
    count = 64
    whole = hashlib.sha256(block * count).digest()

    def digest(connection: socket) -> bytes:
        heard = hashlib.sha256()
        while data := connection.recv(MEBIBYTE):
            heard.update(data)
        return heard.digest()

    def say(connection: socket) -> None:
        for _ in range(count):
            connection.sendall(block)
        connection.shutdown(SHUT_WR)

    heard: list[bytes] = []

    def speak(connection: socket) -> None:
        with ThreadPoolExecutor(1) as beside:
            beside.submit(say, connection)
            heard.append(digest(connection))

    last = telemock.last_id("connections")
    process = psutil.Process(telemock.process.pid)
    before = process.memory_info().rss
    most = before
    with origin(speak) as there, telemock.connect() as wire, ThreadPoolExecutor(2) as beside:
        wire.send(request_bytes("CONNECT", there.authority, host=there.authority))
        assert wire.answer(body=False).status == 200
        saying, hearing = beside.submit(say, wire.socket), beside.submit(digest, wire.socket)
        while not (saying.done() and hearing.done()):
            most = max(most, process.memory_info().rss)
        assert hearing.result() == whole
    assert heard == [whole]
    assert most - before < 16 * MEBIBYTE
    until(lambda: telemock.rows("connections", last))
    (row,) = telemock.rows("connections", last)
    assert (row["bytes_up"], row["bytes_down"]) == (count * MEBIBYTE, count * MEBIBYTE)


async def test_many_tunnels_are_open_at_once_and_each_carries_its_own(telemock: Serving) -> None:
    last = telemock.last_id("connections")
    size = 50_000

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = await reader.read()
        writer.write(pattern(heard[:100], size))
        writer.close()

    async with asyncio.timeout(2 * HANG_SECONDS):
        there = await asyncio.start_server(speak, "127.0.0.1", 0, backlog=MANY)
        authority = f"127.0.0.1:{there.sockets[0].getsockname()[1]}"

        async def open_tunnel() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", telemock.port)
            writer.write(request_bytes("CONNECT", authority, host=authority))
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            return reader, writer

        async def use(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            said = pattern(number, size)
            writer.write(said)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer == pattern(said[:100], size)

        tunnels = await asyncio.gather(*(open_tunnel() for _ in range(MANY)))
        assert all(await asyncio.gather(*(use(number, *ends) for number, ends in enumerate(tunnels))))
        there.close()
    until(lambda: len(telemock.rows("connections", last)) == MANY)
    kept = {(row["bytes_up"], row["bytes_down"], row["detail"]) for row in telemock.rows("connections", last)}
    assert kept == {(size, size, "Both sides ended.")}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Another server's authority, and its own certificate with its key."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return folder / "authority.pem", folder / "server.pem"


HTTP_2 = """
const pem = require("fs").readFileSync(process.argv[1]);
const server = require("http2").createSecureServer({ key: pem, cert: pem, allowHTTP1: false });
server.on("stream", (stream, fields) => {
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "came" }));
  stream.pipe(stream);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@contextmanager
def http_2_server(pem: Path) -> Iterator[int]:
    """Serve an echo that speaks nothing but HTTP/2; gives its port."""
    with subprocess.Popen(["node", "-e", HTTP_2, str(pem)], stdout=subprocess.PIPE) as node:
        try:
            assert node.stdout is not None
            yield int(node.stdout.readline())
        finally:
            node.kill()


def test_http_2_passes_unharmed(telemock: Serving, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    body = pattern("HTTP/2", 3 * MEBIBYTE)
    (tmp_path / "body").write_bytes(body)
    with http_2_server(certificate[1]) as port:
        url = f"https://localhost:{port}/"
        command = ["curl", "-sS", "--http2", "--noproxy", "", "--proxy", f"http://127.0.0.1:{telemock.port}"]
        command += ["--cacert", str(certificate[0]), "--data-binary", f"@{tmp_path / 'body'}", "-D", "-"]
        command += ["-o", str(tmp_path / "a"), url, "--next", *command[1:], "-o", str(tmp_path / "b"), url]
        done = subprocess.run(command, capture_output=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (done.stdout.count(b"HTTP/2 200"), done.stdout.count(b"x-trailer: came")) == (2, 2)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == body


async def test_a_web_socket_passes_unharmed(telemock: Serving, certificate: tuple[Path, Path]) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        responding = web.WebSocketResponse()
        await responding.prepare(request)
        async for message in responding:
            if message.type is WSMsgType.TEXT:
                await responding.send_json(json.loads(message.data))
            else:
                await responding.send_bytes(message.data[::-1])
        return responding

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1])
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    url = f"wss://localhost:{runner.addresses[0][1]}/"
    trusting = ssl.create_default_context(cafile=certificate[0])
    async with asyncio.timeout(HANG_SECONDS), ClientSession() as session:
        proxy = f"http://127.0.0.1:{telemock.port}"
        async with session.ws_connect(url, proxy=proxy, ssl=trusting) as connection:
            for number in range(100):
                await connection.send_json({"number": number})
                assert await connection.receive_json() == {"number": number}
            await connection.send_bytes(data := pattern("web socket", MEBIBYTE))
            assert await connection.receive_bytes() == data[::-1]
            await connection.close(code=4000)
    await runner.cleanup()
