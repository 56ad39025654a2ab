"""Which IP addresses may be dialled: one table of ranges, applied to every IPv4 address that an IPv6 one stands for."""

import ipaddress
import socket
from collections.abc import Collection, Iterator
from typing import Final

from telemock.hosts import Address, Network

_CREDENTIALS: Final = "is where clouds keep credentials"
_RESERVED: Final = "is reserved, and no host's"
_PRIVATE: Final = "is private (--no-dial-private)"

# Sources: IANA's registries of special-purpose and of multicast IPv4 and IPv6 addresses; for credentials the manuals of
# the clouds, as those addresses are in ranges that anybody else may use.
_NEVER: Final[dict[Network, str]] = {
    ipaddress.ip_network(text): why
    for why, texts in {
        "is link-local, where clouds keep credentials": ("169.254.0.0/16", "fe80::/10"),
        _CREDENTIALS: (
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure
            "192.0.0.192",  # Oracle
            "fd00:c1::a9fe:a9fe",  # Oracle
            "fd00:ec2::/32",  # AWS, all its services for an instance
            "fd20:ce::254",  # Google
            "fd00:42::42",  # Scaleway
        ),
        "is multicast": ("224.0.0.0/4", "ff00::/8"),
        _RESERVED: ("0.0.0.0/8", "192.0.0.0/24", "240.0.0.0/4", "100::/64"),
    }.items()
    for text in texts
}
_BY_POLICY: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"),
        *("198.18.0.0/15", "2001:2::/48"),  # benchmarks of networks
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),  # documentation
        "5f00::/16",  # segment routing
    )
)

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_LOCAL_NAT64: Final = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215
# Where the IPv4 address stands behind a prefix of 48, 56, 64 or 96 bits: by how much to shift its upper and lower part,
# and how many bits the lower has; bits 64 to 71 are always empty (RFC 6052 section 2.2).
_NAT64_LAYOUTS: Final = ((64, 40, 16), (64, 32, 24), (64, 24, 32), (0, 0, 32))
_TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 2765 section 2.1
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")  # RFC 4291 section 2.5.5.1
_ISATAP: Final = frozenset({0x5EFE, 0x02005EFE})  # RFC 5214 section 6.1


def read_address(text: str) -> Address:
    """Read the address of a peer; one of IPv4 on a socket of IPv6 is the one of IPv4, and a zone is left out.

    Raises:
        ValueError: it is none.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


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


def why_forbidden(
    address: Address, port: int, *, own_ports: Collection[int], for_stranger: bool, may_be_private: bool = True
) -> str | None:
    """Say why nobody may be let through to an address; None when it is fine.

    Args:
        address: as `read_address` gives it.
        port: on that address.
        own_ports: where telemock itself listens.
        for_stranger: the client is not on this machine.
        may_be_private: private ranges are fine.
    """
    for each in _meanings(address):
        is_local = each.is_loopback or each.is_unspecified
        why = None if is_local else next((why for network, why in _NEVER.items() if each in network), None)
        if why is not None:
            return why
        if port in own_ports and is_here(each):
            return "is telemock itself"
        if for_stranger and is_local:
            return "is this machine's loopback, which is not for clients elsewhere"
        if not may_be_private and any(each in network for network in _BY_POLICY):
            return _PRIVATE
    if isinstance(address, ipaddress.IPv6Address) and any(map(_holds_credentials, _guesses(address))):
        return _CREDENTIALS
    return None


def _meanings(address: Address) -> Iterator[Address]:
    """Give an address and those of IPv4 that its form says it stands for."""
    yield address
    if not isinstance(address, ipaddress.IPv6Address) or address.is_unspecified or address.is_loopback:
        return
    number = int(address)
    if address.ipv4_mapped or address in _NAT64 or address in _TRANSLATED or address in _COMPATIBLE:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)


def _guesses(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Give those of IPv4 that it may stand for, if the network has a gateway (NAT64) with a prefix of its own."""
    number = int(address)
    layouts = _NAT64_LAYOUTS if address in _LOCAL_NAT64 else _NAT64_LAYOUTS[-1:]
    for upper_shift, lower_shift, lower_bits in layouts:
        lower = (number >> lower_shift) & (2**lower_bits - 1)
        upper = (number >> upper_shift) & (2 ** (32 - lower_bits) - 1)
        yield ipaddress.IPv4Address(upper << lower_bits | lower)


def _holds_credentials(guess: ipaddress.IPv4Address) -> bool:
    return str(guess) == "169.254.169.254" or _NEVER.get(ipaddress.ip_network(guess)) == _CREDENTIALS
