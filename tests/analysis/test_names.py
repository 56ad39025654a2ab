import pytest

from telemock.analysis.names import TOPICS, Topic, topics_of, words_of


def test_names_are_taken_apart() -> None:
    assert words_of("$.cloud.accountId") == "cloud account id"
    assert words_of("$.a[].b.HTTPServerName") == "b http server name"
    assert words_of("X-Real-IP") == "x real ip"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v", {"version"}),
        ("$.os.kernelVersion", {"version"}),
        ("apiversion", {"version"}),
        ("conversion", set()),
        ("server", set()),
        ("createdAt", {"time"}),
        ("start_time_ms", {"time"}),
        ("flat", set()),
        ("bytes_out", {"amount"}),
        ("$.queue.eventCount", {"amount"}),
        ("account", set()),
        ("tweet_id", {"identifier"}),
        ("paid", set()),
        ("order-no", {"number"}),
        ("country", {"code"}),
        ("git_sha", {"commit"}),
        ("guid", {"uuid"}),
        ("context.page.path", {"route"}),
        ("file.path", set()),
        ("", set()),
    ],
)
def test_the_end_of_a_name_says_what_it_is_about(name: str, expected: set[Topic]) -> None:
    assert topics_of(name) == expected


@pytest.mark.parametrize("before", ['{"appVersion":"', "version: ", "Version = ", "fw=", "build "])
def test_what_stands_before_a_value_in_a_text_says_the_same(before: str) -> None:
    assert TOPICS["version"].search(before)
    assert not TOPICS["version"].search(before + "x")


def test_no_name_runs_away() -> None:
    for filler in ("a", "aB", ".", "version", "bytes ", "_", "1"):
        assert topics_of(filler * 100_000) is not None
