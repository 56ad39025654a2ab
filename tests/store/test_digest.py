import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from telemock.errors import StoreUnavailable
from telemock.store.digest import digest
from tests.corpus import database, ping


def test_the_sum_of_a_database_that_nobody_has_open_is_that_of_its_file(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    made = digest(db)
    (file,) = made.files
    assert (file.path, file.bytes) == (db, db.stat().st_size)
    assert file.sha256 == sha256(db.read_bytes()).hexdigest()
    assert made.is_whole


def test_a_log_that_holds_something_has_a_sum_of_its_own(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("UPDATE exchanges SET status = 201")
        connection.commit()
        made = digest(db)
        log = tmp_path / "telemetry.db-wal"
        assert [file.path for file in made.files] == [db, log]
        assert made.files[1].sha256 == sha256(log.read_bytes()).hexdigest()
        assert made.is_whole


def test_a_database_that_is_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be read: No such file or directory"):
        digest(tmp_path / "gone.db")
