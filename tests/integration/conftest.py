import os
from pathlib import Path

import pytest
from project import Project
from queue_project import QueueProject
# one domain for all that need one
from samba_dc import client, directory, domain_net, second  # noqa: F401 pylint: disable=unused-import
from servers import pki  # noqa: F401 pylint: disable=unused-import
from stores import BACK_ENDS, make_store
from tdsd import tdsd_program  # noqa: F401 pylint: disable=unused-import


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes a minute by design")
    config.addinivalue_line("markers", "sqlite_store: about a store that is a file; the others have theirs")
    config.addinivalue_line("markers", "mssql_store: about a store that is in a server")
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


def pytest_generate_tests(metafunc):
    """What needs a store is tested with every back end, but for what is about one of them."""
    if "back_end" in metafunc.fixturenames:
        only = [kind for kind in BACK_ENDS if metafunc.definition.get_closest_marker(f"{kind}_store")]
        metafunc.parametrize("back_end", only or BACK_ENDS, indirect=True)


@pytest.fixture
def back_end(request, tmp_path):
    def authority():
        request.getfixturevalue("tdsd_program")
        return request.getfixturevalue("pki")
    store = make_store(request.param, tmp_path, authority)
    yield store
    store.end()


@pytest.fixture
def queue(tmp_path, back_end):
    """A store that polls often; a run stays with its worker for a minute."""
    queue = QueueProject(tmp_path, back_end=back_end)
    yield queue
    queue.end()


@pytest.fixture
def hasty(tmp_path, back_end):
    """The same with the shortest lease there is."""
    queue = QueueProject(tmp_path, back_end=back_end, lease="1s")
    yield queue
    queue.end()
