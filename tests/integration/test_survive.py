"""What the queue survives: killed processes, a store that is away, full, or frozen; workers that hang,
fork or print without end. Every run is done exactly once all the same."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from queue_project import MANY_ROWS, QueueProject, alive, resident
from servers import wait_for
from stores import SqliteStore

SOAK_SECONDS = float(os.environ.get("ETL_SOAK_SECONDS", "60"))


def kill(pid):
    """False: it was faster."""
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def command_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
        return f.read().split("\0")[:-1]


def bytes_read(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as f:
        return int(f.readline().split()[1])


def check_ledger(queue):
    """One published row for each run that has succeeded, and none besides."""
    done = dict(queue.store("SELECT r.run_uid, r.state FROM etl_run r JOIN etl_job j"
                            " ON j.job_id = r.job_id WHERE j.kind <> 'exec' AND r.attempt > 0"))
    ledger = queue.ledger()
    assert set(ledger) <= set(done)
    for uid, state in done.items():
        assert (ledger.get(uid) == "published") == (state == "succeeded"), (uid, state)


def most_active(queue):
    """{job: how many of its runs had a worker at once, at the most}"""
    active, most = {}, {}
    for job, run, state in queue.store(
            "SELECT j.name, e.run_id, e.new_state FROM etl_run_event e JOIN etl_run r ON r.run_id = e.run_id"
            " JOIN etl_job j ON j.job_id = r.job_id ORDER BY e.event_id"):
        runs = active.setdefault(job, set())
        if state in ("starting", "running"):
            runs.add(run)
        else:
            runs.discard(run)
        most[job] = max(most.get(job, 0), len(runs))
    return most


# --- kill -9 ---

PATIENT = {"max_attempts": 1000, "max_disruptions": 1000, "retry_delay": "0s"}


def kill_a_worker(queue, chance):
    """At any moment of its life; was there one?"""
    until = time.monotonic() + chance.uniform(0.02, 0.4)
    while True:
        workers = sorted(queue.workers().values())
        if workers and (time.monotonic() > until or chance.random() < 0.1):
            return kill(chance.choice(workers))
        if time.monotonic() > until + 1:
            return False


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_kills_at_random(hasty, seed):
    queue, chance = hasty, random.Random(seed)
    orders, rows = 10, {"small": 50, "large": 20_000}
    for table, n in rows.items():
        queue.copy_job(table, table, rows=n, max_active=2, **PATIENT)
    queue.sql("CREATE TABLE counted (run)")
    queue.sql_job("count", "INSERT INTO counted VALUES (1)", max_active=2, **PATIENT)
    for key in range(orders):
        for job in ("small", "large", "count"):
            queue.order(job, "--key", key)
    kills = {"controller": 0, "worker": 0}
    while sum(kills.values()) < 30:
        if queue.states() == {"succeeded": 3 * orders}:
            if min(kills.values()) >= 3:
                break
            for job in ("small", "large", "count"):  # they were faster than the kills
                queue.order(job, "--key", orders)
            orders += 1
        if not queue.controllers or queue.controllers[-1].process.poll() is not None:
            queue.start_controller()
        if chance.random() < 0.7:  # the moment of the next kill
            kills["worker"] += kill_a_worker(queue, chance)
        else:
            time.sleep(chance.uniform(0.02, 0.4))
            queue.controllers[-1].kill()
            kills["controller"] += 1
    assert min(kills.values()) >= 3, kills
    queue.until_idle()
    assert queue.states() == {"succeeded": 3 * orders}
    assert {table: queue.count(table) for table in rows} == {t: n * orders for t, n in rows.items()}
    assert queue.count("counted") == orders
    check_ledger(queue)
    assert all(n <= 2 for n in most_active(queue).values())
    assert queue.leftovers() == []


@pytest.mark.slow
def test_three_controllers_and_twenty_workers(hasty):
    queue, chance = hasty, random.Random(3)
    limits = {"one": 1, "two": 2, "five": 5, "count": 20, "say": 20}
    for table in ("one", "two", "five"):
        queue.copy_job(table, table, rows=1000, max_active=limits[table], **PATIENT)
    queue.sql("CREATE TABLE counted (n)")
    queue.sql_job("count", "INSERT INTO counted VALUES (1)", max_active=20, **PATIENT)
    queue.exec_job("say", "echo hello", max_active=20, idempotent="yes", **PATIENT)
    at_work, ordered = {}, dict.fromkeys(limits, 0)
    end = time.monotonic() + SOAK_SECONDS
    killed = 0
    while time.monotonic() < end:
        for slot, max_workers in enumerate((7, 7, 6)):
            if slot not in at_work or at_work[slot].process.poll() is not None:
                queue.configure(max_workers=max_workers)
                at_work[slot] = queue.start_controller()
                at_work[slot].wait_ready()
        open_runs = queue.store("SELECT count(*) FROM etl_run WHERE finished_at IS NULL")[0][0]
        for _ in range(chance.randrange(1, 8) if open_runs < 40 else 0):
            job = chance.choice(list(limits))
            ordered[job] += 1
            queue.store("INSERT INTO etl_run (job_id, order_key) SELECT job_id, ? FROM etl_job"
                        " WHERE name = ?", f"k{ordered[job]}", job)
        time.sleep(chance.uniform(0, 0.5))  # the moment of the next kill
        workers = sorted(queue.workers().values())
        if workers and chance.random() < 0.5:
            kill(chance.choice(workers))
            killed += 1
        if chance.random() < 0.1:
            at_work[chance.randrange(3)].kill()
            killed += 1
    assert killed > SOAK_SECONDS / 4
    wait_for(lambda: set(queue.states()) == {"succeeded"} or
             not any(c.process.poll() is None for c in at_work.values()), "the last run", 120)
    if set(queue.states()) != {"succeeded"}:
        queue.until_idle()
    total = sum(ordered.values())
    assert queue.states() == {"succeeded": total} and total > SOAK_SECONDS
    for table in ("one", "two", "five"):
        assert queue.count(table) == 1000 * ordered[table]
    assert queue.count("counted") == ordered["count"]
    check_ledger(queue)
    most = most_active(queue)
    assert all(most[job] <= limits[job] for job in most), most


# --- workers that are held up ---


@pytest.mark.slow
def test_a_frozen_worker_loses_its_run_and_its_place(hasty):
    """Its lease runs out; thawed again it must not publish what another one has."""
    queue = hasty
    queue.configure(max_workers=1)
    queue.copy_job("load", "t", rows=MANY_ROWS)
    queue.controller()
    queue.order("load")
    zombie = queue.wait_worker(1)
    queue.wait_staging()
    queue.freeze(zombie)
    wait_for(lambda: queue.run(1)["fence"] == 2 or not alive(zombie), "the next attempt", 60)
    if alive(zombie):
        queue.wait_state(1, "succeeded", seconds=60)
        os.kill(zombie, signal.SIGCONT)
        wait_for(lambda: not alive(zombie), "the zombie's end")
    queue.wait_state(1, "succeeded")
    run = queue.run(1)
    assert run["attempt"] - run["disruptions"] == 1
    assert queue.count("t") == MANY_ROWS and list(queue.ledger().values()) == ["published"]


def at_the_door(queue, run):
    """The run's worker, when it waits to publish: the warehouse is locked by the connection that is
    returned with it."""
    pid = queue.wait_worker(run)
    queue.wait_staging()
    queue.freeze(pid)
    db = sqlite3.connect(queue.path / "warehouse.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    os.kill(pid, signal.SIGCONT)
    read = size = 0

    def staged():
        nonlocal read, size
        before, read = read, bytes_read(pid)
        was, size = size, sum((queue.path / f).stat().st_size for f in queue.leftovers())
        return before == read and was == size and size > 1_000_000
    wait_for(staged, "everything to be staged")
    return pid, db


def test_cancelled_when_about_to_publish(queue):
    queue.copy_job("load", "t", rows=MANY_ROWS)
    queue.controller()
    queue.order("load")
    pid, db = at_the_door(queue, 1)
    queue.etl("cancel", 1)
    assert queue.state(1) == "running"  # no end without the target's word, and that cannot be had
    db.execute("ROLLBACK")
    db.close()
    queue.wait_state(1, "cancelled")
    assert queue.count("t") == 0 and list(queue.ledger().values()) == ["revoked"]
    wait_for(lambda: not alive(pid), "the worker's end")
    assert queue.leftovers() == []


def test_cancelled_while_a_zombie_is_about_to_publish(hasty):
    queue = hasty
    queue.copy_job("load", "t", rows=MANY_ROWS)
    queue.controller()
    queue.order("load")
    pid, db = at_the_door(queue, 1)
    queue.freeze(pid, ["store"])  # the warehouse is ours
    db.execute("ROLLBACK")
    db.close()
    queue.etl("cancel", 1)
    queue.wait_state(1, "cancelled")
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not alive(pid), "the zombie's end")
    assert queue.count("t") == 0 and list(queue.ledger().values()) == ["revoked"]


def test_cancelled_at_random(queue):
    chance = random.Random(4)
    queue.copy_job("load", "t", rows=2000, max_active=4)
    queue.controller()
    started = time.monotonic()
    queue.order("load")
    queue.wait_state(1, "succeeded")
    whole = time.monotonic() - started  # how long a run takes on this machine, now
    states, run = {"cancelled": 0, "succeeded": 1}, 1
    while run < 12 or min(states.values()) == 0:
        assert run < 200, f"no moment between: {states}"
        run += 1
        queue.order("load")
        time.sleep(chance.uniform(0, 1.2 * whole))  # the moment of the cancellation
        answer = subprocess.run(queue.argv("cancel", run), cwd=queue.path, env=queue.env(),
                                capture_output=True, text=True, check=False)
        assert answer.returncode in (0, 1), answer.stderr
        if answer.returncode == 1:  # too late, and then for good
            assert queue.state(run) == "succeeded"
        queue.wait_state(run, "cancelled", "succeeded")
        states[queue.state(run)] += 1
        # the early moments are the rare ones where orders are answered at once
        whole *= 0.8 if states["cancelled"] == 0 else 1
    assert queue.count("t") == 2000 * states["succeeded"]
    check_ledger(queue)


def test_a_command_that_does_not_want_to_end(queue):
    deaf = "trap '' TERM; touch $ETL_JOB; while :; do sleep 1; done"
    queue.exec_job("deaf", deaf, timeout="1s")
    queue.exec_job("deaf2", deaf)
    queue.controller()
    queue.order("deaf")
    queue.order("deaf2")
    wait_for((queue.path / "deaf2").exists, "the command")
    queue.etl("cancel", 2)
    queue.wait_state(1, "timed_out")
    queue.wait_state(2, "cancelled")
    assert "signal 9" in queue.log_of(2)
    wait_for(lambda: not queue.others(), "the end of what they had started")


def test_a_command_that_leaves_something_behind(queue):
    queue.exec_job("job", "sleep 61 & setsid sh -c 'touch left; exec sleep 62' &"
                          " while [ ! -e left ]; do sleep 0.05; done; echo done")
    queue.controller()
    queue.order("job")
    queue.wait_state(1, "succeeded")
    assert "info  done" in queue.log_of(1)
    wait_for(lambda: [command_of(pid) for pid in queue.others()] == [["sleep", "62"]],
             "the end of what stayed in its group, and only of that")


def test_a_command_that_prints_without_end(queue):
    queue.exec_job("job", "yes 'a line of output, and then another' | head -c 200000000")
    controller = queue.controller()
    queue.order("job")
    worker = queue.wait_worker(1)
    most = {controller.pid: 0, worker: 0}

    def done():
        for pid in most:
            if alive(pid):
                most[pid] = max(most[pid], resident(pid))
        return queue.state(1) == "succeeded"
    wait_for(done, "its end", 60)
    assert 0 < most[controller.pid] < 20 << 20 and 0 < most[worker] < 30 << 20, most
    messages = [message for message, in queue.store("SELECT message FROM etl_run_log")]
    stored, lines = sum(map(len, messages)), len(messages)
    assert 100_000 < stored < 2 << 20 and lines < 100_000
    assert "bytes of output were not kept" in queue.log_of(1)
    assert "the command ended well" in queue.log_of(1).splitlines()[-1]


def test_a_log_that_the_store_does_not_take(queue):
    """More lines than can wait: what is missing is said where it would stand."""
    queue.exec_job("job", "while [ ! -e go ]; do sleep 0.05; done; seq 12000")
    queue.controller()
    queue.order("job")
    worker = queue.wait_worker(1)
    wait_for(lambda: "attempt 1" in queue.log_of(1), "the first line")
    with queue.back_end.locked():
        queue.write("go", "")
        futex = {"x86_64": "202", "aarch64": "98"}[os.uname().machine]
        wait_for(lambda: Path(f"/proc/{worker}/syscall").read_text().split()[0] == futex,
                 "the worker to wait for nothing but the store")
    queue.wait_state(1, "succeeded")
    messages = [line.split(None, 2)[2] for line in queue.log_of(1).splitlines()]
    said = re.match(r"([\d,]+) lines of the log are missing here", messages[-1])
    n = int(said[1].replace(",", ""))
    assert n > 1900 and messages[-2] == str(12001 - n)  # what is missing: numbers, and its end


# --- a store that is away ---


def test_a_store_that_is_locked_for_longer_than_a_lease(hasty):
    """Nobody is taken for dead, no probe restarts anything, and what ended meanwhile is told when it
    is back."""
    queue = hasty
    queue.exec_job("short", "while [ ! -e go ]; do sleep 0.05; done")
    queue.exec_job("long", "while [ ! -e go-on ]; do sleep 0.05; done")
    queue.copy_job("load", "t", rows=100)
    controllers = [queue.controller(), queue.controller()]
    for job in ("short", "long"):
        queue.wait_worker(queue.order(job))
    short = queue.worker_of(1)
    queue.order("load")
    queue.wait_state(3, "succeeded")
    with queue.back_end.locked():
        queue.write("go", "")
        for controller in controllers:
            controller.wait_text("the store cannot be used; workers go on")
        assert alive(short) and queue.state(1) == "running"  # it has something to tell
        assert queue.health() == 0
        assert "cannot use store" in queue.healthcheck("--ready").stderr
        assert '"store":"away"' in queue.healthcheck().stdout.replace(" ", "")
    for controller in controllers:
        controller.wait_text("the store is back")
    assert queue.health("--ready") == 0
    queue.wait_state(1, "succeeded")
    assert queue.state(2) == "running"
    queue.write("go-on", "")
    queue.wait_state(2, "succeeded")
    assert set(queue.store("SELECT attempt, disruptions FROM etl_run")) == {(1, 0)}


@pytest.fixture
def small_disk(tmp_path):
    """A project whose store is on a file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk],
                             capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mount is refused here: {mounted.stderr.strip()}")
    queue = QueueProject(tmp_path, back_end=SqliteStore(tmp_path, "disk/control.db"))
    try:
        yield queue
    finally:
        queue.end()
        subprocess.run(["umount", disk], check=True)


def fill(queue):
    """Not a byte is left."""
    with open(queue.path / "disk/filler", "ab", buffering=0) as f:
        for size in (4096, 1):
            try:
                while f.write(bytes(size)):
                    pass
            except OSError:
                pass
    with pytest.raises(OSError):
        (queue.path / "disk/probe").write_bytes(bytes(5000))


def make_room(queue):
    (queue.path / "disk/filler").unlink()


def test_a_full_disk_at_the_start(small_disk):
    queue = small_disk
    queue.exec_job("job", "true")
    fill(queue)
    done = queue.etl("run", "job", status=4)
    assert "control.db" in done.stderr and "No space left" in done.stderr
    controller = queue.start_controller()
    assert controller.wait() == 4 and "No space left" in controller.text()
    make_room(queue)
    queue.order("job")
    queue.until_idle()
    assert set(queue.states()) == {"succeeded"}


def test_a_disk_that_fills_up_while_it_runs(small_disk):
    queue = small_disk
    queue.exec_job("short", "while [ ! -e go ]; do sleep 0.05; done; echo it was done")
    queue.exec_job("long", "while [ ! -e go-on ]; do sleep 0.05; done")
    controller = queue.controller()
    for job in ("short", "long"):
        queue.wait_worker(queue.order(job))
    fill(queue)
    queue.write("go", "")
    controller.wait_text("the store cannot be used", 60)
    assert "full" in controller.text()
    assert queue.state(1) == "running"
    make_room(queue)
    controller.wait_text("the store is back", 60)
    queue.wait_state(1, "succeeded")
    assert "it was done" in queue.log_of(1)
    queue.write("go-on", "")
    queue.wait_state(2, "succeeded")
    assert set(queue.store("SELECT attempt, disruptions FROM etl_run")) == {(1, 0)}


def test_a_warehouse_on_a_full_disk(small_disk):
    queue = small_disk
    queue.configure(back_end=SqliteStore(queue.path), warehouse="disk/warehouse.db")
    queue.etl("init")
    queue.copy_job("load", "t", rows=100, max_attempts=100, retry_delay="200ms",
                   retry_max_delay="200ms")
    queue.controller()
    queue.order("load")
    queue.wait_state(1, "succeeded")
    fill(queue)
    queue.order("load")
    wait_for(lambda: queue.run(2)["attempt"] >= 2, "a second attempt")
    assert "full" in queue.run(2)["error_message"]
    make_room(queue)
    queue.wait_state(2, "succeeded")
    assert queue.sql("SELECT count(*) FROM t", "disk/warehouse.db") == [(200,)]


def test_a_store_that_cannot_be_written(small_disk):
    queue = small_disk
    queue.exec_job("job", "true")
    remount = ["mount", "-o", "remount,ro", queue.path / "disk"]
    subprocess.run(remount, check=True)
    done = queue.etl("run", "job", status=4)
    assert "disk/control.db" in done.stderr and "needs write access to the file" in done.stderr
    controller = queue.start_controller()
    assert controller.wait() == 4 and "needs write access to the file" in controller.text()
    subprocess.run([*remount[:2], "remount,rw", queue.path / "disk"], check=True)
    queue.order("job")
    queue.until_idle()


@pytest.mark.sqlite_store
@pytest.mark.parametrize("noise", ["pages", "gone"])
def test_a_store_that_breaks_while_it_runs(queue, noise):
    """It is said, the workers go on, and a good copy in its place is taken up."""
    queue.exec_job("job", "while [ ! -e go ]; do sleep 0.05; done")
    controller = queue.controller()
    queue.order("job")
    worker = queue.wait_worker(1)
    copy = sqlite3.connect(queue.path / "copy.db")
    source = sqlite3.connect(queue.path / "control.db")
    source.backup(copy)
    copy.close()
    source.close()
    if noise == "gone":
        for file in queue.path.glob("control.db*"):
            file.unlink()
    else:
        (queue.path / "broken").write_bytes(bytes(range(256)) * 64)
        for file in queue.path.glob("control.db-*"):
            file.unlink()
        (queue.path / "broken").rename(queue.path / "control.db")
    controller.wait_text("the store cannot be used")
    assert alive(worker)
    (queue.path / "copy.db").rename(queue.path / "control.db")
    controller.wait_text("the store is back")
    queue.write("go", "")
    queue.wait_state(1, "succeeded")
    assert queue.run(1)["attempt"] == 1
