"""Of what a process has committed so much is kept in memory, and no more."""

from dataclasses import replace

from telemock.exchange import Exchange
from telemock.store.commits import KEPT_BYTES, Commits
from tests.corpus import ping


def kept_bytes(exchange: Exchange) -> int:
    """Add many of an exchange; return how many bytes of their heads and bodies are kept."""
    size = max(len(text or "") for text in (exchange.path, exchange.query, exchange.params, exchange.request_headers))
    commits = Commits(0)
    for number in range(1, 2 * KEPT_BYTES // size):
        commits.add(number, number, [exchange])
    return len(commits.rows_after(0)) * size


def test_large_heads_are_counted_as_bodies_are() -> None:
    long = "x" * 60_000
    for exchange in (replace(ping(), request_headers=long), replace(ping(), query=long, params=long)):
        assert 0 < kept_bytes(exchange) <= KEPT_BYTES
