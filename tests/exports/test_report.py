import base64
import io
import re
from hashlib import sha256
from html import unescape

from telemock.exports.report import write_report
from tests.exports.told import Told, cadence, connection, endpoint, field, finding, told

SCRIPTS = re.compile(r"<script>(.*?)</script>", re.DOTALL)
DATA = re.compile(r'<script type="application/json" id="figures">(.*?)</script>', re.DOTALL)


def page(all_told: Told) -> str:
    stream = io.StringIO()
    write_report(all_told, stream)
    return stream.getvalue()


def without_scripts(html: str) -> str:
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)


def said(all_told: Told) -> str:
    """Give the text of a page, its spaces folded."""
    text = re.sub(r"<[^>]*>", " ", without_scripts(page(all_told)))
    return " ".join(unescape(text).split())


def test_only_the_scripts_of_the_page_itself_may_run_and_nothing_may_be_asked_for() -> None:
    html = page(told(endpoint()))
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)
    assert policy is not None
    sums = [base64.b64encode(sha256(script.encode()).digest()).decode() for script in SCRIPTS.findall(html)]
    allowed = " ".join(f"'sha256-{each}'" for each in sums)
    assert len(sums) == 2
    assert unescape(policy[1]) == (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.findall(r'\b(?:src|href)="(?!#)', without_scripts(html))


def test_the_summary_says_what_was_captured_where_it_went_and_that_nothing_left() -> None:
    text = said(told(endpoint(), endpoint("/x", host="api.example", fields=[field("new", known=False)])))
    assert (
        "telemock captured 8 requests from 1 instance of Cribl Stream, between 2026-02-05 10:55:58 and "
        "2026-02-05 11:00:00 UTC, to 2 hosts: cdn.cribl.io and api.example."
    ) in text
    assert "They carried 2 different fields" in text
    assert "1 are known and 1 are not" in text
    assert "0 upstream connections and 0 tunnels." in text
    assert "No value was sent that is sensitive with high confidence." in text


def test_others_are_told_apart_from_the_product() -> None:
    other = {"host": "stats.example", "product": None, "cadences": [cadence("10.0.0.9"), cadence("10.0.0.8")]}
    noise = {"host": "127.0.0.1", "product": None, "count": 2, "first_seen": "2026-02-06T00:00:00.000000Z"}
    html = page(told(endpoint(), endpoint("/v1/track", **other), endpoint("/.env", **noise)))
    text = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    assert "telemock captured 4 requests from 1 instance of Cribl Stream" in text
    assert "to 1 host: cdn.cribl.io." in text
    assert (
        "Apart from that 6 requests of others came from 3 clients, between 2026-02-05 10:55:58 and "
        "2026-02-05 11:00:00 UTC, to 2 hosts: stats.example and 127.0.0.1: other programs"
    ) in text
    assert "requests 10 1 instance and others" in text
    assert "Others: GET https://127.0.0.1/.env" in text
    assert text.index("Others What no profile knows") < text.index("https://stats.example/v1/track")
    assert "1 of 1 have a beat" in text


def test_where_no_profile_knows_anything_nobody_is_apart_and_no_field_is_unknown() -> None:
    field_of_nobody = field(known=None, meaning=None)
    text = said(told(endpoint(host="a.example", product=None, fields=[field_of_nobody]), products=[]))
    assert "telemock captured 4 requests from 1 instance, between" in text
    assert "not known to the profile" not in text
    assert "Others" not in text


def test_one_moment_is_no_period() -> None:
    text = said(told(endpoint(last_seen="2026-02-05T10:55:58.190735Z")))
    assert "of Cribl Stream, at 2026-02-05 10:55:58 UTC, to 1 host" in text
    assert "of 1 instance, at 2026-02-05 10:55:58 UTC." in text


def test_what_telemock_did_not_see_is_never_good_news() -> None:
    refused = {"kinds": {"tls_refused": 12}, "targets": [], "left_out": 0, "latest": []}
    html = page(told(endpoint(), connections=refused))
    text = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    assert (
        "Clients gave up 12 TLS connections before they sent a request: what they would have sent is not known." in text
    )
    assert "what a program sent past telemock is not seen here." in text
    good = re.findall(r'class="[^"]*good[^"]*"[^>]*>(.*?)</', html, re.DOTALL)
    assert not [each for each in good if "tunnel" in each or "upstream" in each or "dial" in each]


def test_nothing_is_called_good_of_what_was_not_looked_at() -> None:
    planted = [{"name": "hostname", "whole_only": False, "found": []}]
    whole = page(told(endpoint(), planted=planted))
    assert re.search(r'class="good">[^<]*No value was sent that is sensitive', whole)
    in_part = told(endpoint(), planted=planted, not_looked_at=["2 bodies."])
    assert not re.search(r'class="good">[^<]*No value was sent that is sensitive', page(in_part))
    assert said(in_part).count("Not everything was looked at: 2 bodies.") == 2
    assert "hostname not found in what was looked at" in said(in_part)


def test_more_endpoints_than_are_told_apart_are_more() -> None:
    assert "hosts 1 1 endpoint and more fields" in said(told(endpoint(), exchanges_left_out=3))
    assert "hosts 1 1 endpoint fields" in said(told(endpoint()))


def test_what_left_is_said_first() -> None:
    kinds = {"upstream": 2, "tunnel": 1}
    text = said(told(endpoint(), connections={"kinds": kinds, "targets": [], "left_out": 0, "latest": []}))
    assert (
        "Something left through telemock: 2 upstream connections to get real answers and 1 tunnel whose content was not"
    ) in text
    answered = {"width_s": 1, "unreadable": 0, "buckets": [{"begin": "", "begin_s": 0, "counts": {"recorded": 3}}]}
    assert "Something left through telemock: 3 requests that a real host answered." in said(
        told(endpoint(), timeline=answered)
    )


def test_a_page_of_nothing_says_so_in_words() -> None:
    text = said(told())
    assert "No request was captured that fits: there is nothing to tell of what was sent." in text
    assert "Nothing sensitive was found" not in text, "nothing was looked at"
    assert "There are no two versions to compare." in text
    assert "No value was planted" in text
    assert "upstream 0 dialled by telemock" in text


def test_fields_are_told_with_range_examples_what_is_wrapped_in_them_and_what_is_unknown() -> None:
    fields = [
        field("lic", examples=["bGlj"], decoded=["base64 → lic"], presence=0.5),
        field("mc", least=1, most=99, distinct=80, distinct_is_estimated=True, types={"integer": 1.0}),
        field("zz", known=False, meaning=None, types={"text": 0.75, "empty": 0.25}),
    ]
    text = said(told(endpoint(fields=fields)))
    assert "query lic 50 % version constant 1 bGlj → base64 → lic version of the product" in text
    assert "query mc 100 % integer constant ~80 1 to 99" in text
    assert "query zz 100 % text 75 %, empty 25 % constant 1 4.16.1 unknown" in text


def test_what_stands_in_place_of_values_is_shown() -> None:
    fields = [
        field("u", masked="masked: email", examples=["jane@example.com"]),
        field("l", examples=["seen"]),
    ]
    found = finding(name="h", form="md5")
    text = said(
        told(
            endpoint(fields=fields),
            sensitive=[finding(), finding(name="l", confidence="low", **{"class": "path"})],
            planted=[
                {"name": "hostname", "whole_only": False, "found": [found]},
                {"name": "licensee", "whole_only": True, "found": []},
            ],
        )
    )
    assert "jane@example.com" not in text
    assert "masked: email" in text
    assert "seen" in text
    assert "email high query u → base64 3 ja**@*******.*om GET https://cdn.cribl.io/telemetry/index.html" in text
    assert "hostname found md5 query h → base64" in text
    assert "licensee not found as a whole value" in text
    assert "in any coding or hash: licensee (so short that only whole values count)." in text


def test_instances_out_of_step_come_first() -> None:
    text = said(told(endpoint(cadences=[cadence("steady"), cadence("late", missed=2), cadence("odd", retries=9)])))
    assert "3 of 3 have a beat" in text
    assert re.search(r"late [\d,]+ 5 min ± 0.5 s .* odd \d.* steady \d", text)


def test_of_several_endpoints_each_instance_has_its_own() -> None:
    text = said(told(endpoint(cadences=[cadence("one")]), endpoint(path="/other", cadences=[cadence("two")])))
    assert re.search(r"one GET https://cdn.cribl.io/telemetry/index.html .* two GET https://cdn.cribl.io/other", text)


def test_changes_are_told_for_each_pair_of_versions() -> None:
    change: dict[str, object] = {
        "change": "added",
        "what": "field",
        "source": "query",
        "name": "new",
        "aspect": "",
        "before": "",
    }
    change |= {
        "method": "GET",
        "scheme": "https",
        "host": "cdn.cribl.io",
        "port": None,
        "path": "/x",
        "after": "integer: 7",
    }
    host = change | {"what": "host", "host": "api.example", "change": "removed", "before": "9 exchanges", "after": ""}
    first = {"a": "4.16.1", "b": "4.17.0", "a_exchanges": 10, "b_exchanges": 20, "not_compared": []}
    second = {"a": "4.17.0", "b": "4.18.0", "a_exchanges": 20, "b_exchanges": 30, "not_compared": ["Some were not."]}
    pairs = [first | {"changes": [host, change]}, second | {"changes": []}]
    text = said(told(endpoint(), changes=pairs))
    assert "4.16.1 → 4.17.0 10 requests before, 20 requests after: 2 differences." in text
    assert "removed host api.example 9 exchanges" in text
    assert "added field query new GET https://cdn.cribl.io/x integer: 7" in text
    assert "20 requests before, 30 requests after: no difference in what could be compared. Some were not." in text


def test_connections_are_told_by_kind_by_host_and_the_last_ones_with_their_reason() -> None:
    target = connection(count=3, bytes_up=10, bytes_down=20, first_at="x", last_at="y")
    nowhere = connection(kind="malformed", host="", port=None, detail="b'\\x00'")
    connections = {"kinds": {"blocked": 3}, "targets": [target], "left_out": 2, "latest": [connection(), nowhere]}
    text = said(told(connections=connections))
    assert "blocked 3 refused, as no rule lets that host through" in text
    assert "blocked ads.example:443 3 10 bytes 20 bytes x y" in text
    assert "2 connections to further hosts were only counted." in text
    assert "blocked ads.example:443 10.0.0.4 no rule lets it through" in text
    assert "malformed not said 10.0.0.4 b'\\x00'" in text


def test_it_says_how_it_was_made_what_the_sums_cover_and_what_was_left_out() -> None:
    text = said(told(endpoint(), filters=[("guid", "one")], not_filtered=["Connections have no guid."]))
    assert f"SHA-256 {'ab' * 32} /data/telemetry.db" in text
    assert "Command telemock report Made 2026-02-05 12:00:00 UTC by telemock 0.1.0" in text
    assert "Exactly what this page was made from" in text
    assert "guid: one" in text
    assert "Connections have no guid." in text
    files = [{"path": f"/data/telemetry.db{end}", "bytes": 65536, "sha256": "ab" * 32} for end in ("", "-wal")]
    database = told()["database"] | {"is_what_was_read": False, "files": files}
    written = said(told(endpoint(), database=database, exchanges_left_out=5, findings_left_out=6, cadences_left_out=7))
    assert "exchanges up to number 4 are here, later ones only in it" in written
    assert "The second file is the write-ahead log" in written
    for sentence in ("5 requests to further endpoints", "6 values with further findings", "7 further instances"):
        assert sentence in written
    assert "the sums prove nothing" in said(told(endpoint(), database=database | {"is_whole": False}))


def test_what_is_too_much_for_a_page_is_cut_with_a_sentence() -> None:
    many = [field(f"f{number}") for number in range(10_000)]
    endpoints = [endpoint(f"/{number}", fields=many if not number else [field()]) for number in range(1000)]
    html = page(told(*endpoints))
    assert len(without_scripts(html)) < 1_000_000
    text = said(told(*endpoints))
    assert "9,850 more fields; telemock analyze --format json has all." in text
    assert "800 more endpoints; telemock analyze --format json has all." in text
    assert "960 more endpoints with 960 fields; telemock analyze --format json has all." in text


def test_captured_text_cannot_become_markup_a_template_or_the_end_of_a_script() -> None:
    evil = '</script><img src=x onerror="pwned=1">{{ 7 * 7 }}<!--\u2028\x00\u202e'
    html = page(
        told(
            endpoint("/" + evil, host=evil, method=evil, fields=[field(evil, examples=[evil], decoded=[evil])]),
            sensitive=[finding(host=evil, name=evil, example=evil)],
            planted=[{"name": evil, "whole_only": False, "found": [finding(form=evil)]}],
            connections={
                "kinds": {"blocked": 1},
                "targets": [],
                "left_out": 0,
                "latest": [connection(host=evil, detail=evil, client=evil)],
            },
            changes=[{"a": evil, "b": evil, "a_exchanges": 1, "b_exchanges": 1, "not_compared": [], "changes": []}],
            command=evil,
            filters=[("grep", evil)],
        )
    )
    assert "<img" not in without_scripts(html)
    assert "{{ 7 * 7 }}" in unescape(html)
    assert not re.search("[\x00\u2028\u202e]", html)
    (data,) = DATA.findall(html)
    assert not re.search("[<>&]", data)
    assert len(SCRIPTS.findall(html)) == 2
