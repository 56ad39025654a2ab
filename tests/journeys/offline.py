"""This is what happens on a machine whose only network is itself, and whose name server hears every question.

It refuses to run anywhere else: `test_offline` starts it in namespaces of its own, as `python -m`.
"""

import fcntl
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.cli.process import TELEMOCK
from tests.corpus import PING_QUERY
from tests.journeys.running import ENVIRONMENT
from tests.journeys.serving import serving

PING = f"cdn.cribl.io/telemetry/index.html?{PING_QUERY}"
ELSEWHERE = "elsewhere.test"

_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP (netdevice(7))


def start_loopback() -> None:
    """Take the network into service; there is no other."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))


@contextmanager
def name_server() -> Iterator[list[str]]:
    """Be the name server; gives the names that were asked for, and says of each that there is none."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 53))

        def answer() -> None:
            while (question := listening.recvfrom(4096))[0]:
                data, client = question
                asked.append(name_in(data[12:]))
                listening.sendto(data[:2] + b"\x81\x83" + data[4:], client)  # NXDOMAIN (RFC 1035 section 4.1.1)

        hearing = Thread(target=answer)
        hearing.start()
        try:
            yield asked
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", 53))
            hearing.join()


def name_in(labels: bytes) -> str:
    """Read a name of DNS (RFC 1035 section 3.1)."""
    names: list[str] = []
    while labels[0]:
        names.append(labels[1 : labels[0] + 1].decode())
        labels = labels[labels[0] + 1 :]
    return ".".join(names)


def curl(*arguments: object) -> str:
    """Ask for something with curl; gives the answer's body."""
    done = subprocess.run(["curl", "-sS", *map(str, arguments)], capture_output=True, env=ENVIRONMENT, check=False)
    return done.stdout.decode() or done.stderr.decode()


def main(folder: Path) -> None:
    """Ping by every road, ask for another host, run a program; tell as JSON what came of it."""
    start_loopback()
    with name_server() as asked, serving(folder) as server:
        there = f"127.0.0.1:{server.port}"
        trust, proxy = ("--cacert", server.certificate), ("--proxy", f"http://{there}")
        answers = {
            "direct": curl("--connect-to", f"::{there}", f"http://{PING}"),
            "tls": curl(*trust, "--connect-to", f"::{there}", f"https://{PING}"),
            "proxy": curl(*proxy, f"http://{PING}"),
            "connect": curl(*trust, *proxy, f"https://{PING}"),
            "connect without TLS": curl(*proxy, "--proxytunnel", f"http://{PING}"),
        }
        asked_for_product = list(asked)
        elsewhere = json.loads(curl(*proxy, f"http://{ELSEWHERE}/"))
        asked_for_another = list(asked)
        options = ("--db", folder / "run.db", "--ca-dir", folder / "ca", "--format", "json")
        ran = subprocess.run(
            [*TELEMOCK, "run", *map(str, options), "--", "curl", "-sS", "https://any.test/a"],
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
        )
    said = {
        "answers": answers,
        "asked_for_product": asked_for_product,
        "elsewhere": elsewhere["error"],
        "asked_for_another": asked_for_another,
        "asked_in_the_end": asked,
        "ran": [ran.returncode, ran.stderr.decode()],
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
