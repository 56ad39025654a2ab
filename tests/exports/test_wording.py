import pytest

from telemock.exports.wording import captured, count, length, listed, moment, share, size, told_apart


def test_of_a_long_name_both_ends_are_told() -> None:
    assert told_apart("$." + "x" * 150) == "$." + "x" * 150
    assert told_apart("$." + "x" * 500 + ".\x1bname") == "$." + "x" * 64 + "…" + "x" * 127 + ".\\x1bname"


def test_captured_text_is_cut_and_nothing_in_it_is_invisible() -> None:
    assert captured("a\u202eb\x1b[1m\n") == "a\\u202eb\\x1b[1m\\n"
    assert captured("x" * 1_000_000, 3) == "xxx… (1,000,000 characters)"


def test_amounts_are_written_for_people() -> None:
    assert [count(amount, "host") for amount in (0, 1, 1234)] == ["no hosts", "1 host", "1,234 hosts"]
    assert [size(octets) for octets in (0, 1023, 1536, 5 * 2**50)] == ["0 bytes", "1023 bytes", "1.5 KiB", "5120 TiB"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.25, "0.25 s"), (59.99, "60 s"), (300.2, "5 min"), (9000, "2 h 30 min"), (867_600, "10 d 1 h")],
)
def test_lengths_of_time_have_two_units_at_most(seconds: float | None, text: str) -> None:
    assert length(seconds) == text


def test_what_is_not_all_is_not_written_as_all() -> None:
    assert [share(part) for part in (1.0, 0.9999, 0.5)] == ["100 %", ">99.9 %", "50 %"]


def test_times_are_written_to_the_second_and_others_as_they_are() -> None:
    assert moment("2026-02-05T10:55:58.090735Z") == "2026-02-05 10:55:58"
    assert moment("yester\x07day") == "yester\\x07day"
    assert moment(None) == ""


def test_things_are_listed_as_in_a_sentence() -> None:
    assert [listed(["a", "b", "c"][:number]) for number in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed([*"abcde"], 2) == "a, b and 3 more"
