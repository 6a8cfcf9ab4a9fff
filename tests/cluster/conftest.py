"""One cluster for all tests here; each brings its own namespace, or leaves `etl` as it was."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

# pylint: disable=wrong-import-position
from cluster import API, DNS, Cluster, ControlPlane, Network  # noqa: E402
from product import ETL, ROOT, make  # noqa: E402
from servers import pki  # noqa: E402,F401 pylint: disable=unused-import
from platform_site import KDC, SQL, Domain, Site, image  # noqa: E402
from tdsd import tdsd_program  # noqa: E402,F401 pylint: disable=unused-import


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
def domain(cluster, pki, tdsd_program, tmp_path_factory):  # noqa: F811 pylint: disable=unused-argument
    """Who may log in, and where."""
    made = Domain(cluster, tmp_path_factory.mktemp("domain"), pki)
    yield made
    made.kdc.stop()


@pytest.fixture(scope="session")
def product(cluster, tmp_path_factory):
    """The image's tag."""
    make(ROOT)
    return image(cluster, tmp_path_factory.mktemp("image"), ETL, "test")


@pytest.fixture(scope="session")
def faulty(cluster, tmp_path_factory):
    """The same with fault points."""
    make(ROOT, "FAULT=1", "all")
    return image(cluster, tmp_path_factory.mktemp("image"), ROOT / "build/etl-fault", "fault")


@pytest.fixture
def site(domain, product, tmp_path):
    """Makes sites that end with the test."""
    made = []

    def make_site(**settings):
        made.append(Site(domain, tmp_path, **{"tag": product, **settings}))
        return made[-1]
    yield make_site
    for each in made:
        each.end()


@pytest.fixture(scope="session")
def plane(network, tmp_path_factory):  # pylint: disable=unused-argument
    """etcd and an API server, for what needs no pods that run. In the same network as the whole one, which this
    process does not leave."""
    made = ControlPlane(tmp_path_factory.mktemp("plane"))
    yield made
    made.stop()
