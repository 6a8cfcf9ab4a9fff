"""One cluster for all tests here; each brings its own namespace, or leaves `etl` as it was."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from cluster import API, DNS, Cluster, ControlPlane, Network  # noqa: E402 pylint: disable=wrong-import-position

SQL = "10.96.0.14"
KDC = "10.96.0.88"


@pytest.fixture(scope="session")
def network():
    """From now on this process and what it starts are in a network of their own."""
    inner = Network(API, DNS, SQL, KDC)
    yield inner
    inner.leave()


@pytest.fixture(scope="session")
def cluster(network, tmp_path_factory):  # pylint: disable=unused-argument
    """A whole one."""
    made = Cluster(tmp_path_factory.mktemp("k8s"))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    """etcd and an API server, for what needs no pods that run."""
    made = ControlPlane(tmp_path_factory.mktemp("plane"))
    yield made
    made.stop()
