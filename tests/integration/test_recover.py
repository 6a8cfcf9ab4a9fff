"""A store that was deleted, restored from a backup or copied, while the warehouse stayed: nothing is
lost, nothing is loaded twice, and the reason is said."""

import json
import os
import signal
import subprocess

import pytest
from queue_project import MANY_ROWS, QueueProject
from servers import wait_for

ROWS = 10


def load(queue, *keys, job="load"):
    for key in keys:
        queue.order(job, *(["--key", key] if key else []))
    queue.until_idle()


def define(queue):
    queue.copy_job("load", "t", rows=ROWS)


@pytest.fixture
def restored(queue):
    """Two loads, a backup, two more, and the backup put back: k1 and k2 are known, k3 and k4 not."""
    define(queue)
    load(queue, "k1", "k2")
    queue.back_end.backup()
    load(queue, "k3", "k4")
    queue.back_end.restore()
    assert queue.count("t") == 4 * ROWS and queue.states() == {"succeeded": 2}
    return queue


# --- restored ---


def test_a_restored_store_holds_the_job_and_says_why(restored):
    queue = restored
    run = queue.order("load", "--key", "k5")
    said = queue.until_idle(status=1)
    assert "1 runs are left whose jobs are held" in said
    assert queue.state(run) == "queued" and queue.count("t") == 4 * ROWS
    text = queue.etl("status").stdout
    assert "the job is held: " in text and "this store does not know" in text
    assert "etl recover load --dry-run" in queue.log_of(run)
    assert "job 'load' is held: " in queue.etl("run", "load", "--key", "k6").stderr
    one = json.loads(queue.etl("status", run, "--json").stdout)[0]
    assert "this store does not know" in one["hold_reason"]


def test_recover_looks_first_then_imports(restored):
    queue = restored
    run = queue.order("load", "--key", "k5")
    queue.until_idle(status=1)
    dry = queue.etl("recover", "--dry-run").stdout
    assert dry.endswith("2 runs would be recovered\n") and dry.count("\tloaded\t") == 2
    assert queue.states() == {"succeeded": 2, "queued": 1}
    queue.until_idle(status=1)  # still held
    done = json.loads(queue.etl("recover", "--json").stdout)
    assert {(r["job"], r["order_key"], r["state"]) for r in done} == {
        ("load", "k3", "succeeded"), ("load", "k4", "succeeded")}
    assert queue.etl("recover").stdout == "the store knows of every load in its targets\n"
    queue.until_idle()
    assert queue.state(run) == "succeeded" and queue.count("t") == 5 * ROWS
    assert set(queue.ledger().values()) == {"published"} and len(queue.ledger()) == 5
    uids = {uid for uid, in queue.store("SELECT run_uid FROM etl_run")}
    assert uids == set(queue.ledger())


def test_what_was_loaded_is_not_loaded_again(restored):
    queue = restored
    queue.etl("recover")
    again = json.loads(queue.etl("run", "load", "--key", "k3", "--json").stdout)
    assert again["known"] and again["state"] == "succeeded"
    queue.until_idle()
    assert queue.count("t") == 4 * ROWS


def test_what_was_loaded_and_is_ordered_before_recover(restored):
    """Somebody misses k3 in the list and orders it again."""
    queue = restored
    run = queue.order("load", "--key", "k3")
    queue.until_idle(status=1)
    assert queue.count("t") == 4 * ROWS
    queue.etl("recover", "load")
    controller = queue.controller()
    wait_for(lambda: queue.run(run)["finished_at"], "the end of the second order")
    controller.stop()
    assert queue.state(run) == "cancelled"
    assert queue.count("t") == 4 * ROWS
    assert json.loads(queue.etl("run", "load", "--key", "k3", "--json").stdout)["state"] == "succeeded"
    load(queue, "k5")
    assert queue.count("t") == 5 * ROWS


def test_without_keys(queue):
    define(queue)
    load(queue, None)
    queue.back_end.backup()
    load(queue, None, None)
    queue.back_end.restore()
    queue.order("load")
    queue.until_idle(status=1)
    assert queue.count("t") == 3 * ROWS
    assert queue.etl("recover").stdout.endswith("2 runs recovered\n")
    queue.until_idle()
    assert queue.count("t") == 4 * ROWS


def test_runs_that_the_backup_has_as_queued_are_not_loaded_again(queue):
    """The store knows of the orders, but not how far they went."""
    define(queue)
    for key in ("k1", "k2"):
        queue.order("load", "--key", key)
    queue.back_end.backup()
    queue.until_idle()
    queue.back_end.restore()
    assert queue.states() == {"queued": 2}
    queue.until_idle(status=1)
    assert "the job is held" in queue.etl("status").stdout
    queue.etl("recover")
    queue.until_idle()
    assert queue.states() == {"succeeded": 2} and queue.count("t") == 2 * ROWS
    assert "an earlier attempt has published this load already" in queue.log_of(1)


def test_a_run_that_the_backup_has_as_running(queue):
    define(queue)
    queue.rows("t", MANY_ROWS)
    queue.controller()
    queue.order("load", "--key", "k1")
    queue.wait_worker(1)
    queue.back_end.backup()
    queue.wait_state(1, "succeeded")
    queue.controllers[0].stop()
    queue.back_end.restore()
    assert queue.state(1) == "running"
    queue.until_idle()
    assert queue.state(1) == "succeeded" and queue.count("t") == MANY_ROWS


def test_a_load_that_was_left_open_is_withdrawn(queue):
    define(queue)
    queue.back_end.backup()
    queue.rows("t", MANY_ROWS)
    worker = queue.start("worker", "--job", "load", stderr=subprocess.DEVNULL)
    queue.wait_staging()
    worker.kill()
    worker.wait()
    queue.back_end.restore()
    queue.rows("t", ROWS)
    queue.order("load")
    queue.until_idle(status=1)
    assert "is begun" in queue.etl("status").stdout
    assert "\tnot loaded\t" in queue.etl("recover").stdout
    queue.until_idle()
    assert queue.count("t") == ROWS
    assert sorted(queue.ledger().values()) == ["published", "revoked"]


def test_a_zombie_of_the_lost_store_cannot_publish(queue):
    define(queue)
    queue.back_end.backup()
    queue.rows("t", MANY_ROWS)
    queue.controller()
    queue.order("load")
    zombie = queue.wait_worker(1)
    queue.wait_staging()
    queue.freeze(zombie)
    queue.controllers[0].kill()
    queue.back_end.restore()
    queue.etl("recover")
    os.kill(zombie, signal.SIGCONT)
    wait_for(lambda: not queue.others(), "the zombie's end")
    assert queue.count("t") == 0 and list(queue.ledger().values()) == ["revoked"]


def test_restored_while_the_controller_runs(restored):
    """The backup is moved into its place: the controller takes it up, and sees that it is behind."""
    queue = restored
    queue.etl("recover")
    controller = queue.controller()
    load_and_wait(queue, "k5")
    queue.back_end.restore()
    run = queue.order("load", "--key", "k6")
    wait_for(lambda: queue.store("SELECT hold_reason FROM etl_job")[0][0], "the job to be held")
    queue.etl("recover")
    queue.wait_state(run, "succeeded")
    assert controller.stop() == 0 and queue.count("t") == 6 * ROWS
    assert queue.back_end.kind != "sqlite" or queue.store("PRAGMA integrity_check") == [("ok",)]


def load_and_wait(queue, key):
    queue.wait_state(queue.order("load", "--key", key), "succeeded")


def test_a_restored_store_and_sql(queue):
    """Statements have their row in the ledger as well."""
    queue.sql("CREATE TABLE x (n)")
    queue.sql_job("add", "INSERT INTO x VALUES (1)")
    load(queue, "k1", job="add")
    queue.back_end.backup()
    load(queue, "k2", job="add")
    queue.back_end.restore()
    queue.order("add", "--key", "k3")
    queue.until_idle(status=1)
    assert "the job is held" in queue.etl("status").stdout and queue.count("x") == 2
    assert queue.etl("recover", "add").stdout.endswith("1 runs recovered\n")
    queue.until_idle()
    assert queue.count("x") == 3
    assert json.loads(queue.etl("run", "add", "--key", "k2", "--json").stdout)["known"]


def test_other_jobs_go_on(restored):
    queue = restored
    queue.exec_job("other", "true")
    queue.copy_job("another", "t", target_table="another")
    held = queue.order("load")
    runs = [queue.order("other"), queue.order("another")]
    queue.until_idle(status=1)
    assert [queue.state(run) for run in runs] == ["succeeded"] * 2 and queue.state(held) == "queued"


# --- deleted ---


def test_a_new_store_in_the_place_of_a_deleted_one(queue):
    define(queue)
    load(queue, "k1", "k2")
    queue.back_end.remove()
    queue.etl("init")
    define(queue)
    run = queue.order("load", "--key", "k3")
    queue.until_idle(status=1)
    assert "of another store" in queue.etl("status").stdout and queue.count("t") == 2 * ROWS
    assert queue.etl("recover").stdout.endswith("2 runs recovered\n")
    queue.until_idle()
    assert queue.state(run) == "succeeded" and queue.count("t") == 3 * ROWS
    assert json.loads(queue.etl("run", "load", "--key", "k1", "--json").stdout)["known"]
    queue.until_idle()
    assert queue.count("t") == 3 * ROWS


def test_replace_in_a_new_store_works_with_a_warning(queue):
    queue.copy_job("load", "t", rows=ROWS, load_mode="replace")
    load(queue, None)
    queue.back_end.remove()
    queue.etl("init")
    queue.copy_job("load", "t", rows=ROWS + 1, load_mode="replace")
    run = queue.order("load")
    queue.until_idle()
    assert queue.count("t") == ROWS + 1
    assert "warn  the table was loaded by a job 'load' of another store before" in queue.log_of(run)


# --- two stores ---


@pytest.fixture
def second(queue):
    """Another directory, the same warehouse."""
    path = queue.path / "second"
    path.mkdir()
    store = queue.back_end.another(path)
    other = QueueProject(path, init=False, back_end=store, warehouse="../warehouse.db")
    yield other
    other.end()
    store.end()


def test_two_stores_with_different_jobs_feed_one_warehouse(queue, second):
    second.etl("init")
    queue.copy_job("mine", "a", rows=ROWS)
    second.copy_job("yours", "b", rows=ROWS)
    for _ in range(3):
        queue.order("mine")
        second.order("yours")
    queue.controller()
    second.controller()
    queue.wait_all("succeeded")
    second.wait_all("succeeded")
    assert queue.count("a") == queue.count("b") == 3 * ROWS
    by_store = queue.sql("SELECT store_uid, job_name, count(*) FROM etl_load_ledger"
                         " WHERE state = 'published' GROUP BY 1, 2")
    assert sorted(row[1:] for row in by_store) == [("mine", 3), ("yours", 3)]
    assert len({row[0] for row in by_store}) == 2
    for store in (queue, second):
        assert store.etl("recover").stdout == "the store knows of every load in its targets\n"


def test_two_stores_with_the_same_append(queue, second):
    second.etl("init")
    define(queue)
    define(second)
    load(queue, None)
    second.order("load")
    second.until_idle(status=1)
    assert "give the job another name in one of them" in second.log_of(1)
    assert queue.count("t") == ROWS


def test_a_copy_of_a_store(queue, second):
    define(queue)
    load(queue, "k1")
    queue.back_end.backup()
    second.back_end.become(queue.back_end)
    second.rows("t", ROWS)
    load(queue, "k2")
    second.order("load", "--key", "k2")
    second.order("load", "--key", "k3")
    second.until_idle(status=1)
    assert queue.count("t") == 2 * ROWS
    assert "end the other one's controllers" in second.log_of(2)
    second.etl("recover")
    second.until_idle(status=None)
    assert queue.count("t") == 3 * ROWS
    queue.order("load", "--key", "k4")  # and now it is the first one that is behind
    queue.until_idle(status=1)
    assert queue.count("t") == 3 * ROWS


def test_both_of_two_copies_at_work(queue, second):
    """Nobody has ended the other one's controller."""
    define(queue)
    load(queue, "k0")
    queue.back_end.backup()
    second.back_end.become(queue.back_end)
    second.rows("t", ROWS)
    for store in (queue, second):
        store.controller()
    for key in range(1, 6):
        for store in (queue, second):
            store.order("load", "--key", f"k{key}")

    def settled(store):
        return not store.workers() and (store.store("SELECT hold_reason FROM etl_job")[0][0] or
                                        set(store.states()) == {"succeeded"})
    wait_for(lambda: settled(queue) and settled(second), "both to be done or held")
    keys = queue.sql("SELECT order_key FROM etl_load_ledger WHERE state = 'published'")
    assert len(keys) == len(set(keys))
    assert queue.count("t") == ROWS * len(keys)
