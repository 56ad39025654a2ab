"""This is what the doctor asks of the port: whether somebody listens, a healthy telemock, and a proxy.

It refuses to ask for anything that would be captured.
"""

from collections.abc import Iterator
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from telemock.doctor.finding import Finding, failed, ok, warning
from telemock.doctor.visit import PORT, Visit
from telemock.doctor.wire import Address, Answer, Line, NotHttp, resolve, said_of
from telemock.exchange import json_object

CLOCKS_MAY_DIFFER: Final = timedelta(seconds=60)
_MOST_CHARACTERS: Final = 500


def find_port(visit: Visit) -> Iterator[Finding]:
    """Look whether something listens at the URL; learns its addresses."""
    server = visit.server
    try:
        found = resolve(server.host, server.port, visit.seconds)
    except OSError as error:
        said = f"The name {server.host} of the URL leads nowhere: {said_of(error, visit.seconds)}."
        yield failed("port", said, "Name telemock's machine with --url, by its address if need be.")
        return
    reasons = []
    for address in found:
        reason = _refusal(address, visit.seconds / len(found))
        if not reason:
            visit.addresses = [address, *(each for each in found if each is not address)]
            yield ok("port", f"{server.netloc} takes connections.")
            return
        reasons.append(reason)
    visit.addresses = found
    said = " and ".join(dict.fromkeys(reasons))
    yield failed(
        "port",
        f"Nobody takes connections at {server.netloc}: {said}.",
        "Start `telemock serve` there, name where it is with --url, or look for a firewall between here and there.",
    )


def ask_health(visit: Visit) -> Iterator[Finding]:
    """Ask whether it is a telemock; learns its answer."""
    try:
        answer = visit.ask_admin("/health")
        health = json_object(answer.body).get("status")
        if (answer.status, health) in ((200, "healthy"), (503, "unhealthy")):
            visit.answer = answer
            yield ok("telemock", f"A telemock answers at {visit.server}.")
            return
        said = f"it answers with status {answer.status}, and not as telemock does"
    except (OSError, NotHttp) as error:
        said = said_of(error, visit.seconds)
    yield failed(
        "telemock",
        f"What is at {visit.server} is no telemock: {said}.",
        "Name the port that `telemock serve` printed with --url; an older telemock on it may have to be restarted.",
    )


def read_health(visit: Visit) -> Iterator[Finding]:
    """Say what /health said of the database, of the authority that signs, and of what will be wrong."""
    answer = _heard(visit)
    said = json_object(answer.body)
    reason = str(said.get("reason") or "no reason given").rstrip(".")[:_MOST_CHARACTERS]
    if answer.status == 200 or said.get("part") == "authority":
        yield ok("database", "The database takes exchanges.")
    else:
        yield failed(
            "database",
            f"The database takes no exchanges: {reason}.",
            "Make it writable, or its disk less full; telemock goes on by itself, and answers 503 until then.",
        )
    if said.get("part") == "authority":
        yield failed("health", *_said_and_step(reason))
    warnings = said.get("warnings")
    for each in warnings if isinstance(warnings, list) else ():
        yield warning("health", *_said_and_step(str(each)[:_MOST_CHARACTERS].rstrip(".")))


def compare_clocks(visit: Visit) -> Iterator[Finding]:
    """Hold the Date of /health against the clock here."""
    try:
        date = parsedate_to_datetime(_heard(visit).fields.get("date", ""))
        ahead = (date if date.tzinfo else date.replace(tzinfo=UTC)) - visit.now()
    except (ValueError, OverflowError):
        yield warning("clock", "The server does not tell the time.", "See what stands between here and telemock.")
        return
    if abs(ahead) <= CLOCKS_MAY_DIFFER:
        yield ok("clock", "The server's clock and this machine's agree.")
        return
    way = "ahead of" if ahead > timedelta() else "behind"
    yield warning(
        "clock",
        f"The server's clock is {timedelta(seconds=round(abs(ahead).total_seconds()))} {way} this machine's.",
        "Set the clock that is wrong; certificates look expired, or not yet valid, to whom time is far off.",
    )


def ask_for_tunnel(visit: Visit) -> Iterator[Finding]:
    """Ask the server, as a client of a proxy does, for the host."""
    host = visit.host
    try:
        with visit.line() as line:
            answer = visit.ask_for_tunnel(line)
    except (OSError, NotHttp) as error:
        said = f"Asked for {host}, the proxy gives no answer: {said_of(error, visit.seconds)}."
        yield failed("proxy", said, "See what `telemock serve` printed, and what stands between here and there.")
        return
    if answer.status == 200:
        yield ok("proxy", f"As a proxy it takes connections to {host}:{PORT}.")
    elif answer.status == 403:
        said = f"As a proxy it refuses {host}, which is not intercepted."
        yield failed("proxy", said, f"Start `telemock serve` with --intercept {host}.")
    elif answer.status == 407 and visit.server.authorization is None:
        yield failed(
            "proxy",
            "As a proxy it wants a user and a password.",
            "Name them in TELEMOCK_URL, http://user:password@host:port, and in the proxy URL of each client.",
        )
    elif answer.status == 407:
        said = "As a proxy it does not take the user and password of the URL."
        yield failed("proxy", said, "Name a pair from the --proxy-auth-file that telemock was started with.")
    else:
        reason = str(json_object(answer.body).get("error") or "no reason given").rstrip(".")[:_MOST_CHARACTERS]
        yield failed(
            "proxy",
            f"As a proxy it answers {host} with status {answer.status}: {reason}.",
            f"Start `telemock serve` with --intercept {host} if telemock is to answer for it.",
        )


def _refusal(address: Address, seconds: float) -> str:
    """Try to connect; say why nobody took the connection, empty when somebody did."""
    try:
        with Line(address, seconds):
            return ""
    except OSError as error:
        return said_of(error, seconds)


def _said_and_step(sentence: str) -> tuple[str, str]:
    """Part what is wrong from what to do, which telemock's sentences have behind a semicolon."""
    said, _, step = sentence.partition("; ")
    step = step or "see what telemock printed"
    return f"{said}.", f"{step[0].upper()}{step[1:]}."


def _heard(visit: Visit) -> Answer:
    if visit.answer is None:
        raise RuntimeError("nothing was heard yet")
    return visit.answer
