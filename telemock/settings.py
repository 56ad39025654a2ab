"""This is the one table of what `telemock serve` can be told: it feeds the CLI, the runtime and the README.

It refuses to read files or the environment; the CLI does that and hands over values.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_type_hints

from telemock.errors import InvalidSetting

Durability = Literal["commit", "fsync", "async"]
LogFormat = Literal["text", "json"]
Mode = Literal["mock", "record"]
Others = Literal["tunnel", "block"]

DEFAULT_DB = "telemetry.db"
DEFAULT_CA_DIR = Path("~/.telemock")
MAX_WORKERS = 256
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_size(text: str, *, is_row: bool = True) -> int:
    """Read a size in bytes: `10485760`, `500kB` (powers of ten), `10MiB` (powers of two).

    Raises:
        InvalidSetting: not a size, or of a row and larger than 512 MiB, which SQLite cannot keep in one.
    """
    match = re.fullmatch(r"(\d{1,12})\s*([a-zA-Z]*)", text.strip(), re.ASCII)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise InvalidSetting(f"{text!r} is not a size; write bytes or a unit, such as 10MiB.")
    size = int(match[1]) * unit
    if is_row and size > 2**29:
        raise InvalidSetting(f"{text!r} is more than one row of the database can hold; at most 512MiB.")
    return size


def parse_mode(text: str) -> tuple[str | None, Mode]:
    """Read a mode, `mock` or `record`, or that of one profile, `cribl=record`; None is every profile.

    Raises:
        InvalidSetting: it is neither.
    """
    profile, equals, mode = text.rpartition("=")
    if mode not in get_args(Mode) or (equals and not profile):
        raise InvalidSetting(f"{text!r} is not a mode; write mock, record, or a profile and one of them: cribl=record.")
    return profile or None, cast("Mode", mode)


def _setting(default: Any, help_text: str) -> Any:
    """Declare a setting with the sentence that CLI and README show."""
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Everything `telemock serve` can be told; each field is an option, an environment variable and a key."""

    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 is every IPv4 address, :: is IPv6.")
    port: tuple[int, ...] = _setting(
        (8080,), "Port to listen on; repeatable, and each does everything; 0 picks a free one."
    )
    db: str = _setting(DEFAULT_DB, "Database: a path or a URL such as sqlite:////data/telemetry.db.")
    durability: Durability = _setting(
        "commit",
        "When an answer leaves: after the commit (survives the process), after fsync (survives power "
        "loss), or before either (async; for load tests).",
    )
    workers: int = _setting(1, "Processes that serve; a parent restarts one that dies or hangs.")
    intercept: tuple[str, ...] = _setting(
        (),
        "Host that is answered here, besides those of the product; repeatable; *.example.com is every host below "
        "that, * is all.",
    )
    admin_host: tuple[str, ...] = _setting(
        (),
        "Name under which /health, /metrics and /__admin answer, besides addresses, localhost and this machine's own "
        "name; repeatable.",
    )
    others: Others | None = _setting(
        None,
        "All other hosts, for clients that use telemock as their proxy: let through (tunnel) or refused (block). "
        "Unless said, tunnel where only this machine can connect.",
    )
    mode: tuple[str, ...] = _setting(
        (),
        "Who answers for the intercepted hosts: mock is telemock, and asks nobody; record sends requests on to the "
        "real hosts and keeps their answers; repeatable, cribl=record is for one profile. Unless said, mock.",
    )
    dial_private: bool = _setting(
        default=True,
        help_text="Whether clients of the proxy, and --mode record, reach private addresses (10.0.0.0/8, fc00::/7, …).",
    )
    proxy_auth_file: Path | None = _setting(
        None, "Who may use the proxy: lines of user:password, or of htpasswd with bcrypt; else everybody may."
    )
    upstream_proxy: str | None = _setting(
        None,
        "Proxy through which other hosts are reached, http://user:password@host:port; NO_PROXY names hosts that "
        "are not.",
    )
    upstream_ca: Path | None = _setting(
        None, "Certificates (PEM) of authorities that are trusted for other hosts besides the system's."
    )
    ca_dir: Path = _setting(DEFAULT_CA_DIR, "Folder of the certificate authority, made on first use.")
    ca_cert: Path | None = _setting(
        None,
        "PEM file of an authority of your own, instead of --ca-dir: its certificate, then the chain up to the root.",
    )
    ca_key: Path | None = _setting(None, "PEM file with the private key of --ca-cert, unless it stands there.")
    answer: int | None = _setting(
        None, "Status of the answer to what nothing here answers, instead of 404 with an explanation."
    )
    answer_body: str | None = _setting(
        None,
        "Text of that answer. Unless said, what the client asks for: JSON, {}; HTML, an empty page; an image, one of "
        "a pixel; else nothing.",
    )
    answer_type: str | None = _setting(None, "Media type of that answer, such as application/json.")
    max_body: int = _setting(parse_size("10MiB"), "Longest request body kept and decompressed, such as 10MiB.")
    body_memory: int = _setting(
        parse_size("256MiB"),
        "Memory that bodies take over all clients, in all workers, and at least one body's in each; who finds none "
        "waits for 10 s, then gets 503.",
    )
    redact_secrets: bool = _setting(
        default=False,
        help_text="Whether keyed fingerprints are stored in place of secrets, as far as rules know them.",
    )
    log_format: LogFormat = _setting("text", "Lines on standard output: readable text or JSON objects.")
    log_dir: Path | None = _setting(None, "Folder that also gets telemetry_YYYYMMDD.jsonl, one file a UTC day.")
    ready_file: Path | None = _setting(None, "File that gets host, port, pid and db as JSON once serving.")


def settings_to_json(settings: ServeSettings) -> dict[str, Any]:
    """Give the settings as values that JSON holds."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()}


def settings_from_json(values: Mapping[str, Any]) -> ServeSettings:
    """Undo `settings_to_json`."""
    kinds = get_type_hints(ServeSettings)
    return ServeSettings(**{name: _from_json(value, kinds[name]) for name, value in values.items()})


def _from_json(value: Any, kind: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return Path(value) if isinstance(value, str) and kind in (Path, Path | None) else value
