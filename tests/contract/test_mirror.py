"""Every module has a test file of its name, or it is said which other one keeps its promises; no test has no module."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "telemock"

# Their promises are kept by whole commands, or by the module that is the only one to use them.
ELSEWHERE = {
    "__main__.py": "cli/test_init.py",
    "analysis/endpoint.py": "analysis/test_inventory.py",
    "analysis/field_masks.py": "cli/test_masking.py",
    "analysis/header_values.py": "analysis/test_masking.py",
    "analysis/kind_counts.py": "journeys/test_told_fields.py",
    "analysis/json_numbers.py": "analysis/test_masking.py",
    "analysis/markup.py": "journeys/test_secrets.py",
    "analysis/may_hold_secret.py": "analysis/test_masking.py",
    "analysis/value_secrets.py": "analysis/test_redaction.py",
    "analysis/pattern_set.py": "analysis/test_sensitive.py",
    "analysis/plausible.py": "analysis/test_sensitive.py",
    "analysis/replacement.py": "analysis/test_redaction.py",
    "analysis/rule.py": "analysis/test_sensitive.py",
    "analysis/rules.py": "analysis/test_sensitive.py",
    "analysis/schemes.py": "analysis/test_masking.py",
    "analysis/told_secrets.py": "journeys/test_secret_names.py",
    "analysis/url_secrets.py": "analysis/test_sensitive.py",
    "analysis/secret_names.py": "analysis/test_masking.py",
    "analysis/secret_rules.py": "analysis/test_sensitive.py",
    "analysis/tokens.py": "analysis/test_sensitive.py",
    "cli/changes.py": "cli/test_diff.py",
    "cli/filter_options.py": "cli/test_query.py",
    "cli/inventories.py": "cli/test_analyze.py",
    "cli/overviews.py": "cli/test_report.py",
    "cli/run.py": "journeys/test_run.py",
    "cli/sensitive_sent.py": "cli/test_phoned.py",
    "cli/serve.py": "journeys/test_starts.py",
    "cli/setting_options.py": "cli/test_options.py",
    "doctor/examination.py": "cli/test_doctor.py",
    "doctor/finding.py": "cli/test_doctor.py",
    "doctor/visit.py": "doctor/test_server.py",
    "doctor/wire.py": "doctor/test_server.py",
    "exports/connection_tables.py": "exports/test_report.py",
    "exports/finding_tables.py": "exports/test_report.py",
    "exports/inventory_tables.py": "exports/test_report.py",
    "exports/sections.py": "exports/test_report.py",
    "exports/summary.py": "exports/test_report.py",
    "exports/tables.py": "exports/test_report.py",
    "server/timeouts.py": "server/test_door.py",
    "server/router.py": "server/test_mock.py",
    "store/background.py": "journeys/test_background.py",
    "store/checkpointer.py": "journeys/test_log_length.py",
    "store/file_watch.py": "journeys/test_damage.py",
    "store/open_database.py": "journeys/test_damage.py",
    "store/recovery.py": "journeys/test_damage.py",
    "store/query_layout.py": "store/test_summary.py",
    "store/summary_page.py": "store/test_summary.py",
    "store/summary_store.py": "store/test_summary.py",
    "store/upkeep.py": "journeys/test_log_length.py",
    "store/wal_index.py": "journeys/test_damaged_index.py",
}


def test_every_module_is_tested() -> None:
    for module in PACKAGE.rglob("*.py"):
        path = module.relative_to(PACKAGE)
        if module.name != "__init__.py":
            own = TESTS / path.with_name(f"test_{path.name}")
            assert own.exists() != (path.as_posix() in ELSEWHERE), path
    for tested in ELSEWHERE.values():
        assert (TESTS / tested).exists(), tested


def test_no_test_is_left_out_on_any_machine() -> None:
    """What the tests need, scripts/test installs, or says that it is missing."""
    ways = re.compile(r"\b(?:pytest|mark|unittest)\.(?:skip|xfail|importorskip|SkipTest)")
    tests = [path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts]
    assert [path for path in tests if ways.search(path.read_text())] == []


def test_every_test_has_its_module() -> None:
    for test in TESTS.rglob("test_*.py"):
        path = test.relative_to(TESTS)
        if path.parts[0] not in ("contract", "journeys"):
            name = path.name.removeprefix("test_").replace("init.py", "__init__.py")
            assert (PACKAGE / path.with_name(name)).exists(), path
