from telemock.cli.exchanges import EXCHANGES, problem_list
from tests.corpus import ping


def test_csv_names_the_fields_of_json() -> None:
    assert tuple(EXCHANGES.nested(ping())) == EXCHANGES.names
    assert len(EXCHANGES.flat(ping())) == len(EXCHANGES.names)


def test_problems_are_counted_and_none_are_none() -> None:
    assert problem_list(ping()) == []
    assert problem_list(ping(problems='["a","b"]')) == ["a", "b"]


def test_json_that_somebody_edited_into_text_stays_text() -> None:
    assert EXCHANGES.nested(ping(params="{oops"))["params"] == "{oops"
