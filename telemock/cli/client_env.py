"""This is the environment that sends a client through telemock, as variables and as each shell reads them.

It refuses to touch files and the environment of this process, and to write what a shell would take for more than text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from telemock.errors import InvalidSetting

if TYPE_CHECKING:
    from telemock.authority.folder import PublicFiles

NO_PROXY = "localhost,127.0.0.1,::1"

# Some programs know a name in capitals only, some in small letters only; curl takes http_proxy in no other way.
_PROXIES = (
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    "grpc_proxy",  # goes before the others
    *("npm_config_proxy", "npm_config_https_proxy"),  # go before an npmrc
    *(
        "YARN_HTTP_PROXY",
        "YARN_HTTPS_PROXY",
    ),  # Yarn from version 2 on; it refuses names that it lacks
    *("GLOBAL_AGENT_HTTP_PROXY", "GLOBAL_AGENT_HTTPS_PROXY"),  # Node.js programs with global-agent
)
_NO_PROXIES = ("NO_PROXY", "no_proxy", "npm_config_noproxy", "GLOBAL_AGENT_NO_PROXY")

# What makes clients look at those.
_SWITCHES = {
    "NODE_USE_ENV_PROXY": "1",  # Node.js from 22.21 and 24.5 on
    "ELECTRON_GET_USE_PROXY": "1",
    "PERL_LWP_ENV_PROXY": "1",
}

# Clients that add a certificate to their own roots; all others take one file in place of them.
_ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
_REPLACING = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Rust, Ruby, .NET, uv, Erlang
    "REQUESTS_CA_BUNDLE",  # requests, and with it conda, Poetry, az
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "TWINE_CERT",
    "HTTPLIB2_CA_CERTS",
    "WEBSOCKET_CLIENT_CA_BUNDLE",  # websocket-client
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",  # gcloud
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "NEW_RELIC_CA_BUNDLE_PATH",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
    "NIX_SSL_CERT_FILE",
    "COMPOSER_CAFILE",
    "BUNDLE_SSL_CA_CERT",  # Ruby's Bundler
    "JULIA_SSL_CA_ROOTS_PATH",  # goes before SSL_CERT_DIR
    *("PERL_LWP_SSL_CA_FILE", "HTTPS_CA_FILE"),
    "HEX_CACERTS_PATH",  # Elixir
    "SYSTEM_CERTIFICATE_PATH",  # Haskell
)


def client_environment(proxy_url: str, files: "PublicFiles", no_proxy: str = NO_PROXY) -> dict[str, str]:
    """Give the variables that make clients use a proxy and trust it.

    Args:
        proxy_url: where telemock serves, as the client reaches it.
        files: what clients need, by absolute paths.
        no_proxy: hosts to be reached without the proxy, separated by commas.
    """
    return {
        **dict.fromkeys(_PROXIES, proxy_url),
        **dict.fromkeys(_NO_PROXIES, no_proxy),
        **_SWITCHES,
        **dict.fromkeys(_ADDING, str(files.pem)),
        **dict.fromkeys(_REPLACING, str(files.bundle)),
        **dict.fromkeys(("SYSTEM_WGETRC", "SYSTEM_WGET2RC"), str(files.wgetrc)),  # besides the user's own
        "PHP_INI_SCAN_DIR": f":{files.php_ini.parent}",  # besides PHP's own
    }


def replaced(variables: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    """Name the variables that had another value before, with that value; passwords of URLs in it are masked."""
    for name, value in variables.items():
        was = before.get(name, value)
        if was != value:
            yield f"{name} was {re.sub('//[^/@]*@', '//***@', was)!r} and is {value!r}."


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
