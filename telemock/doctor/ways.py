"""This is how clients started here get to the server: by the variables that name proxies, or by the host's address.

It refuses to print the value of a variable: there may be a password in it.
"""

import re
from collections.abc import Iterator, Mapping

from telemock.doctor.finding import Finding, failed, ok, warning
from telemock.doctor.visit import PORT, Visit
from telemock.doctor.wire import resolve, said_of
from telemock.place import Place


def read_proxy_variables(visit: Visit) -> Iterator[Finding]:
    """Look where variables lead clients of the host; learns whether that is here."""
    environment = visit.environment
    name = _winner(environment, "https_proxy") or _winner(environment, "all_proxy")
    if name is None:
        yield ok("https_proxy", "No variable names a proxy for https: clients started here go where names lead.")
    else:
        yield _led(visit, "https_proxy", name)
    plain = _winner(environment, "http_proxy")
    if plain is not None:
        yield _led(visit, "http_proxy", plain)
    exempt = _winner(environment, "no_proxy")
    if exempt is None:
        return
    is_exempt = _is_exempt(visit.host, environment[exempt])
    if not is_exempt:
        yield ok("no_proxy", f"{exempt} does not name {visit.host}.")
    elif name is None:
        yield ok("no_proxy", f"{exempt} names {visit.host}, but there is no proxy to pass by.")
    else:
        visit.has_proxy = False
        yield failed(
            "no_proxy",
            f"{exempt} names {visit.host}, so clients pass the proxy of {name} by.",
            f"Take {visit.host} out of {exempt}, and every domain that it is below; then restart the clients.",
        )


def find_host(visit: Visit) -> Iterator[Finding]:
    """Look where clients get that go by the host's name."""
    host, port = visit.host, visit.server.port
    here = "but clients here have telemock for a proxy, which needs no name" if visit.has_proxy else ""
    step = f"Let such clients use the proxy, HTTPS_PROXY={visit.server}, or let DNS lead {host} to telemock's machine."
    try:
        found = resolve(host, PORT, visit.seconds)
    except OSError as error:
        said = f"{host} leads nowhere here ({said_of(error, visit.seconds)})"
        if here:
            yield ok("name", f"{said}, {here}.")
        else:
            yield warning("name", f"{said}: a client without a proxy does not get to telemock.", step)
        return
    shown = ", ".join(dict.fromkeys(each.ip for each in found))
    if visit.is_server(found) and port == PORT:
        yield ok("name", f"{host} leads to the server ({shown}): clients without a proxy get to telemock.")
    elif visit.is_server(found):
        yield warning(
            "name",
            f"{host} leads to the server ({shown}), but to its port {PORT}, and this is {port}.",
            f"Start `telemock serve` with --port {PORT} as well, or lead port {PORT} to {port}.",
        )
    elif here:
        yield ok("name", f"{host} leads elsewhere ({shown}), {here}.")
    else:
        yield warning("name", f"{host} leads elsewhere ({shown}): a client without a proxy goes there.", step)


def _winner(environment: Mapping[str, str], name: str) -> str | None:
    """Give the spelling that counts, lower case before upper case; empty is not set."""
    return next((each for each in (name, name.upper()) if environment.get(each)), None)


def _led(visit: Visit, check: str, name: str) -> Finding:
    step = f"export {name}={visit.server}, and restart the clients."
    try:
        proxy = Place.read(visit.environment[name])
    except ValueError:
        return warning(check, f"{name} is no URL of a proxy.", step)
    if not _is_this(visit, proxy):
        said = f"{name} leads clients to {proxy}, not to this telemock."
        return warning(check, said, f"{step[:-1]}; if it is the same one, name it so with --url.")
    visit.has_proxy = visit.has_proxy or check == "https_proxy"
    but, step = _blemish(visit, proxy, name)
    return warning(check, f"{name} leads here, but {but}.", step) if but else ok(check, f"{name} leads clients here.")


def _blemish(visit: Visit, proxy: Place, name: str) -> tuple[str, str]:
    """Say what is wrong with a variable that leads to the server, and what to do; empty when nothing is."""
    environment, upper = visit.environment, name.upper()
    if proxy.scheme != "http":
        return f"by {proxy.scheme}, and the proxy is spoken to in plain http", f"Begin {name} with http://."
    if visit.server.authorization not in (None, proxy.authorization):
        said = "without the user and password that --url has"
        return said, f"Put them into {name}, http://user:password@host:port."
    if environment.get(upper, "") not in ("", environment[name]):
        said = f"{upper} is something else; most clients take the lower case"
        return said, f'export {upper}="${name}", and restart the clients.'
    if upper == "ALL_PROXY":
        return "no variable for https does, and not all clients read this one", f'export HTTPS_PROXY="${name}".'
    return "", ""


def _is_this(visit: Visit, proxy: Place) -> bool:
    if proxy.port != visit.server.port:
        return False
    try:
        return proxy.host == visit.server.host or visit.is_server(resolve(proxy.host, proxy.port, visit.seconds))
    except OSError:
        return False


def _is_exempt(host: str, exempt: str) -> bool:
    """Tell whether NO_PROXY names a host, or a domain above it, in one of the spellings that clients take."""
    for entry in re.split(r"[\s,]+", exempt.lower()):
        name = entry.removesuffix(f":{PORT}").strip("[]").removeprefix("*").lstrip(".")
        if entry == "*" or (name and (host == name or host.endswith("." + name))):
            return True
    return False
