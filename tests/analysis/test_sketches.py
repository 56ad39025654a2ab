import pytest

from telemock.analysis.sketches import DISTINCT_ERROR, Distinct, Quantiles


def test_distinct_texts_are_estimated_and_go_on_from_what_was_written_down() -> None:
    whole, half = Distinct(), Distinct()
    for number in range(100_000):
        whole.add(str(number))
        if number == 50_000:
            half = Distinct(whole.to_bytes())
        half.add(str(number))
    assert abs(whole.estimate - 100_000) <= 4 * DISTINCT_ERROR * 100_000
    assert half.estimate == whole.estimate


def test_any_text_can_be_counted() -> None:
    distinct = Distinct()
    for text in ("", "\udcff", "\ud800", "\0", "x" * 100_000, ""):
        distinct.add(text)
    assert distinct.estimate == 5


def test_quantiles_go_on_from_what_was_written_down() -> None:
    quantiles = Quantiles()
    for number in range(5_000):
        quantiles.add(number)
    again = Quantiles(quantiles.to_bytes())
    for number in range(5_000, 10_000):
        again.add(number)
    assert again.at(0.5, 0.95, 0.99) == pytest.approx([5_000, 9_500, 9_900], abs=200)


@pytest.mark.parametrize("content", [b"", b"x", bytes(100), Distinct().to_bytes()[:-1], b"\xff" * 4136])
def test_what_is_no_sketch_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no sketch|unknown object|corruption"):
        Distinct(content)
    with pytest.raises(ValueError, match=r"no sketch|unknown object|corruption"):
        Quantiles(content)
