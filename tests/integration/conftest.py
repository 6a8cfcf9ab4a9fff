import pytest
from project import Project
from queue_project import QueueProject


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes a minute by design")


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
