"""The labelled values are many, of every sort, and told right: what README.md says of them is held here."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from bench_labels import LEAST_OF_KINDS, LEAST_OF_SENSITIVITIES, NOT_TEXT
from labels import KINDS, PARTS, SENSITIVITIES, Score, Told, read_labels, score_kinds, score_sensitivities, tell

LABELS = {part: read_labels(part) for part in PARTS}
EVERYTHING = [label for labels in LABELS.values() for label in labels]


@cache
def told(part: str) -> list[Told]:
    return [tell(label) for label in LABELS[part]]


def assert_enough(score: Score, names: tuple[str, ...], least: tuple[float, float]) -> None:
    _, precision, recall = score.of(*names)
    assert precision >= least[0]
    assert recall >= least[1]


@pytest.mark.parametrize("part", PARTS)
def test_types_and_sensitive_things_are_told_right_often_enough(part: str) -> None:
    all_told = told(part)
    assert_enough(score_kinds(all_told), KINDS, LEAST_OF_KINDS)
    assert_enough(score_kinds(all_told), NOT_TEXT, LEAST_OF_KINDS)
    assert_enough(score_sensitivities(all_told), SENSITIVITIES, LEAST_OF_SENSITIVITIES)


def test_the_readme_gives_the_figures_of_what_was_held_out() -> None:
    _, *types = score_kinds(told("held_out")).of(*KINDS)
    _, *sensitive = score_sensitivities(told("held_out")).of(*SENSITIVITIES)
    said = " ".join((Path(__file__).parents[2] / "README.md").read_text("utf-8").split())
    assert f"types are told with a precision of {types[0]:.2f} and a recall of {types[1]:.2f}" in said
    assert f"sensitive things with {sensitive[0]:.2f} and {sensitive[1]:.2f}" in said


def test_there_are_many_values_and_each_only_once() -> None:
    assert len(EVERYTHING) >= 900
    assert len({(label.name, label.value) for label in EVERYTHING}) == len(EVERYTHING)
    assert len(LABELS["held_out"]) >= len(EVERYTHING) / 4


def test_every_type_and_class_is_there_and_has_something_that_only_looks_like_it() -> None:
    kinds = Counter(label.kinds[0] for label in EVERYTHING)
    classes = Counter(each for label in EVERYTHING for each in label.sensitive)
    alike = Counter(each for label in EVERYTHING for each in label.unlike)
    assert min(kinds[kind] for kind in KINDS) >= 3
    assert min(classes[each] for each in SENSITIVITIES) >= 8
    assert min(alike[each] for each in (*KINDS, *SENSITIVITIES)) >= 3


def test_no_label_says_that_a_value_is_and_is_not() -> None:
    for label in EVERYTHING:
        assert not label.unlike & {*label.kinds, *label.sensitive, *label.tolerated}, label


def test_few_values_have_several_right_types() -> None:
    assert sum(len(label.kinds) > 1 for label in EVERYTHING) <= len(EVERYTHING) / 10
