"""This is the measurement of what is told of values: how often it is what a careful person says."""

from labels import KINDS, PARTS, SENSITIVITIES, Score, Told, read_labels, score_kinds, score_sensitivities, tell

# Precision and recall that may not be missed.
LEAST_OF_KINDS = (0.97, 0.95)
LEAST_OF_SENSITIVITIES = (0.95, 0.9)

# To call everything text is no art: types are counted without it, too.
NOT_TEXT = tuple(kind for kind in KINDS if kind != "text")

_LONGEST_SHOWN = 60


def measure_labels() -> bool:
    """Print precision and recall over all labels and by part, and what was wrong; tell whether they suffice."""
    parts = {part: [tell(label) for label in read_labels(part)] for part in PARTS}
    everything = [told for part in parts.values() for told in part]
    print(f"{'types':24} values  precision  recall   (one type for each value)")
    enough = [
        _print_figures(f"{title}, {part}", score_kinds(told), names, LEAST_OF_KINDS)
        for title, names in (("all", KINDS), ("all but text", NOT_TEXT))
        for part, told in (*parts.items(), ("both", everything))
    ]
    _print_classes(score_kinds(everything), KINDS)
    print(f"\n{'sensitivity':24} values  precision  recall   (medium and high confidence)")
    enough += [
        _print_figures(f"all, {part}", score_sensitivities(told), SENSITIVITIES, LEAST_OF_SENSITIVITIES)
        for part, told in (*parts.items(), ("both", everything))
    ]
    _print_classes(score_sensitivities(everything), SENSITIVITIES)
    for part, told in parts.items():
        _print_misses(part, told)
    return all(enough)


def _print_figures(title: str, score: Score, names: tuple[str, ...], least: tuple[float, float]) -> bool:
    count, precision, recall = score.of(*names)
    enough = precision >= least[0] and recall >= least[1]
    verdict = "" if enough else f"   below {least[0]} and {least[1]}"
    print(f"{title:24} {count:6} {precision:10.3f} {recall:7.3f}{verdict}")
    return enough


def _print_classes(score: Score, names: tuple[str, ...]) -> None:
    for name in names:
        count, precision, recall = score.of(name)
        print(f"  {name:22} {count:6} {precision:10.3f} {recall:7.3f}")


def _print_misses(part: str, all_told: list[Told]) -> None:
    print(f"\nMisses, {part}:")
    for told in all_told:
        label = told.label
        where = f"  {label.name}={ascii(label.value)[1:-1][:_LONGEST_SHOWN]}"
        if told.kind not in label.kinds:
            print(f"{where}: {'|'.join(label.kinds)} expected, {told.kind} told")
        if missing := label.sensitive - told.sensitive:
            print(f"{where}: {', '.join(sorted(missing))} expected, not told")
        if wrong := told.sensitive - label.sensitive - label.tolerated:
            print(f"{where}: {', '.join(sorted(wrong))} told, not expected")
