"""This is what an IP address means for whoever wants to be let through to it.

It refuses names: they are resolved once, and every address they lead to is looked at before it is dialled.
"""

import ipaddress
import socket
from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What a gateway of the well-known prefix makes of an IPv4 address (RFC 6052 section 2.1).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def read_address(text: str) -> Address:
    """Read an address; one of IPv4 inside one of IPv6 is the one of IPv4.

    Raises:
        ValueError: it is none.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def is_here(address: Address) -> bool:
    """Tell whether an address is one of this machine's."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # only a machine's own addresses can be bound
    except OSError:
        return False
    return True


def why_forbidden(address: Address, port: int, *, own_ports: Collection[int], for_stranger: bool) -> str | None:
    """Say why nobody may be let through to an address; None when it is fine.

    Args:
        address: as `read_address` gives it.
        port: on that address.
        own_ports: where telemock itself listens.
        for_stranger: the client is not on this machine.
    """
    if address.is_link_local:
        return "is link-local, where clouds keep credentials"
    if address.is_multicast:
        return "is multicast"
    if port in own_ports and is_here(address):
        return "is telemock itself"
    if for_stranger and (address.is_loopback or address.is_unspecified):
        return "is this machine's loopback, which is not for clients elsewhere"
    return None
