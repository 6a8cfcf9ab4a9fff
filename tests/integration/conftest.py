import os
from pathlib import Path

import pytest
from project import Project
from queue_project import QueueProject


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes a minute by design")
    config.addinivalue_line("markers", "memory: measures it, which a sanitizer's build makes useless")


@pytest.fixture(autouse=True)
def reports():
    """What a sanitizer or valgrind has said of a process that the test began is the test's failure, also
    where it expects the process to fail. The directory is the suite's (scripts/test)."""
    yield
    directory = os.environ.get("ETL_TEST_REPORTS")
    said = []
    for file in sorted(Path(directory).iterdir()) if directory else []:
        said.append(file.read_text(encoding="utf-8", errors="replace"))
        file.unlink()
    assert not "".join(said), "".join(said)[:8000]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def queue(tmp_path):
    """A store that polls often; a run stays with its worker for a minute."""
    queue = QueueProject(tmp_path)
    yield queue
    queue.end()


@pytest.fixture
def hasty(tmp_path):
    """The same with the shortest lease there is."""
    queue = QueueProject(tmp_path, lease="1s")
    yield queue
    queue.end()
