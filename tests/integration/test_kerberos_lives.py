"""Tickets that live for seconds: a controller and its workers, whose store and target want Kerberos, through many
lives of a ticket and through an outage of the KDC that is longer than one."""

import time

import pytest
from kdcs import MitKdc, make_kdc  # noqa: F401 pylint: disable=unused-import
from queue_project import QueueProject, section
from servers import pki, wait_for  # noqa: F401 pylint: disable=unused-import
from stores import TdsdStore
from tdsd import USER, tdsd_program  # noqa: F401 pylint: disable=unused-import

# pylint: disable=redefined-outer-name

LIFE = 8  # s
REALM = "ETL.TEST"


class KerberosStore(TdsdStore):
    """The test itself logs in with a password; the program has a ticket."""

    def __init__(self, directory, pki, kdc):
        self.kdc = kdc
        super().__init__(directory, pki)
        kdc.add(f"MSSQLSvc/localhost:{self.server.port}", directory / "sql.keytab")

    def _start(self, directory, *arguments, **options):
        super()._start(directory, *arguments, "--keytab", directory / "sql.keytab", "--principal",
                       f"svc_etl@{REALM}={USER}", **options)

    def keys(self):
        return (f"driver = mssql\nserver = {self.address}\ndatabase = {self.database}\nauth = kerberos\n"
                f"ca_file = {self.ca_file}\nlogin_timeout = 5s\n")

    def config(self):
        return self.keys() + self.kdc.section(principal="svc_etl", keytab="svc.keytab", timeout="1s") \
            + f"[connection dw]\n{self.keys()}"


@pytest.fixture
def short(tmp_path, make_kdc, pki, tdsd_program, request):  # pylint: disable=unused-argument
    kdc = make_kdc(MitKdc, life=getattr(request, "param", f"{LIFE}s"))
    kdc.add("svc_etl", tmp_path / "svc.keytab")
    (tmp_path / "svc.keytab").chmod(0o600)
    store = KerberosStore(tmp_path, pki, kdc)
    queue = QueueProject(tmp_path, back_end=store, lease="5s")
    queue.kdc = kdc
    queue.jobs(section("tick", kind="sql", target="dw", command="SELECT 1", retry_delay="1s"))
    yield queue
    queue.end()
    store.end()


def test_many_lives(short):
    """Each run is a worker of its own, and the controller has to log in again before each."""
    controller = short.controller()
    first = time.monotonic()
    runs = 0
    while time.monotonic() < first + 5 * LIFE:
        short.wait_state(short.order("tick"), "succeeded")
        runs += 1
        short.back_end.forget()
        short.back_end.server.kill_all()  # idle sessions: the controller's
    assert runs >= 5
    assert short.states() == {"succeeded": runs}
    said = controller.text()
    assert "Kerberos" not in said and "KDC" not in said and "ticket" not in said, said
    # its own tickets: one for each half of a life at least, or it went on with one that had ended
    assert short.kdc.log().count("AS_REQ") >= runs + 5


def outlive(short):
    """Stop the KDC, and wait until whatever ticket there is has ended."""
    short.kdc.stop()
    end = time.time() + LIFE
    wait_for(lambda: time.time() > end, "the end of every ticket", LIFE + 5)


def order(short):
    """By plain SQL: the program itself has no ticket."""
    return short.back_end.query("INSERT INTO etl_run (job_id) VALUES (1); SELECT max(run_id) FROM etl_run")[0][0]


def untouched(short, run):
    """It waited, and used up nothing."""
    row = short.run(run)
    return row["attempt"] == 1 and row["disruptions"] == 0


def test_outage_longer_than_a_life(short):
    controller = short.controller()
    short.wait_state(short.order("tick"), "succeeded")
    outlive(short)
    short.back_end.forget()
    short.back_end.server.kill_all()
    controller.wait_text("store: kerberos: no KDC answers for 'svc_etl@ETL.TEST'")
    run = order(short)
    assert short.state(run) == "queued"
    short.kdc.start()
    short.wait_state(run, "succeeded")
    assert untouched(short, run)


def test_outage_while_the_controller_is_logged_in(short):
    """Its connection lives on, but a worker would get no ticket: none is started until there is one."""
    controller = short.controller()
    short.wait_state(short.order("tick"), "succeeded")
    outlive(short)
    controller.wait_text("no worker is started until that changes: no KDC answers for 'svc_etl@ETL.TEST'")
    run = order(short)
    short.kdc.start()
    controller.wait_text("workers are started again")
    short.wait_state(run, "succeeded")
    assert untouched(short, run)


def test_stale_keytab_while_the_controller_is_logged_in(short):
    """Its old ticket still serves, but each worker would be one wrong password more."""
    controller = short.controller()
    short.wait_state(short.order("tick"), "succeeded")
    short.kdc.change("svc_etl")
    controller.wait_text("no worker is started until that changes: not tried again with the same keytab")
    assert short.kdc.log().count("PREAUTH_FAILED: ") == 1
    run = order(short)
    keytab, new = short.path / "svc.keytab", short.path / "new.keytab"
    short.kdc.export("svc_etl", new)
    new.chmod(0o600)
    new.replace(keytab)
    short.wait_state(run, "succeeded")
    assert untouched(short, run)
    assert short.kdc.log().count("PREAUTH_FAILED: ") == 1


@pytest.mark.parametrize("short", ["10h"], indirect=True)
def test_worker_that_gets_no_ticket(short):
    """The KDC is gone while the controller's ticket is still young: the worker says so, and the controller looks."""
    controller = short.controller()
    short.kdc.stop()
    run = order(short)
    controller.wait_text("no worker is started until that changes: no KDC answers for 'svc_etl@ETL.TEST'")
    wait_for(lambda: any("no KDC answers for 'svc_etl@ETL.TEST'" in m for m, in short.back_end.query(
        "SELECT message FROM etl_run_log WHERE run_id = ?", run)), "what the worker said")
    assert short.run(run)["disruptions"] == 1
    short.kdc.start()
    short.wait_state(run, "succeeded")
    assert short.run(run)["disruptions"] == 1
