import base64
import json

from telemock.analysis.endpoint import Seen
from telemock.analysis.field import Field
from telemock.analysis.findings import MAX_FINDINGS, Findings, Place, Watch
from telemock.analysis.inventory import take_inventory
from telemock.analysis.kinds import Kind
from telemock.analysis.planted import Needles, Planted
from tests.analysis.test_inventory import seen

PLACE = Place("GET", "http", "vendor.example", "/", "query", "x")
CARD = "4111111111111111"


def told(
    findings: Findings, value: str, hint: str = "", kind: Kind = "text"
) -> set[tuple[str | None, tuple[str, ...]]]:
    found = [findings.all[place] for place in findings.look(PLACE, value, kind, hint=hint)]
    return {(finding.sensitivity or finding.planted, finding.chain) for finding in found}


def test_what_is_wrapped_is_told_from_where_it_is() -> None:
    inner = json.dumps({"user": {"email": "bob@corp.example"}, "cwd": "/home/bob/src"})
    value = base64.b64encode(inner.encode()).decode()
    findings = Findings(Needles([Planted("who", "bob@corp.example")]))
    assert told(findings, value) == {
        ("email", ("base64", "json", "$.user.email")),
        ("user_name", ("base64", "json", "$.cwd")),
        ("path", ("base64", "json", "$.cwd")),
        ("who", ("base64", "json", "$.user.email")),
    } | {("who", ())}, "the planted value is also seen in base64 itself"


def test_the_name_of_a_member_tells_what_its_value_is() -> None:
    findings = Findings()
    assert told(findings, '{"hostname":"build7"}') == {("host_name", ("json", "$.hostname"))}
    assert not findings.look(PLACE, '{"what":"build7"}')
    assert told(findings, "build7", "hostname") == {("host_name", ())}


def test_a_member_that_its_name_makes_harmless_is_not_told_of_the_whole() -> None:
    findings = Findings()
    assert told(findings, '{"eventSeq":4111111111111111}') == {("card_number", ("json", "$.eventSeq"))}
    assert [finding.confidence for finding in findings.sensitive()] == ["low"]
    assert told(findings, "https://h.example/?sig=" + "a1b2" * 16) == {("secret", ())}
    assert told(findings, '{"bob@corp.example":{"v":1}}') == {("email", ())}


def test_a_digest_is_looked_at_only_where_its_name_says_that_it_opens_something() -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    assert told(Findings(), digest, "api_key", "hash") == {("secret", ())}
    assert told(Findings(), digest, "etag", "hash") == set()


def test_each_value_counts_once_and_each_time_it_is_sent() -> None:
    findings = Findings()
    field = Field("query", "x", Watch(findings, PLACE, "x"))
    field.add("a@b.example, c@d.example", 3, 0)
    field.add("nothing", 5, 0)
    field.add("a@b.example, c@d.example", 2, 0)
    for number in range(100):
        field.add(f"u{number}@b.example", 1, 0)
    (finding,) = findings.sensitive()
    assert (finding.sensitivity, finding.count, finding.example) == ("email", 105, "a@*.******e")


def test_the_surest_and_most_frequent_come_first() -> None:
    findings = Findings()
    for place, value, count in (("a", "1.2.3.4", 9), ("b", "10.0.0.7", 1), ("c", "10.0.0.7", 2)):
        findings.count(findings.look(Place("GET", "http", "h", "/", "query", place), value), count)
    assert [(each.place.name, each.confidence) for each in findings.sensitive()] == [
        ("c", "high"),
        ("b", "high"),
        ("a", "medium"),
    ]


def test_a_counter_that_has_a_check_digit_now_and_then_is_no_card() -> None:
    numbers = [str(4_000_000_000_000_000 + 1234567 * step) for step in range(200)]
    (finding,) = take_inventory(seen(query=f"bytes={number}") for number in numbers).findings.sensitive()
    assert (finding.sensitivity, finding.confidence) == ("card_number", "low")
    assert 10 <= finding.count <= 30
    (finding,) = take_inventory(seen(query=f"x={CARD}") for _ in range(5)).findings.sensitive()
    assert (finding.sensitivity, finding.confidence, finding.count) == ("card_number", "medium", 5)


def places(*exchanges: Seen, plant: str = "nothing of the kind") -> set[tuple[str | None, str, str]]:
    findings = take_inventory(exchanges, [Planted("plant", plant)]).findings
    return {
        (finding.sensitivity, finding.place.source, finding.place.name)
        for finding in (*findings.sensitive(), *findings.planted())
    }


def test_names_paths_and_hosts_are_looked_at_too() -> None:
    assert places(seen(query="bob@corp.example=1")) == {("email", "query", "bob@corp.example")}
    assert places(seen(path="/v1/bob@corp.example")) == {("email", "path", "")}
    assert places(seen(path="/home/index.html")) == set(), "a path of a URL is no file's"
    assert places(seen(host="build7.vendor.example"), plant="build7") == {(None, "host", "")}
    assert places(seen(path="/a/BUILD7"), plant="build7") == {(None, "path", "")}


def test_the_host_that_was_asked_is_no_news() -> None:
    headers = '[["Host","10.1.2.3:8080"]]'
    assert places(seen(host="10.1.2.3", request_headers=headers), plant="10.1.2.3") == set()
    assert places(seen(host="db.corp.internal", query="host=db.corp.internal")) == set()
    assert places(seen(host="other", query="host=db.corp.internal")) == {("host_name", "query", "host")}


def test_any_bytes_of_a_body_are_looked_through() -> None:
    assert places(seen(body=b"\x08\x96\x01\x12\x10bob@corp.example\xff")) == {("email", "body", "$")}
    assert places(seen(body=b"\xff\xfe build7 \x00"), plant="build7") == {(None, "body", "$")}


def test_targets_beyond_the_limit_of_endpoints_are_looked_at() -> None:
    exchanges = [*(seen(path=f"/p{number}", query="") for number in range(1000)), seen(path="/a@b.example", query="")]
    (finding,) = take_inventory(exchanges).findings.sensitive()
    assert (finding.sensitivity, finding.place.source, finding.count) == ("email", "path", 1)


def test_what_is_beyond_the_limit_of_findings_is_counted() -> None:
    findings = Findings()
    for number in range(MAX_FINDINGS + 3):
        findings.look(Place("GET", "http", "h", "/", "query", str(number)), "a@b.example")
    assert (len(findings.sensitive()), findings.left_out) == (MAX_FINDINGS, 3)
