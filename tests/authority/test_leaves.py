import asyncio
import gc
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from telemock.authority.authority import Authority, new_authority
from telemock.authority.leaves import Leaves
from telemock.errors import AuthorityError, InvalidHost
from tests.authority.certificates import DAY, KEYS, NOW, certify, handshake


class Clock:
    """A clock that a test turns; it knows on which threads it was read, which is where leaves are signed."""

    def __init__(self) -> None:
        self.moment = NOW
        self.threads: list[int] = []

    def __call__(self) -> datetime:
        self.threads.append(threading.get_ident())
        return self.moment

    def signed(self) -> int:
        """Count the leaves that were signed: each in a thread beside the loop's."""
        return sum(thread != threading.get_ident() for thread in self.threads)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leaves(clock: Clock) -> Leaves:
    return Leaves(new_authority(NOW), most=4, now=clock)


def seen(context: ssl.SSLContext, authority: Authority, name: str) -> x509.Certificate:
    """Give the leaf that a client sees."""
    der = handshake(context, authority.certificate_pem, name).getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


@pytest.mark.parametrize("name", ["cdn.cribl.io", "127.0.0.1", "::1", "localhost"])
async def test_a_client_that_trusts_the_authority_meets_the_name_it_wants(name: str) -> None:
    authority = new_authority(NOW)
    context = await Leaves(authority).context(name)
    assert handshake(context, authority.certificate_pem, name).version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(context, authority.certificate_pem, "else.example")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(context, new_authority(NOW).certificate_pem, name)


async def test_a_client_over_a_socket_gets_its_answer() -> None:
    authority = new_authority(NOW)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    context = await Leaves(authority).context("localhost", "127.0.0.1")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        trusting = ssl.create_default_context(cadata=authority.certificate_pem.decode())
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        writer.write(b"hello\n")
        assert await reader.read() == b"hello\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), (["h2"], None)]
)
async def test_the_protocol_is_http_1_1_and_nothing_else(offered: list[str], chosen: str | None) -> None:
    authority = new_authority(NOW)
    context = await Leaves(authority).context("a.example")
    assert handshake(context, authority.certificate_pem, "a.example", alpn=offered).selected_alpn_protocol() == chosen


async def test_tls_1_2_is_spoken_and_nothing_older() -> None:
    authority = new_authority(NOW)
    context = await Leaves(authority).context("a.example")
    version = ssl.TLSVersion.TLSv1_2
    assert handshake(context, authority.certificate_pem, "a.example", version=version).version() == "TLSv1.2"
    assert context.minimum_version == version


async def test_a_context_is_made_once_and_found_by_any_spelling(leaves: Leaves, clock: Clock) -> None:
    assert leaves.ready("cdn.cribl.io") is None
    made = await leaves.context("cdn.cribl.io", "::1")
    for names in (("CDN.Cribl.io.", "[::1]"), ("cdn.cribl.io", "0:0::1", "cdn.cribl.io")):
        assert await leaves.context(*names) is made
        assert leaves.ready(*names) is made
    assert clock.signed() == 1
    assert leaves.ready("cdn.cribl.io") is None
    assert len(leaves) == 1


async def test_a_hit_waits_for_nothing(leaves: Leaves) -> None:
    made = await leaves.context("a.example")
    hit = leaves.context("a.example")
    with pytest.raises(StopIteration) as ended:
        hit.send(None)
    assert ended.value.value is made


async def test_all_who_ask_at_once_get_the_one_that_is_made(leaves: Leaves, clock: Clock) -> None:
    contexts = await asyncio.gather(*(leaves.context(name) for name in ["a.example", "A.example."] * 20))
    assert len(set(map(id, contexts))) == 1
    assert clock.signed() == 1


@pytest.fixture
async def stuck() -> Callable[[], None]:
    """Let the loop's one thread wait until it is let go: until then nothing can be made."""
    go = threading.Event()
    pool = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    pool.submit(go.wait)
    return go.set


async def test_who_stops_waiting_takes_nothing_from_the_others(
    leaves: Leaves, clock: Clock, stuck: Callable[[], None]
) -> None:
    waiting = [asyncio.create_task(leaves.context("a.example")) for _ in range(3)]
    await asyncio.sleep(0)  # one turn of the loop: all of them ask
    waiting[0].cancel()
    waiting[1].cancel()
    stuck()
    assert await waiting[2] is leaves.ready("a.example")
    assert [task.cancelled() for task in waiting] == [True, True, False]
    assert clock.signed() == 1


async def test_a_context_that_nobody_waits_for_any_more_is_there_for_the_next(
    leaves: Leaves, clock: Clock, stuck: Callable[[], None]
) -> None:
    alone = asyncio.create_task(leaves.context("a.example"))
    await asyncio.sleep(0)  # one turn of the loop: it asks
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    stuck()
    await leaves.context("a.example")
    assert clock.signed() == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_no_complaint(
    clock: Clock, stuck: Callable[[], None]
) -> None:
    root = certify("root", end=NOW - DAY)
    leaves = Leaves(Authority(root.key, [root.certificate]), now=clock)
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    alone = asyncio.create_task(leaves.context("a.example"))
    await asyncio.sleep(0)  # one turn of the loop: it asks
    alone.cancel()
    stuck()
    await asyncio.gather(alone, asyncio.to_thread(int), return_exceptions=True)  # the one thread has done all before
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_the_one_used_longest_ago_makes_room(leaves: Leaves, clock: Clock) -> None:
    for name in "abcd":
        await leaves.context(f"{name}.example")
    leaves.ready("a.example")
    await leaves.context("e.example")
    assert len(leaves) == 4
    assert [name for name in "abcde" if leaves.ready(f"{name}.example")] == ["a", "c", "d", "e"]
    await leaves.context("b.example")
    assert clock.signed() == 6


async def test_a_leaf_is_renewed_when_a_third_of_its_time_is_left(clock: Clock) -> None:
    authority = new_authority(NOW)
    leaves = Leaves(authority, now=clock)
    first = await leaves.context("a.example")
    assert seen(first, authority, "a.example").not_valid_after_utc == NOW + 90 * DAY
    clock.moment = NOW + 60 * DAY - timedelta(seconds=1)
    assert await leaves.context("a.example") is first
    clock.moment = NOW + 60 * DAY
    assert leaves.ready("a.example") is None
    second = await leaves.context("a.example")
    assert second is not first
    assert len(leaves) == 1


async def test_a_leaf_signed_while_the_clock_was_ahead_is_made_anew_when_it_is_right(clock: Clock) -> None:
    authority = new_authority(NOW)
    leaves = Leaves(authority, now=clock)
    clock.moment = NOW + 365 * DAY
    ahead = await leaves.context("a.example")
    clock.moment -= timedelta(minutes=30)  # clocks are set right by a little all the time
    assert leaves.ready("a.example") is ahead
    clock.moment = NOW
    assert leaves.ready("a.example") is None
    assert seen(await leaves.context("a.example"), authority, "a.example").not_valid_before_utc == NOW - 2 * DAY


async def test_leaves_that_end_with_their_authority_are_kept_to_the_end(clock: Clock) -> None:
    root = certify("root", end=NOW + 5 * DAY)
    leaves = Leaves(Authority(root.key, [root.certificate]), now=clock)
    first = await leaves.context("a.example")
    assert seen(first, Authority(root.key, [root.certificate]), "a.example").not_valid_after_utc == NOW + 5 * DAY
    clock.moment = NOW + 5 * DAY - timedelta(seconds=1)
    assert await leaves.context("a.example") is first
    clock.moment = NOW + 6 * DAY
    for _ in range(2):
        with pytest.raises(AuthorityError, match="expired on "):
            await leaves.context("a.example")


async def test_what_is_no_host_is_refused_and_not_kept(leaves: Leaves) -> None:
    for names in ((), ("",), ("a.example", "1.2.3.4.5")):
        with pytest.raises(InvalidHost):
            await leaves.context(*names)
        with pytest.raises(InvalidHost):
            leaves.ready(*names)
    assert len(leaves) == 0


async def test_nothing_is_left_open(leaves: Leaves) -> None:
    await leaves.context("a.example")
    before = psutil.Process().num_fds()
    for number in range(10):
        await leaves.context(f"{number}.example")
    assert psutil.Process().num_fds() == before


async def test_all_leaves_have_one_key_that_is_not_the_authoritys() -> None:
    authority = new_authority(NOW)
    leaves = Leaves(authority)
    one, two = [seen(await leaves.context(name), authority, name).public_key() for name in ("a.example", "b.example")]
    assert one == two
    assert one != x509.load_der_x509_certificate(authority.certificate_der).public_key()


async def test_a_chain_is_sent_whole() -> None:
    root = certify("root", KEYS["RSA"])
    signer = certify("signer", KEYS["EC of 384 bits"], by=root)
    context = await Leaves(Authority(signer.key, [signer.certificate, root.certificate])).context("a.example")
    assert handshake(context, root.certificate_pem, "a.example").version() == "TLSv1.3"


async def test_a_chain_that_is_too_weak_for_openssl_is_a_sentence() -> None:
    root = certify("root", KEYS["RSA"])
    weak = certify("weak", rsa.generate_private_key(65537, 1024), by=root)
    with pytest.raises(AuthorityError, match=r"OpenSSL does not take the certificate chain \(CA_KEY_TOO_SMALL\)"):
        await Leaves(Authority(weak.key, [weak.certificate, root.certificate])).context("a.example")


async def test_a_chain_that_is_too_long_to_be_sent_is_a_sentence() -> None:
    above = certify("0", KEYS["RSA"])
    chain = [above.certificate]
    for number in range(1, 80):
        above = certify(str(number), KEYS["RSA"], by=above)
        chain.insert(0, above.certificate)
    with pytest.raises(AuthorityError, match=r"The certificate chain is too long: .* leave out of --ca-cert"):
        await Leaves(Authority(above.key, chain)).context("a.example")
