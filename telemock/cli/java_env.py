"""This is the environment that sends Java through telemock: it knows no proxy variables, and no PEM.

It refuses to lose what the user's own JAVA_TOOL_OPTIONS say.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

JAVA_VARIABLE = "JAVA_TOOL_OPTIONS"


def java_tool_options(own: str, proxy_url: str, trust_store: Path, password: str, no_proxy: str) -> str:
    """Give options that make a Java machine use a proxy and trust it alone; the last of two of a kind is obeyed.

    Args:
        own: what the variable holds already.
        proxy_url: where telemock serves.
        trust_store: PKCS #12 file, by an absolute path; it takes the place of Java's own roots.
        password: of that file.
        no_proxy: hosts to be reached without the proxy, separated by commas.
    """
    address = urlsplit(proxy_url)
    properties = {
        "javax.net.ssl.trustStore": str(trust_store),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": password,
        "http.proxyHost": address.hostname,
        "http.proxyPort": address.port,
        "https.proxyHost": address.hostname,
        "https.proxyPort": address.port,
        "http.nonProxyHosts": non_proxy_hosts(no_proxy),  # of https as well
    }
    return " ".join(filter(None, [own, *(_quoted(f"-D{name}={value}") for name, value in properties.items())]))


def non_proxy_hosts(no_proxy: str) -> str:
    """Write a NO_PROXY list as Java does: bars between, `*.` for the names below a host, IPv6 in brackets."""
    patterns: list[str] = []
    for host in filter(None, (each.strip() for each in no_proxy.split(","))):
        if ":" in host and not host.startswith("["):
            patterns.append(f"[{host}]")
        elif host.startswith("."):
            patterns.append("*" + host)
        elif host == "*" or not re.search(r"[a-z]", host, re.IGNORECASE) or "." not in host:
            patterns.append(host)
        else:
            patterns += [host, "*." + host]  # others take a name in NO_PROXY for a whole domain
    return "|".join(dict.fromkeys(patterns))


def _quoted(option: str) -> str:
    """Put into quotes what the Java machine would split; it takes what is between two of either kind as it stands."""
    return re.sub(r"""[\s']+|"+""", lambda found: f"'{found[0]}'" if found[0][0] == '"' else f'"{found[0]}"', option)
