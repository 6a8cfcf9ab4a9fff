"""One key, many processes: who share a store show a refused key to a KDC once, wherever they run."""

import shutil
import subprocess

import pytest
from kdcs import KDCS, make_kdc  # noqa: F401 pylint: disable=unused-import
from product import ETL
from servers import wait_for

# pylint: disable=redefined-outer-name

PODS = 20
KEY = "SELECT principal, refused FROM etl_kerberos_key"
SVC = "svc_etl@ETL.TEST"


class Pods:
    """Directories with nothing in common but what is in the keytab, and the store."""

    def __init__(self, path, kdc, store, n=PODS):
        self.path, self.kdc, self.store = path, kdc, store
        kdc.add("svc_etl")
        self.pods = [path / f"pod{i}" for i in range(n)]
        for pod in self.pods:
            pod.mkdir()
            self.write(pod)
        self.key()
        self.run(path, "init", "--config", self.pods[0] / "etl.ini")

    def write(self, pod, **more):
        section = self.store.config().replace("path = ", f"path = {self.store.directory}/") \
            .replace("password_file = ", f"password_file = {self.store.directory}/")
        options = {"principal": "svc_etl", "keytab": "svc.keytab", "ccache": "cc", "timeout": "20s", **more}
        (pod / "etl.ini").write_text(self.kdc.section(**options) + f"[store]\n{section}\n")

    def key(self):
        """A Secret that is mounted anew: each a file of its own."""
        new = self.path / "new.keytab"
        new.unlink(missing_ok=True)
        self.kdc.export("svc_etl", new)
        new.chmod(0o600)
        for pod in self.pods:
            shutil.copyfile(new, pod / "mounting")
            (pod / "mounting").chmod(0o600)
            (pod / "mounting").replace(pod / "svc.keytab")

    @staticmethod
    def run(pod, *argv, status=0):
        done = subprocess.run([str(ETL), *map(str, argv)], cwd=pod, env={}, capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr

    def all_at_once(self):
        """Exit codes of a refresh in each pod."""
        started = [subprocess.Popen([str(ETL), "kinit-refresh", "--once"], cwd=pod, env={}, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for pod in self.pods]
        return [p.wait(60) for p in started]

    def refusals(self):
        return self.kdc.log().count("PREAUTH_FAILED: ")


@pytest.fixture
def pods(tmp_path, make_kdc, back_end):
    return lambda kind=KDCS[0], **options: Pods(tmp_path, make_kdc(kind), back_end, **options)


def test_twenty_pods_with_a_stale_keytab(pods):
    here = pods()
    assert here.all_at_once() == [0] * PODS
    assert here.store.query(KEY) == [], "a key that is taken leaves nothing"
    here.kdc.change("svc_etl")
    assert here.all_at_once() == [5] * PODS
    assert here.refusals() == 1
    assert here.store.query(KEY) == [(SVC, 1)]
    for pod in here.pods:  # what a pod was told it keeps, but the store is enough
        for file in pod.glob("cc*"):
            file.unlink()
    assert here.all_at_once() == [5] * PODS
    assert "not tried again with the same keytab" in here.run(here.pods[0], "kinit-refresh", "--once", status=5)
    assert here.refusals() == 1
    here.key()
    assert here.all_at_once() == [0] * PODS
    assert here.refusals() == 1


def test_force_is_one_more(pods):
    here = pods(n=2)
    here.kdc.change("svc_etl")
    assert here.all_at_once() == [5, 5]
    here.run(here.pods[1], "kinit-refresh", "--once", "--force", status=5)
    assert here.refusals() == 2
    here.store.query("UPDATE etl_kerberos_key SET refused = 0, held_until = '2001-01-01'")
    for pod in here.pods:
        for file in pod.glob("cc*"):
            file.unlink()
    assert here.all_at_once() == [5, 5]  # what somebody has let loose is tried once again
    assert here.refusals() == 3


def test_two_keytabs_of_one_account(pods):
    """The old one is refused, the new one goes on; neither makes the other be tried again."""
    here = pods(n=2)
    old = (here.pods[1] / "svc.keytab").read_bytes()
    here.kdc.change("svc_etl")
    here.key()
    (here.pods[1] / "svc.keytab").write_bytes(old)
    for _ in range(3):
        assert here.all_at_once() == [0, 5]
    assert here.refusals() == 1


@pytest.mark.sqlite_store
def test_without_a_store_each_goes_by_itself(pods):
    here = pods(n=3)
    here.store.remove()
    here.kdc.change("svc_etl")
    for _ in range(2):
        assert here.all_at_once() == [5] * 3
    assert here.refusals() == 3


@pytest.mark.sqlite_store
def test_who_does_not_come_back_holds_nobody_up_for_long(pods):
    """Killed while it waits for the KDC."""
    here = pods(n=2)
    silent = subprocess.Popen(["python3", "-c", "import socket, sys, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\n"
                               "s.listen()\nprint(s.getsockname()[1], flush=True)\ntime.sleep(99)"],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = silent.stdout.readline().strip()
        here.write(here.pods[0], kdc=f"127.0.0.1:{port}", timeout="1s")
        here.write(here.pods[1], timeout="2s")
        lost = subprocess.Popen([str(ETL), "kinit-refresh", "--once"], cwd=here.pods[0], env={})
        wait_for(lambda: here.store.query(KEY) == [(SVC, 0)], "somebody's turn")
        lost.kill()
        lost.wait()
        here.run(here.pods[1], "kinit-refresh", "--once")
    finally:
        silent.kill()
        silent.communicate()
