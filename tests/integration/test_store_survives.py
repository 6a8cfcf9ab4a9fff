"""What a store on SQL Server must survive: connections that are cut and victims of deadlocks at any statement,
a server that stalls or is away, somebody's open transaction. Every run is done exactly once all the same."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from queue_project import MANY_ROWS, alive
from servers import wait_for

pytestmark = pytest.mark.mssql_store

ROWS = 20
STORE = 'app="etl store"'
PATIENT = {"max_attempts": 1000, "max_disruptions": 1000, "retry_delay": "0s"}
TRIES = 5  # of a command that was told that the store cannot be used


@pytest.fixture
def faults(back_end):
    """Of the server's own making: a real one has none."""
    if not hasattr(back_end, "server"):
        pytest.skip("ETL_TEST_MSSQL: a real server makes no faults on demand")
    return back_end.server


def define(queue):
    """A load, what comes after it, and a command that is renewed while it runs."""
    queue.copy_job("load", "t", rows=ROWS, **PATIENT)
    queue.exec_job("after", "true", after="load", idempotent="yes", **PATIENT)
    queue.exec_job("long", "sleep 0.6", idempotent="yes", **PATIENT)


def persist(queue, *command):
    """Again, while it is said that the store cannot be used."""
    for _ in range(TRIES):
        done = subprocess.run(queue.argv(*command), cwd=queue.path, env=queue.env(), capture_output=True,
                              text=True, check=False, timeout=60)
        if done.returncode == 0:
            return done.stdout
        assert done.returncode == 4, f"{command}: exit {done.returncode}: {done.stderr}"
    raise AssertionError(f"{command}: {done.stderr}")


def play(queue, key, jobs=("load",)):
    """Everything that a run's life needs, from the order to its end."""
    for job in jobs:
        persist(queue, "run", job, "--key", key)
    persist(queue, "controller", "--until-idle")


def check(queue, loads):
    states = queue.states()
    assert set(states) == {"succeeded"}, queue.etl("status").stdout
    assert queue.count("t") == ROWS * loads
    ledger = queue.ledger()
    assert len(ledger) == loads and set(ledger.values()) == {"published"}
    uids = {uid for uid, in queue.store("SELECT r.run_uid FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id"
                                        " WHERE j.name = 'load'")}
    assert uids == set(ledger)
    assert queue.store("SELECT count(*) FROM etl_run_heartbeat") == [(0,)]


def texts(server, since):
    """What names each statement that the store was asked since then."""
    found = {}
    for statement in server.statements()[since:]:
        if statement["application"] == "etl store":
            text = statement["text"].removeprefix("sp_executesql ").split('"')[0][:200]
            found.setdefault(text)
    return list(found)


def told(server):
    """Has the fault happened?"""
    return any(fault["hits"] for fault in server.faults())


@pytest.mark.parametrize("fault", ["cut phase=request", "cut phase=result", "error number=1205 rollback=1"],
                         ids=["cut before", "cut after", "deadlock victim"])
def test_each_statement_of_a_runs_life(hasty, faults, fault):
    queue = hasty
    define(queue)
    since = len(faults.statements())
    play(queue, 0, ("load", "long"))
    loads, statements = 1, texts(faults, since)
    assert len(statements) > 30
    for text in statements:
        faults.fault(f'{fault} {STORE} match="{text}"')
        play(queue, loads, ("long", "load") if "heartbeat" in text else ("load",))
        assert told(faults) or "heartbeat" in text, text
        faults.ask("clear")
        loads += 1
        check(queue, loads)


@pytest.mark.parametrize("text", ["BEGIN TRANSACTION", "UPDATE etl.run SET state", "etl.run_heartbeat", "COMMIT TRANSACTION"],
                         ids=["begin", "claim or finish", "heartbeat", "commit"])
@pytest.mark.parametrize("phase", ["request", "result"])
def test_the_connection_cut_at_every_occurrence(hasty, faults, text, phase):
    """The k-th of claims, heartbeats and ends, until there is none, at each packet."""
    queue = hasty
    define(queue)
    loads = 0
    for packet in (1, 2):
        for k in range(100):
            faults.fault(f'cut phase={phase} packet={packet} {STORE} match="{text}" skip={k}')
            play(queue, loads)
            loads += 1
            check(queue, loads)
            reached = told(faults)
            faults.ask("clear")
            if not reached:
                break
        assert k < 99 and (k >= 3 or packet > 1), k


# --- a server that stalls, or is away ---


def hurry(queue):
    """An answer is waited for no longer than a second."""
    queue.back_end.more = ["query_timeout = 1s"]
    queue.configure()


@pytest.mark.parametrize("text", ["etl.run_heartbeat", "etl.controller", "COMMIT TRANSACTION"])
def test_a_session_that_stalls(hasty, faults, text):
    """For longer than an answer is waited for: another session goes on."""
    queue = hasty
    hurry(queue)
    define(queue)
    faults.fault(f'stall phase=request {STORE} match="{text}" ms=0')
    play(queue, 0, ("load", "long"))
    assert told(faults)
    check(queue, 1)


def test_a_command_says_that_the_store_does_not_answer(hasty, faults):
    """It is no run's time that is over."""
    hurry(hasty)
    faults.fault(f"stall phase=request {STORE} match=etl.run ms=0")
    assert "not answered within 1 s" in hasty.etl("status", status=4).stderr


def test_a_server_that_stalls(hasty, faults):
    """Nothing is answered for longer than a lease; nobody is taken for dead by it."""
    queue = hasty
    queue.exec_job("short", "while [ ! -e go ]; do sleep 0.05; done", **PATIENT)
    queue.exec_job("long", "while [ ! -e go-on ]; do sleep 0.05; done", **PATIENT)
    controller = queue.controller()
    for job in ("short", "long"):
        queue.wait_worker(queue.order(job))
    faults.fault(f"stall phase=request {STORE} ms=0 times=0")
    queue.write("go", "")
    controller.wait_text("the store cannot be used; workers go on", 60)
    assert queue.health() == 0 and len(queue.workers()) == 2
    faults.ask("clear")
    controller.wait_text("the store is back", 60)
    queue.wait_state(1, "succeeded")
    queue.write("go-on", "")
    queue.wait_state(2, "succeeded")
    assert set(queue.store("SELECT attempt, disruptions FROM etl_run")) == {(1, 0)}


def test_a_server_that_is_away_for_longer_than_a_lease_while_workers_copy(hasty, faults):
    """They copy on, and publish once when it is back."""
    queue = hasty
    queue.copy_job("load", "t", rows=MANY_ROWS)
    controllers = [queue.controller(), queue.controller()]
    queue.order("load")
    worker = queue.wait_worker(1)
    queue.wait_staging()
    queue.freeze(worker)  # so that it is not done before the server is gone
    queue.back_end.stop()
    os.kill(worker, signal.SIGCONT)
    for controller in controllers:
        controller.wait_text("the store cannot be used; workers go on")
    before = time.monotonic()
    wait_for(lambda: time.monotonic() - before > 1.5 or not alive(worker), "a lease and a half")
    assert alive(worker) and queue.count("t") == 0
    assert faults.port == int(queue.back_end.address.split(",")[1])
    queue.back_end.start()
    for controller in controllers:
        controller.wait_text("the store is back")
    queue.wait_state(1, "succeeded")
    run = queue.run(1)
    assert run["attempt"] - run["disruptions"] == 1
    assert queue.count("t") == MANY_ROWS and list(queue.ledger().values()) == ["published"]


# --- somebody else in the database ---


def test_an_open_transaction_on_the_runs(hasty):
    """Longer than a lease: nothing expires, and everything goes on when it is over."""
    queue = hasty
    define(queue)
    queue.exec_job("short", "while [ ! -e go ]; do sleep 0.05; done", **PATIENT)
    controllers = [queue.controller(), queue.controller()]
    queue.wait_worker(queue.order("short"))
    with queue.back_end.locked(tables=("run",)):
        queue.write("go", "")
        before = time.monotonic()
        wait_for(lambda: time.monotonic() - before > 2.5, "two leases and a half")
        assert queue.state(1) == "running" and len(queue.workers()) == 1
    queue.wait_state(1, "succeeded")
    queue.wait_state(queue.order("load"), "succeeded")
    queue.wait_all("succeeded")
    assert set(queue.store("SELECT attempt, disruptions FROM etl_run")) == {(1, 0)}
    assert [c.stop() for c in controllers] == [0, 0]
    check(queue, 1)


def test_heartbeats_go_on_beside_an_open_transaction_on_the_runs(hasty):
    queue = hasty
    if hasattr(queue.back_end, "server"):
        pytest.skip("needs ETL_TEST_MSSQL: the test server locks databases, not tables")
    queue.exec_job("job", "while [ ! -e go ]; do sleep 0.05; done")
    queue.controller()
    queue.wait_worker(queue.order("job"))
    with queue.back_end.locked(tables=("run",)):
        seen = set()

        def beaten():
            seen.update(queue.store("SELECT at FROM etl_run_heartbeat"))
            return len(seen) > 5
        wait_for(beaten, "five heartbeats")
    queue.write("go", "")
    queue.wait_state(1, "succeeded")


@pytest.mark.parametrize("snapshot", ["ON", "OFF"])
def test_controllers_claim_each_run_once(hasty, snapshot):
    """READ_COMMITTED_SNAPSHOT: readers see versions, or wait for writers."""
    queue = hasty
    if hasattr(queue.back_end, "server") and snapshot == "OFF":
        pytest.skip("needs ETL_TEST_MSSQL: the test server's readers never wait")
    queue.back_end.ask(f"ALTER DATABASE {queue.back_end.database} SET READ_COMMITTED_SNAPSHOT {snapshot}"
                       " WITH ROLLBACK IMMEDIATE")
    queue.exec_job("job", "echo x >> done", max_active=100)
    for _ in range(20):
        queue.order("job")
    for _ in range(3):
        queue.controller()
    queue.wait_all("succeeded")
    assert set(queue.store("SELECT attempt, fence FROM etl_run")) == {(1, 1)}
    assert Path(queue.path / "done").read_text() == "x\n" * 20
