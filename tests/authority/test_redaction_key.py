"""The key of fingerprints is made once, for its owner only, and is never guessed where it is damaged."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from telemock.authority.redaction_key import REDACTION_KEY_NAME, redaction_key
from telemock.errors import AuthorityError
from tests.cli.process import run


def test_it_is_made_once_for_all_who_ask_at_the_same_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {*pool.map(lambda _: redaction_key(tmp_path / "ca"), range(8))}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    redaction_key(tmp_path / "ca")
    assert stat.S_IMODE((tmp_path / "ca" / REDACTION_KEY_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"00", b"z" * 64, b"\xff" * 64])
def test_a_damaged_one_is_a_sentence_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / REDACTION_KEY_NAME).write_bytes(content)
    with pytest.raises(AuthorityError, match=r"redaction\.key, is damaged"):
        redaction_key(tmp_path)


def test_serving_with_a_damaged_one_ends_before_it_begins(tmp_path: Path) -> None:
    ca = tmp_path / "ca"
    ca.mkdir(mode=0o700)
    (ca / REDACTION_KEY_NAME).write_bytes(b"x")
    done = run("serve", "--redact-secrets", "--port", "0", "--db", tmp_path / "t.db", "--ca-dir", ca)
    assert done.returncode == 1
    assert b"redaction.key, is damaged" in done.stderr
    assert b"Traceback" not in done.stderr
