"""This is a URL as a client's setting names a proxy: where it is, and with which user and password.

It refuses to show the password to anyone but the server itself.
"""

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from telemock.hosts import authority


class Place(NamedTuple):
    """A host, a port, the value of a Proxy-Authorization field (None where the URL names no user), and what follows."""

    scheme: str
    host: str
    port: int
    authorization: str | None
    rest: str

    def __str__(self) -> str:
        """Write the URL without user and password."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        return authority(self.host, self.port)

    @classmethod
    def read(cls, url: str) -> "Place":
        """Read `http://[user:password@]host[:port]`; without a scheme it is http.

        Raises:
            ValueError: it is no such URL; the message must not be shown.
        """
        parts = urlsplit(url if "://" in url else "http://" + url)
        port = parts.port
        if not url.isprintable() or not parts.hostname or port == 0 or any(map(str.isspace, parts.netloc)):
            raise ValueError
        authorization = None
        if parts.username is not None:
            pair = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
            authorization = "Basic " + b64encode(pair).decode()
        if port is None:
            port = 443 if parts.scheme == "https" else 80
        return cls(parts.scheme, parts.hostname, port, authorization, parts._replace(scheme="", netloc="").geturl())
