"""This is one visit of the doctor: whom it looks at and by which means, and what earlier checks learnt for later ones.

It refuses to judge; checks do that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from telemock.authority.inspection import PublicAuthority
from telemock.authority.visit_proof import VISIT_FIELD, VISIT_PROTOCOL, visit_proof
from telemock.doctor.wire import Address, Answer, Line
from telemock.hosts import authority, url_host
from telemock.place import Place

PORT = 443  # where clients of a host expect TLS


@dataclass(slots=True, kw_only=True)
class Visit:
    """What the doctor was told, and what it has learnt.

    Attributes:
        server: where telemock is said to be.
        host: what clients call it.
        find_certificate: gives the file of the authority that clients are to trust; may raise AuthorityError.
        seconds: what each connection, and each question to the resolver, may take.
        environment: the variables in force.
        now: the clock, UTC.
        find_exposed: gives a sentence for each secret file of the authority that others may read or change; None where
            there is no secret on this machine.
        key: of the proof that this is the doctor, who leaves no row; None where it cannot be had.
        addresses: where the server is; the one that took a connection first.
        answer: what /health said.
        authority: what stands in the file.
        has_proxy: variables lead clients to this telemock.
    """

    server: Place
    host: str
    find_certificate: Callable[[], Path]
    seconds: float
    environment: Mapping[str, str]
    now: Callable[[], datetime]
    find_exposed: Callable[[], Sequence[str]] | None = None
    key: bytes | None = None
    addresses: list[Address] = field(default_factory=list)
    answer: Answer | None = None
    authority: PublicAuthority | None = None
    has_proxy: bool = False

    def line(self) -> Line:
        """Connect to the server.

        Raises:
            OSError: it takes no connection now.
        """
        return Line(self.addresses[0], self.seconds)

    def ask_admin(self, path: str) -> Answer:
        """Ask the server's admin side, which captures nothing.

        Raises:
            OSError: the connection broke, or it took too long.
            NotHttp: it does not answer in HTTP.
        """
        address = self.addresses[0].ip
        # Called by its address it cannot take the doctor for a product, whatever it intercepts.
        fields = {"Host": url_host(address), "Connection": "close"}
        with self.line() as line:
            return line.ask("GET", path, fields)

    def ask_for_tunnel(self, line: Line) -> Answer:
        """Ask the server, as a proxy, for a tunnel to the host.

        Raises:
            OSError: the connection broke, or it took too long.
            NotHttp: it does not answer in HTTP.
        """
        target = authority(self.host, PORT)
        fields = {"Host": target}
        if self.server.authorization is not None:
            fields["Proxy-Authorization"] = self.server.authorization
        if self.key is not None:
            fields[VISIT_FIELD] = visit_proof(self.key, target, self.now().timestamp())
        return line.ask("CONNECT", target, fields)

    @contextmanager
    def tunnel(self) -> Iterator[Line]:
        """Have a connection to the host through the server.

        Raises:
            OSError: there is none.
            NotHttp: the server does not answer in HTTP.
        """
        with self.line() as line:
            answer = self.ask_for_tunnel(line)
            if answer.status != 200:
                raise OSError(f"the proxy now answers with status {answer.status}")
            yield line

    def protocols(self) -> list[str]:
        """Give the protocols to offer in TLS with the host: HTTP/1.1, and the proof that this is the doctor."""
        if self.key is None:
            return ["http/1.1"]
        return ["http/1.1", VISIT_PROTOCOL + visit_proof(self.key, self.host, self.now().timestamp())]

    def is_server(self, addresses: list[Address]) -> bool:
        """Tell whether addresses are the server's; one in common is enough."""
        return not {each.ip for each in addresses}.isdisjoint(each.ip for each in self.addresses)
