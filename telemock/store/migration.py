"""This is how a database gets to the newest schema, whoever starts first.

It refuses files that are not telemock's, or that a newer telemock made, before anything is written.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from telemock.errors import StoreError, StoreForeign, StoreUnavailable
from telemock.files import LOCK_SECONDS, one_at_a_time
from telemock.store.engine import (
    HEAD,
    LEAST_FREE_BYTES,
    check_is_ours,
    make_private,
    migrating_connection,
    revision,
)


@dataclass(frozen=True, slots=True)
class Migrated:
    """That a database was brought from one schema to another."""

    before: str
    after: str


def migrate(path: Path) -> Migrated | None:
    """Create the database, or bring it to this telemock's schema, in one transaction.

    Only columns, tables and views are added, so that it takes no longer for many rows than for few. What is to be in
    them is filled in later; see `telemock.store.background`.

    Returns:
        What was changed; None for a new file, and for one that has the schema.

    Raises:
        StoreForeign: the file is not telemock's or is newer; untouched.
        StoreUnavailable: the folder or file cannot be written.
    """
    try:
        if not path.parent.is_dir():
            raise StoreUnavailable(
                f"There is no folder {path.parent} for the database; make it, or choose another --db."
            )
        make_private(path)
        # Not its folder: whoever may read that could keep telemock from starting.
        with one_at_a_time(path):
            return _migrate(path)
    except StoreError:
        raise
    except TimeoutError as error:
        raise StoreUnavailable(
            f"The database {path} has been locked by another program for {LOCK_SECONDS:.0f} s; end it, or try again "
            "when it is done, if it is a telemock that upgrades the database."
        ) from error
    except (OSError, sqlite3.Error, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailable(
            f"The database {path} cannot be written ({reason}); check permissions and space, or choose another --db."
        ) from error


def _migrate(path: Path) -> Migrated | None:
    before = None
    if path.exists():
        check_is_ours(path)
        if not os.access(path, os.W_OK):
            raise StoreUnavailable(f"The database {path} is read-only; make it writable, or choose another --db.")
        before = _revision(path)
        if before == HEAD:
            return None
    # Alembic takes 150 ms to import: only who has to migrate pays for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("telemock.migrations")).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None:
        if before not in known:
            raise StoreForeign(
                f"{path} was made by a newer telemock (schema {before}) and was left untouched; "
                "upgrade telemock, or choose another file with --db."
            )
        _check_space(path)
    with migrating_connection(path) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
    return None if before is None else Migrated(before, HEAD)


def _check_space(path: Path) -> None:
    """Look whether there is room for what changes at once, and to go on serving.

    Raises:
        StoreUnavailable: there is too little.
    """
    free = shutil.disk_usage(path.parent).free
    if free < LEAST_FREE_BYTES:
        raise StoreUnavailable(
            f"{path} is of an older telemock, and only {free // 2**20} MiB are free beside it; it takes "
            f"{LEAST_FREE_BYTES // 2**20} MiB to change it safely, so make room, or choose another --db."
        )


def _revision(path: Path) -> str | None:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return revision(connection)
