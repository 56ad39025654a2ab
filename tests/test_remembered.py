"""What is remembered is made once while it is known, and never grows without end."""

import pytest

from telemock.remembered import Remembered


class Made:
    """Makes a list of its own for each argument, and notes for which."""

    def __init__(self) -> None:
        self.arguments: list[object] = []

    def __call__(self, argument: str | bytes | tuple[object, ...]) -> list[object]:
        self.arguments.append(argument)
        return [argument]


@pytest.mark.parametrize("argument", ["", "four", b"four", (), ("a", "b"), (("a",),), ("a", 2**14)])
def test_a_short_argument_is_made_once(argument: str | bytes | tuple[object, ...]) -> None:
    made = Made()
    remembered = Remembered(made, most=2, longest=4)
    assert remembered[argument] == [argument]
    assert remembered[argument] is remembered[argument]
    assert made.arguments == [argument]


@pytest.mark.parametrize("argument", ["fives", b"fives", ("abcd",), ("a",) * 3, ((),) * 5, ("a", 2**15)])
def test_a_long_one_is_made_each_time_and_not_kept(argument: str | bytes | tuple[object, ...]) -> None:
    made = Made()
    remembered = Remembered(made, most=2, longest=4)
    assert remembered[argument] == [argument]
    assert remembered[argument] == [argument]
    assert made.arguments == [argument, argument]
    assert not remembered


def test_all_are_forgotten_when_there_would_be_too_many() -> None:
    made = Made()
    remembered = Remembered(made, most=2, longest=4)
    for argument in ("a", "b", "a", "b", "c", "a"):
        assert remembered[argument] == [argument]
        assert len(remembered) <= 2
    assert made.arguments == ["a", "b", "c", "a"]


def test_what_fails_is_not_remembered() -> None:
    answers: list[str | ValueError] = [ValueError("not yet"), "now"]

    def make(_argument: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    remembered = Remembered(make, most=2, longest=4)
    with pytest.raises(ValueError, match="not yet"):
        remembered["a"]
    assert remembered["a"] == "now"
