"""This is the measurement of interception: telemock by CONNECT and TLS, by plain HTTP, and mitmproxy, in turns.

It refuses to compare with a mitmproxy that does more than telemock's mock: an addon answers, nothing is dialled.
"""

import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from load import GET_PATH, HERE, Result, Server, answers, load, run_wrk, running, telemock, wait

MITMPROXY = HERE.parent / ".bench"
HOST = "https://cdn.cribl.io"
ADDON = """
from mitmproxy import http


def request(flow):
    headers = {"Content-Type": "text/html; charset=utf-8"}
    flow.response = http.Response.make(200, b"cribl /// living the stream!\\n", headers)
"""

# wrk knows no proxies; proxychains makes each of its connections ask for a tunnel first.
PROXYCHAINS = """
strict_chain
proxy_dns
quiet_mode
[ProxyList]
http 127.0.0.1 {port}
"""


def compare_https(rounds: int, seconds: int) -> None:
    """Load telemock and mitmproxy in turns; print medians and ratios."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        ours = stack.enter_context(telemock(folder, "telemock", "--ca-dir", str(folder / "ca")))
        theirs = stack.enter_context(mitmproxy(folder))
        measured: dict[str, list[Result]] = {}
        for _ in range(rounds):
            for label, result in (
                ("telemock, plain HTTP", run_wrk(ours, GET_PATH, 32, seconds, None)),
                ("telemock, CONNECT", through(folder, ours, seconds, 32)),
                ("mitmproxy, CONNECT", through(folder, theirs, seconds, 32)),
                ("telemock, new connections", through(folder, ours, seconds, 8, "-H", "Connection: close")),
                ("mitmproxy, new connections", through(folder, theirs, seconds, 8, "-H", "Connection: close")),
            ):
                measured.setdefault(label, []).append(result)
        print(f"{rounds} rounds of {seconds} s, medians of requests per second; ratios are of the same rounds")
        for label, results in measured.items():
            print(f"{label:28} {statistics.median(each.rate for each in results):8.0f}")
        for one, other in (
            ("telemock, CONNECT", "telemock, plain HTTP"),
            ("telemock, CONNECT", "mitmproxy, CONNECT"),
            ("telemock, new connections", "mitmproxy, new connections"),
        ):
            ratios = [mine.rate / its.rate for mine, its in zip(measured[one], measured[other], strict=True)]
            print(f"{one} / {other}: {statistics.median(ratios):.2f}")


def through(folder: Path, proxy: Server, seconds: int, connections: int, *options: str) -> Result:
    """Ping the product's host through a proxy."""
    chain = folder / f"{proxy.name}.conf"
    chain.write_text(PROXYCHAINS.format(port=proxy.url.rpartition(":")[2]))
    return load(HOST + GET_PATH, connections, seconds, options, ["proxychains4", "-q", "-f", str(chain)])


@contextlib.contextmanager
def mitmproxy(folder: Path) -> Iterator[Server]:
    """Run mitmproxy from an environment of its own, made on first use."""
    program = MITMPROXY / "bin/mitmdump"
    if not program.exists():
        print("Setting up mitmproxy in .bench; this happens once.", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(MITMPROXY)], check=True)
        subprocess.run([str(MITMPROXY / "bin/pip"), "install", "--quiet", "mitmproxy"], check=True)
    addon = folder / "addon.py"
    addon.write_text(ADDON)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(program), "--quiet", "--listen-host", "127.0.0.1", "--listen-port", str(port), "-s", str(addon)]
    # Else it would dial the host before it answers for it.
    with running([*command, "--set", f"confdir={folder}", "--set", "connection_strategy=lazy"]) as process:
        wait(process, lambda: answers(port))
        yield Server("mitmproxy", f"http://127.0.0.1:{port}", process, None)
