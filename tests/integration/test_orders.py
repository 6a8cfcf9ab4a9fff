"""What is ordered: by command, by key, by plain SQL, by what came before; what goes first, and what
is cancelled."""

import json
import os
import signal
import sqlite3
import subprocess

import pytest
from queue_project import MANY_ROWS, section
from servers import wait_for

# --- etl run ---


def test_a_run_is_queued_and_said_to_be(queue):
    queue.exec_job("hello", "echo hello")
    done = queue.etl("run", "hello")
    assert done.stdout == "run 1\thello\tqueued\n"
    assert "no controller is alive: run 1 stays queued" in done.stderr
    assert queue.state(1) == "queued"
    ordered = json.loads(queue.etl("run", "hello", "--json").stdout)
    assert ordered == {"run": 2, "run_uid": queue.run(2)["run_uid"], "job": "hello",
                       "state": "queued", "known": False}


def test_waiting_without_a_controller_comes_back(queue):
    queue.exec_job("hello", "echo hello")
    done = queue.etl("run", "hello", "--wait", status=4)
    assert "no controller is alive" in done.stderr.splitlines()[0]
    assert "run 1 is queued, and no controller is alive" in done.stderr
    assert "hint: it stays ordered: start 'etl controller'" in done.stderr
    assert queue.state(1) == "queued"
    queue.until_idle()
    assert queue.state(1) == "succeeded"


def test_waiting_begins_before_the_controller(queue):
    queue.exec_job("hello", "echo hello")
    waiting = queue.start("run", "hello", "--wait", stderr=subprocess.PIPE, text=True)
    wait_for(lambda: queue.store("SELECT 1 FROM etl_run"), "the order")
    queue.controller()
    _, stderr = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, stderr


@pytest.mark.parametrize("command, keys, status, state", [
    ("true", {}, 0, "succeeded"),
    ("echo why >&2; exit 3", {}, 1, "failed"),
    ("sleep 60", {"timeout": "1s"}, 8, "timed_out"),
])
def test_waiting_exits_as_the_run_ended(queue, command, keys, status, state):
    queue.exec_job("job", command, **keys)
    queue.controller()
    done = queue.etl("run", "job", "--wait", status=status)
    assert f"run 1: {state}" in done.stderr
    assert queue.state(1) == state
    known = queue.etl("run", "job", "--wait", "--json", status=status)
    document = json.loads(known.stdout)
    assert document["run"] == 2 and document["state"] == state


def test_waiting_for_a_run_that_is_cancelled(queue):
    queue.exec_job("long", "sleep 60")
    queue.controller()
    waiting = queue.start("run", "long", "--wait", stderr=subprocess.PIPE, text=True)
    wait_for(lambda: queue.states() == {"running": 1}, "the run")
    queue.etl("cancel", 1)
    _, stderr = waiting.communicate(timeout=30)
    assert waiting.returncode == 8 and "cancelled" in stderr


def test_a_job_that_is_not_there(queue):
    queue.exec_job("hello", "true")
    assert "did you mean 'hello'?" in queue.etl("run", "helo", status=7).stderr
    assert queue.states() == {}


def test_a_disabled_job(queue):
    queue.exec_job("off", "true", enabled="no")
    assert "job 'off' is not enabled" in queue.etl("run", "off", status=3).stderr
    queue.store("INSERT INTO etl_run (job_id) VALUES (1)")
    queue.until_idle()  # nothing that it could do is left
    assert queue.state(1) == "queued"
    queue.exec_job("off", "true")
    queue.until_idle()
    assert queue.state(1) == "succeeded"


# --- keys ---


def test_a_key_twice_is_one_run(queue):
    queue.copy_job("load", "t", rows=3)
    first = json.loads(queue.etl("run", "load", "--key", "monday", "--json").stdout)
    again = json.loads(queue.etl("run", "load", "--key", "monday", "--json").stdout)
    assert not first["known"] and again["known"] and again["run"] == first["run"] == 1
    queue.controller()
    queue.etl("run", "load", "--key", "monday", "--wait")
    assert "ordered before" in queue.etl("run", "load", "--key", "monday").stdout
    queue.etl("run", "load", "--key", "tuesday", "--wait")
    assert queue.count("t") == 6 and queue.states() == {"succeeded": 2}


def test_a_key_at_the_same_time_is_one_run(queue):
    queue.exec_job("job", "true")
    orders = [queue.start("run", "job", "--key", "k", "--json", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) for _ in range(8)]
    answers = [json.loads(order.communicate(timeout=30)[0]) for order in orders]
    assert {a["run"] for a in answers} == {1}
    assert [a["known"] for a in answers].count(False) == 1


def test_a_key_belongs_to_its_job(queue):
    queue.exec_job("one", "true")
    queue.exec_job("two", "true")
    assert queue.order("one", "--key", "k") != queue.order("two", "--key", "k")


def test_the_key_reaches_the_command(queue):
    queue.exec_job("job", 'echo "$ETL_JOB $ETL_ORDER_KEY $ETL_RUN_ID"')
    queue.order("job", "--key", "2026-11-24")
    queue.until_idle()
    assert "job 2026-11-24 1" in queue.log_of(1)


# --- plain SQL ---


def test_an_insert_is_an_order(queue):
    queue.exec_job("job", "true", priority=7)
    queue.controller()
    queue.store("INSERT INTO etl_run (job_id) VALUES (1)")
    queue.wait_state(1, "succeeded")
    run = queue.run(1)
    assert run["priority"] == 7 and run["origin"] == "manual" and len(run["run_uid"]) == 36
    assert queue.events(1) == ["queued", "starting", "running", "succeeded"]


def test_an_insert_waits_for_what_its_job_comes_after(queue):
    queue.exec_job("up", "exit 1")
    queue.exec_job("down", "true", after="up")
    queue.order("up")
    queue.store("INSERT INTO etl_run (job_id) VALUES (2)")
    queue.until_idle(status=1)
    assert (queue.state(1), queue.state(2)) == ("failed", "waiting")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_an_update_cancels(queue, state):
    queue.exec_job("job", "sleep 60")
    if state == "queued":
        queue.order("job")
        queue.store("UPDATE etl_run SET cancel_requested = 1 WHERE run_id = 1")
        queue.controller()
    else:
        queue.controller()
        queue.order("job")
        pid = queue.wait_worker(1)
        queue.store("UPDATE etl_run SET cancel_requested = 1 WHERE run_id = 1")
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the worker's end")
    queue.wait_state(1, "cancelled")


# --- etl cancel ---


def test_cancel_what_is_queued(queue):
    queue.exec_job("job", "true")
    queue.order("job")
    assert queue.etl("cancel", 1).stdout == "run 1 is cancelled\n"
    assert queue.state(1) == "cancelled"
    assert queue.etl("cancel", 1).stdout == "run 1 is over already: cancelled\n"
    queue.until_idle()
    assert queue.run(1)["attempt"] == 0


def test_cancel_what_waits(queue):
    queue.exec_job("up", "exit 1")
    queue.exec_job("down", "true", after="up")
    queue.order("up")
    queue.until_idle(status=1)
    queue.order("down")
    assert queue.state(2) == "waiting"
    done = json.loads(queue.etl("cancel", 2, "--json").stdout)
    assert done == {"run": 2, "result": "cancelled", "state": "cancelled"}


def test_cancel_what_is_over_or_not_there(queue):
    queue.exec_job("job", "true")
    queue.order("job")
    queue.until_idle()
    assert "run 1 is over already: succeeded" in queue.etl("cancel", 1, status=1).stdout
    assert "there is no run 2" in queue.etl("cancel", 2, status=7).stderr


def test_cancel_a_command(queue):
    queue.exec_job("job", "sleep 60 & sleep 60; wait", idempotent="yes", max_attempts=5)
    queue.controller()
    queue.order("job")
    wait_for(lambda: len(queue.others()) >= 3, "the command and what it started")
    assert "its worker is told to stop" in queue.etl("cancel", 1).stdout
    queue.wait_state(1, "cancelled")
    assert queue.run(1)["error_code"] == "cancelled"
    wait_for(lambda: not queue.others(), "the command's end")


def test_cancel_sql(queue):
    queue.sql("CREATE TABLE x (n)")
    queue.sql_job("job", "INSERT INTO x VALUES (1); INSERT INTO x WITH RECURSIVE c(n) AS"
                         " (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000)"
                         " SELECT max(n) FROM c")
    queue.controller()
    queue.order("job")
    queue.wait_worker(1)
    wait_for(lambda: queue.ledger(), "the ledger's row")
    queue.etl("cancel", 1)
    queue.wait_state(1, "cancelled")
    assert queue.count("x") == 0
    assert list(queue.ledger().values()) == ["revoked"]


def test_cancel_a_copy(queue):
    queue.copy_job("load", "t", rows=MANY_ROWS)
    queue.controller()
    queue.order("load")
    pid = queue.wait_worker(1)
    queue.wait_staging()
    queue.freeze(pid)  # so that it is not done before it hears of it
    queue.etl("cancel", 1)
    os.kill(pid, signal.SIGCONT)
    queue.wait_state(1, "cancelled")
    assert queue.count("t") == 0 and queue.leftovers() == []
    assert list(queue.ledger().values()) == ["revoked"]


def test_cancel_a_copy_that_waits_for_its_target(queue):
    queue.copy_job("load", "t", rows=10)
    queue.sql("CREATE TABLE other (n)")
    db = sqlite3.connect(queue.path / "warehouse.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    queue.controller()
    queue.order("load")
    pid = queue.wait_worker(1)
    queue.etl("cancel", 1)
    wait_for(lambda: queue.state(1) != "running" or not os.path.exists(f"/proc/{pid}") or
             queue.run(1)["cancel_requested"], "the cancellation")
    db.execute("COMMIT")
    db.close()
    queue.wait_state(1, "cancelled")
    assert queue.count("t") == 0 and set(queue.ledger().values()) <= {"revoked"}


def test_cancel_between_two_attempts(queue):
    queue.sql("CREATE TABLE x (n PRIMARY KEY)")
    queue.sql("INSERT INTO x VALUES (1)")
    queue.sql_job("job", "INSERT INTO x VALUES (1)", max_attempts=2, retry_delay="1h")
    queue.controller()
    queue.order("job")
    wait_for(lambda: queue.run(1)["attempt"] == 1 and queue.state(1) == "queued", "an attempt")
    done = queue.etl("cancel", 1).stdout
    assert "cancelled as soon as its target has withdrawn" in done
    queue.wait_state(1, "cancelled")
    assert list(queue.ledger().values()) == ["revoked"]


# --- after ---


def test_a_chain(queue):
    queue.exec_job("a", "true")
    queue.exec_job("b", "true", after="a")
    queue.exec_job("c", "true", after="b")
    queue.order("a")
    queue.until_idle()
    rows = queue.store("SELECT j.name, r.state, r.origin FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id"
                       " ORDER BY r.started_at")
    assert rows == [("a", "succeeded", "manual"), ("b", "succeeded", "dependency"),
                    ("c", "succeeded", "dependency")]


def test_both_of_two_are_needed(queue):
    queue.exec_job("a", "true")
    queue.exec_job("b", "while [ ! -e go ]; do sleep 0.05; done")
    queue.exec_job("both", "true", after="a, b")
    queue.controller()
    a, b = queue.order("a"), queue.order("b")
    queue.wait_state(a, "succeeded")
    queue.wait_state(b, "running")
    both = queue.store("SELECT run_id, state FROM etl_run WHERE job_id = 3")
    assert [state for _, state in both] == ["waiting"]
    queue.write("go", "")
    queue.wait_state(b, "succeeded")
    queue.wait_state(both[0][0], "succeeded")
    assert queue.states() == {"succeeded": 3}


def test_one_of_two_is_not_enough(queue):
    queue.exec_job("a", "true")
    queue.exec_job("b", "true")
    queue.exec_job("both", "true", after="a, b")
    queue.order("a")
    queue.until_idle(status=1)  # it waits for b, which nobody has ordered
    assert queue.states() == {"succeeded": 1, "waiting": 1}
    queue.order("b")
    queue.until_idle()
    assert queue.states() == {"succeeded": 3}


def test_a_failed_upstream_holds_what_comes_after(queue):
    queue.exec_job("up", "test -e fixed")
    queue.exec_job("down", "true", after="up")
    queue.order("up")
    down = queue.order("down")
    assert queue.state(down) == "waiting"
    said = queue.until_idle(status=1)
    assert "1 runs are left waiting for a job that has not succeeded" in said
    assert queue.state(down) == "waiting"
    queue.write("fixed", "")
    again = queue.order("up")
    queue.until_idle()
    assert (queue.state(again), queue.state(down)) == ("succeeded", "succeeded")
    assert len(queue.store("SELECT 1 FROM etl_run WHERE job_id = 2")) == 1


def test_a_failed_upstream_orders_nothing(queue):
    queue.exec_job("up", "false")
    queue.exec_job("down", "true", after="up")
    queue.exec_job("cleanup", "true", after_end="up")
    queue.order("up")
    queue.until_idle(status=1)
    assert queue.store("SELECT j.name, r.state FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id"
                       " ORDER BY r.run_id") == [("up", "failed"), ("cleanup", "succeeded")]


def test_a_worker_by_hand_orders_what_comes_after(queue):
    queue.exec_job("up", "true")
    queue.exec_job("down", "true", after="up")
    queue.configure(poll="1h")
    queue.controller()
    queue.etl("worker", "--job", "up")
    wait_for(lambda: queue.states() == {"succeeded": 2}, "the run of 'down'")


def test_jobs_in_a_circle_are_refused(queue):
    queue.exec_job("a", "true")
    queue.exec_job("b", "true", after="a")
    queue.write("circle.ini", section("a", kind="exec", command="true", after="b"))
    assert queue.etl("apply", "circle.ini", status=3).stderr


# --- what goes first, and how many at once ---


def test_a_higher_priority_goes_first(queue):
    queue.configure(max_workers=1)
    for name, priority in (("low", -5), ("middle", 0), ("high", 10), ("middle2", 0)):
        queue.exec_job(name, "true", priority=priority)
        queue.order(name)
    queue.until_idle()
    names = queue.store("SELECT j.name FROM etl_run r JOIN etl_job j ON j.job_id = r.job_id"
                        " ORDER BY r.started_at")
    assert [n for n, in names] == ["high", "middle", "middle2", "low"]


def most_at_once(queue, job):
    """How many runs of a job were begun and not over, at the most."""
    at_once = most = 0
    active = set()
    for run, state in queue.store(
            "SELECT e.run_id, e.new_state FROM etl_run_event e JOIN etl_run r ON r.run_id = e.run_id"
            " JOIN etl_job j ON j.job_id = r.job_id WHERE j.name = ? ORDER BY e.event_id", job):
        if state in ("starting", "running"):
            active.add(run)
        else:
            active.discard(run)
        most = max(most, len(active))
    return most


@pytest.mark.parametrize("max_active", [1, 2])
def test_max_active(queue, max_active):
    queue.exec_job("job", "sleep 0.2", max_active=max_active)
    queue.exec_job("other", "true")
    for _ in range(5):
        queue.order("job")
    queue.order("other")
    queue.until_idle()
    assert queue.states() == {"succeeded": 6}
    assert most_at_once(queue, "job") == max_active


def test_max_workers(queue):
    queue.configure(max_workers=2)
    queue.exec_job("job", "sleep 0.2", max_active=10)
    for _ in range(5):
        queue.order("job")
    queue.until_idle()
    assert most_at_once(queue, "job") == 2
