"""This is the environment that sends a client through telemock, as variables and as each shell reads them.

It refuses to touch files and the environment of this process, and to write what a shell would take for more than text.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from telemock.errors import InvalidSetting

NO_PROXY = "localhost,127.0.0.1,::1"

# Clients that add a certificate to their own roots; all others take one file in place of them.
_ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
_REPLACING = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Rust
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
)


def client_environment(proxy_url: str, certificate: Path, bundle: Path, no_proxy: str = NO_PROXY) -> dict[str, str]:
    """Give the variables that make clients use a proxy and trust it.

    Args:
        proxy_url: where telemock serves, as the client reaches it.
        certificate: PEM file that the client must trust, by an absolute path.
        bundle: PEM file of the client's own roots and the certificate, by an absolute path.
        no_proxy: hosts to be reached without the proxy, separated by commas.
    """
    # Some programs know a name in capitals only, some in small letters only; curl takes http_proxy in no other way.
    proxies = {name: proxy_url for each in ("HTTP_PROXY", "HTTPS_PROXY") for name in (each, each.lower())}
    return {
        **proxies,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "NODE_USE_ENV_PROXY": "1",  # Node 24 looks at the variables only then
        **dict.fromkeys(_ADDING, str(certificate)),
        **dict.fromkeys(_REPLACING, str(bundle)),
    }


def shell_lines(variables: Mapping[str, str], shell: str) -> str:
    """Write variables as one of `SHELLS` reads them, a line for each.

    Raises:
        InvalidSetting: a value that this form cannot hold.
    """
    write = SHELLS[shell]
    return "".join(write(name, value) + "\n" for name, value in variables.items())


def _sh(name: str, value: str) -> str:
    return f"export {name}='" + value.replace("'", "'\\''") + "'"


def _fish(name: str, value: str) -> str:
    return f"set -gx {name} '" + re.sub(r"(['\\])", r"\\\1", value) + "'"


def _powershell(name: str, value: str) -> str:
    # It takes typographic quotes for quotes too.
    return f"$env:{name} = '" + re.sub("(['\u2018-\u201b])", r"\1\1", value) + "'"


def _docker(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise InvalidSetting(f"{value!r} has a line break, which no --env-file can hold; choose another --ca-dir.")
    return f"{name}={value}"


def _systemd(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    escaped = re.sub(r"[\x01-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", quoted)
    return f'Environment="{name}={escaped}"'


SHELLS: dict[str, Callable[[str, str], str]] = {
    "sh": _sh,
    "fish": _fish,
    "powershell": _powershell,
    "docker": _docker,
    "systemd": _systemd,
}
