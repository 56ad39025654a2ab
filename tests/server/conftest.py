"""This is what all tests of the server share: one telemock a module, each test seeing only what it caused."""

from collections.abc import Iterator

import pytest

from tests.server.served import Served, served


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.forget()
    return running
