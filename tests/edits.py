"""These are edits that people may make to the rows of a file that is theirs."""

import sqlite3
from contextlib import closing
from pathlib import Path

_DEEP = "[" * 10**5

EDITS = [
    "query = x'00FF'",
    "method = x'00', host = 7, path = x'FF', scheme = x''",
    "received_at = x'00FF'",
    "received_at = ''",
    "request_headers = '7', response_headers = ''",
    "request_headers = '[1, {}]', response_headers = '[[1]]'",
    "request_headers = '[[1, 2]]', response_headers = x'00'",
    """request_headers = '[["X", 1], ["Cookie", null], ["Y", "1"]]'""",
    """request_headers = '[["content-encoding", 7]]', response_headers = '[["content-encoding", null]]'""",
    'request_headers = \'{"ab": 1, "cd": 2}\'',
    f"request_headers = '{_DEEP}content-encoding', response_headers = request_headers",
    f"params = '{_DEEP}', problems = params",
    "request_body = 'text', response_body = 7",
    "status = 'x', latency_ms = 'x', request_truncated = 'x'",
    "status = -1",
    "params = '[1]'",
    "params = 'x', problems = 'x'",
    """params = '{"a": []}'""",
    "problems = '7'",
    """problems = '{"a": 1}'""",
    "problems = x'5B5D'",
    "guid = x'FF', version = 1.5, env = x'', session_id = 0, client_time = x'00', client = x'FE'",
]


def edit_row(db: Path, edit: str, *, table: str = "exchanges") -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(f"UPDATE {table} SET {edit}")
