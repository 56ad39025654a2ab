import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.cli.output import FORMATS, Column, Shape, printing
from tests.steady import STEADY

WORDS: Shape[str] = Shape(
    columns=(Column(name="word", value=str, least=4),),
    names=("word",),
    flat=lambda word: [word],
    nested=lambda word: {"word": word},
)


@pytest.mark.parametrize(
    ("format_name", "said"),
    [
        ("table", "a\\tb\n=c\n"),
        ("json", '[\n{"word":"a\\tb"},\n{"word":"=c"}\n]\n'),
        ("jsonl", '{"word":"a\\tb"}\n{"word":"=c"}\n'),
        ("csv", "word\na\tb\n'=c\n"),
    ],
)
def test_records_may_come_in_several_goes(capsys: pytest.CaptureFixture[str], format_name: str, said: str) -> None:
    with printing(format_name, WORDS) as show:
        assert show(["a\tb"]) == 1
        assert show([]) == 0
        assert show(iter(["=c"])) == 1
    assert capsys.readouterr().out == said


def test_each_format_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    for format_name in FORMATS:
        with printing(format_name, WORDS) as show:
            assert show(["x"]) == 1
    assert capsys.readouterr().out.count("x") == len(FORMATS)


def test_a_cell_is_as_long_as_it_is_where_no_table_cuts_it(capsys: pytest.CaptureFixture[str]) -> None:
    for format_name in FORMATS:
        with printing(format_name, WORDS) as show:
            show(["x" * 100_000])
        assert "x" * 100_000 in capsys.readouterr().out


@STEADY
@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()))))
def test_json_lines_give_back_any_text(words: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written = io.BytesIO()
        stream = io.TextIOWrapper(written)
        patch.setattr("sys.stdout", stream)
        with printing("jsonl", WORDS) as show:
            show(words)
        lines = written.getvalue().decode().splitlines()
    assert [json.loads(line)["word"] for line in lines] == [json.loads(json.dumps(word)) for word in words]
