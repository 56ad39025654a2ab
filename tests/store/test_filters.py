import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemock.store.filters import ConnectionFilters, Filters, TableFilters, contains, filter_sql
from tests.corpus import PATH, database, ping


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return database(tmp_path_factory.mktemp("filters"), ping())


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    ("filters", "plan"),
    [
        (Filters(), "SCAN exchanges USING INDEX exchanges_received_at"),
        (Filters(env="prod", status=200), "SCAN exchanges USING INDEX exchanges_received_at"),
        (Filters(host="h"), "SCAN exchanges USING INDEX exchanges_received_at"),
        (Filters(guid="g"), "SEARCH exchanges USING INDEX exchanges_guid (guid=?)"),
        (Filters(version="v"), "SEARCH exchanges USING INDEX exchanges_version (version=?)"),
        (Filters(path=PATH), "SEARCH exchanges USING INDEX exchanges_path (path=?)"),
        (Filters(since="2026", until="2027"), "SEARCH exchanges USING INDEX exchanges_received_at (received_at>? AND"),
        (Filters(guid="g", since="2026"), "SEARCH exchanges USING INDEX exchanges_guid (guid=? AND received_at>?)"),
        (Filters(path=PATH, until="2"), "SEARCH exchanges USING INDEX exchanges_path (path=? AND received_at<?)"),
        (Filters(guid="g", version="v", path=PATH, env="e"), "SEARCH exchanges USING INDEX exchanges_guid (guid=?)"),
        (Filters(version="v", path=PATH), "SEARCH exchanges USING INDEX exchanges_version (version=?)"),
        (ConnectionFilters(), "SCAN connections USING INDEX connections_opened_at"),
        (ConnectionFilters(kind="k", host="h", grep="g"), "SCAN connections USING INDEX connections_opened_at"),
        (ConnectionFilters(since="2026"), "SEARCH connections USING INDEX connections_opened_at (opened_at>?)"),
        (ConnectionFilters(kind="k", until="2"), "SEARCH connections USING INDEX connections_opened_at (opened_at<?)"),
    ],
)
def test_the_most_telling_index_finds_the_rows_already_in_order(
    db: Path, filters: TableFilters[Any], plan: str, direction: str
) -> None:
    table, time = filters.table.name, filters.table.time
    conditions, values = filter_sql(filters, order=time, times=True)
    where = " AND ".join(["1", *conditions])
    query = f"SELECT * FROM {table} WHERE {where} ORDER BY {time} {direction}, id {direction} LIMIT 10"
    with closing(sqlite3.connect(db)) as connection:
        connection.create_function("telemock_contains", 7, contains)
        steps = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query, values)]
    assert len(steps) == 1
    assert steps[0].startswith(plan)


def test_what_was_stored_last_is_found_by_id_whatever_the_filters(db: Path) -> None:
    conditions, values = filter_sql(Filters(guid="g", path=PATH, since="2026"), order="id", times=True)
    query = f"SELECT * FROM exchanges WHERE id > 5 AND {' AND '.join(conditions)} ORDER BY id"
    with closing(sqlite3.connect(db)) as connection:
        steps = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query, values)]
    assert steps == ["SEARCH exchanges USING INTEGER PRIMARY KEY (rowid>?)"]
