"""The control database on SQL Server: the same commands as on SQLite, orders from any client, and
connections that break at any statement."""

import json
import subprocess

import pytest
# pylint: disable=redefined-outer-name
from servers import other_pki, pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, Raw, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import

JOBS = """\
[defaults]
source = raw
target = warehouse
load_mode = append
max_attempts = 5
max_disruptions = 50
retry_delay = 0s
[job load]
source_table = t
target_table = t
[job after]
kind = sql
target = warehouse
after = load
command = CREATE TABLE IF NOT EXISTS n (rows); INSERT INTO n SELECT count(*) FROM t
"""


class Store:
    def __init__(self, project, server, pki, encrypt="require", made=True):
        self.project, self.server = project, server
        project.write("password", PASSWORD)
        project.write("etl.ini", f"""\
[store]
driver = mssql
server = localhost,{server.port}
database = ETL
user = {USER}
password_file = password
ca_file = {pki.ca}
encrypt = {encrypt}
login_timeout = 5s
[controller]
poll = 100ms
lease = 2s
[connection raw]
driver = csv
path = data/
[connection warehouse]
driver = sqlite
path = warehouse.db
""")
        project.csv("t", "a,b\n" + "".join(f"{i},x{i}\n" for i in range(50)))
        project.write("jobs.ini", JOBS)
        if made:
            project.etl("init")
            project.etl("apply", "jobs.ini")

    def until_idle(self, status=0):
        return self.project.etl("controller", "--until-idle", status=status)

    def runs(self):
        return json.loads(self.project.etl("status", "--json").stdout)


@pytest.fixture
def store(project, tdsd, pki):
    certificate, key = pki.issue("localhost")
    return Store(project, tdsd(certificate=certificate, key=key, encrypt="on", database="ETL"), pki)


def test_the_contract(store):
    assert "is up to date, schema version" in store.project.etl("init").stdout
    assert json.loads(store.project.etl("init", "--json").stdout)["store"].endswith("/ETL")
    store.project.etl("run", "load")
    store.until_idle()
    assert [(r["job"], r["state"]) for r in store.runs()] == [("after", "succeeded"), ("load", "succeeded")]
    assert store.project.sql("SELECT count(*) FROM t") == [(50,)]
    assert "published 50 rows" in store.project.etl("logs", "1").stdout


def test_an_order_from_any_client(project, tdsd, pki):
    server = tdsd(encrypt="none", database="ETL")
    store = Store(project, server, pki, encrypt="off")
    with Raw(server.port) as client:
        client.login(database="ETL")
        assert not client.ask("UPDATE etl.job SET priority = 7 WHERE job_id = 1").errors
        assert not client.ask("INSERT INTO etl.run (job_id) VALUES (1)").errors
        assert not client.ask("IF NOT EXISTS (SELECT 1 FROM etl.run r JOIN etl.run_event e ON e.run_id = r.run_id"
                              " WHERE r.priority = 7 AND e.actor = N'sql' AND e.reason = N'ordered: manual')"
                              " RAISERROR('no order', 16, 1)").errors
    store.until_idle()
    assert store.project.sql("SELECT count(*) FROM t") == [(50,)]


def test_keys_name_orders_once(store):
    first = json.loads(store.project.etl("run", "load", "--key", "tonight", "--json").stdout)["run"]
    assert json.loads(store.project.etl("run", "load", "--key", "tonight", "--json").stdout)["run"] == first
    store.project.etl("cancel", first)
    assert store.runs()[0]["state"] == "cancelled"


def test_two_inits_at_once(project, tdsd, pki):
    certificate, key = pki.issue("localhost")
    Store(project, tdsd(certificate=certificate, key=key, encrypt="on", database="ETL"), pki, made=False)
    both = [project.start("init", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [p.communicate(timeout=60) for p in both]
    assert [p.returncode for p in both] == [0, 0], said
    assert sorted(out.split(" ", 1)[0] for out, _ in said) == ["made", "store"]  # and the other found it


def test_two_controllers(store):
    for key in range(12):
        store.project.etl("run", "load", "--key", key)
    both = [store.project.start("controller", "--until-idle", stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [p.wait(120) for p in both] == [0, 0]
    assert store.project.sql("SELECT count(*) FROM t") == [(12 * 50,)]


@pytest.mark.parametrize("phase, kind", [("request", "cut"), ("result", "cut"), ("result", "reset")])
def test_the_connection_cut_at_any_statement(store, phase, kind):
    """Of controller and worker, the k-th of each connection; the next connection goes on. A controller
    that loses its first one ends, and is started again."""
    done = 0
    for statement in list(range(1, 12)) + [14, 18, 25, 40]:
        store.project.etl("run", "load", "--key", f"{statement}")
        number = store.server.fault(f'{kind} phase={phase} statement={statement} app="etl store" times=2')
        argv = store.project.argv("controller", "--until-idle")
        status = [subprocess.run(argv, cwd=store.project.path, env=store.project.env(), capture_output=True,
                                 check=False, timeout=60).returncode for _ in range(3)]
        assert status[-1] == 0 and set(status) <= {0, 4}
        done += 1
        assert store.project.sql("SELECT count(*) FROM t") == [(50 * done,)], (statement, number)
        store.server.ask("clear")
    assert {r["state"] for r in store.runs()} == {"succeeded"}


def test_a_server_that_is_away_for_a_while(store):
    store.server.fault("refuse number=18401 times=3")
    done = store.project.etl("status", status=4)
    assert "login: " in done.stderr and "starting" in done.stderr
    store.server.ask("clear")
    store.project.etl("run", "load")
    store.until_idle()
    assert store.runs()[0]["state"] == "succeeded"
