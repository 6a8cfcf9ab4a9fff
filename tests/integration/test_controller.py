"""etl controller: starts, watches, retries, gives back, adopts, leaves; and whether it lives."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from product import ETL
from queue_project import MANY_ROWS, alive
from servers import wait_for

# --- until nothing is left to do ---


def test_until_idle_when_there_is_nothing(queue):
    assert "nothing is left to do: 0 runs ended, 0 of them not well" in queue.until_idle()


def test_until_idle_says_how_it_went(queue):
    queue.copy_job("good", "t", rows=5)
    queue.exec_job("bad", "exit 7")
    queue.order("good")
    queue.until_idle()
    queue.order("bad")
    assert "1 runs ended, 1 of them not well" in queue.until_idle(status=1)
    assert queue.run(2)["error_message"] == "the command ended with exit status 7"
    queue.until_idle()  # what failed before it was started is not its failure


def test_until_idle_waits_for_a_retry(queue):
    queue.exec_job("flaky", 'test "$ETL_ATTEMPT" -ge 2', max_attempts=2, retry_delay="1s")
    queue.order("flaky")
    queue.until_idle()
    assert queue.run(1)["attempt"] == 2


# --- what there is to see ---


def test_status_and_logs(queue):
    queue.copy_job("load", "t", rows=5)
    queue.exec_job("bad", "echo out; echo why >&2; exit 3")
    queue.order("load", "--key", "k")
    queue.order("bad")
    queue.until_idle(status=1)
    bad, load = json.loads(queue.etl("status", "--json").stdout)
    assert (load["job"], load["state"], load["rows_written"], load["order_key"], load["attempt"]) == (
        "load", "succeeded", 5, "k", 1)
    assert (bad["state"], bad["error_message"]) == (
        "failed", "the command ended with exit status 3: why")
    one = json.loads(queue.etl("status", 1, "--json").stdout)[0]
    assert [e["new_state"] for e in one["events"]] == ["queued", "starting", "running", "succeeded"]
    lines = queue.log_of(2).splitlines()
    assert [line.split(None, 1)[1].strip() for line in lines] == [
        "info  run 2, attempt 1: exec", "info  out", "warn  why",
        "error the command ended with exit status 3: why"]


def test_status_while_it_runs(queue):
    queue.exec_job("job", "echo one; sleep 60")
    controller = queue.controller()
    queue.order("job")
    queue.wait_worker(1)
    wait_for(lambda: "one" in queue.log_of(1), "the first line, while the command runs")
    text = queue.etl("status").stdout
    assert re.search(r"^ +1  job  running ", text, re.M)
    assert "running, 1 of 4 workers" in text
    controller.stop()
    assert " of 4 workers" not in queue.etl("status").stdout


# --- retries and timeouts ---


def test_retries_with_a_delay(queue):
    queue.exec_job("job", "exit 1", max_attempts=3, retry_delay="500ms")
    queue.order("job")
    queue.until_idle(status=1)
    assert queue.run(1)["attempt"] == 3 and queue.state(1) == "failed"
    times = [datetime.datetime.fromisoformat(row[0][:-1]).timestamp() for row in queue.store(
        "SELECT at FROM etl_run_event WHERE new_state IN ('queued', 'starting')"
        " ORDER BY event_id")]
    waits = [start - queued for queued, start in zip(times[2::2], times[3::2])]
    assert len(waits) == 2 and waits[0] >= 0.49 and waits[1] >= 0.99


def test_a_command_that_takes_too_long(queue):
    queue.exec_job("job", "sleep 60", timeout="1s", max_attempts=2, retry_delay="100ms")
    queue.order("job")
    queue.until_idle(status=1)
    run = queue.run(1)
    assert (run["state"], run["attempt"], run["error_code"]) == ("timed_out", 2, "timed_out")
    assert run["error_message"] == "not done within 1.0 s"
    assert queue.events(1).count("running") == 2 and not queue.others()


def test_sql_that_takes_too_long(queue):
    queue.sql_job("job", "CREATE TABLE x AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1"
                         " FROM c WHERE n < 1000000000) SELECT max(n) AS n FROM c", timeout="500ms")
    queue.order("job")
    queue.until_idle(status=1)
    assert queue.state(1) == "timed_out" and not queue.has_table("x")
    assert list(queue.ledger().values()) == ["revoked"]


def test_a_definition_that_is_wrong_uses_its_attempts(queue):
    queue.copy_job("job", "t", rows=1, max_attempts=3, retry_delay="0s")
    queue.order("job")
    queue.store("UPDATE etl_job SET source = 'rwa'")  # as somebody may in the store
    queue.until_idle(status=1)
    assert queue.run(1)["attempt"] == 3 and "did you mean 'raw'?" in queue.log_of(1)


# --- what is done once ---


def test_a_killed_command_is_unknown(queue):
    queue.exec_job("job", "echo x >> done; sleep 60", max_attempts=5, retry_delay="0s")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    wait_for(lambda: (queue.path / "done").exists(), "the command")
    os.kill(pid, signal.SIGKILL)
    queue.wait_state(1, "unknown")
    assert (queue.path / "done").read_text() == "x\n"
    assert "killed by signal 9" in queue.run(1)["error_message"]


@pytest.mark.parametrize("both", [False, True], ids=["worker", "worker and controller"])
def test_a_killed_worker_takes_its_command_with_it(queue, both):
    queue.exec_job("job", "echo $$ >> started; sleep 60", max_attempts=2, retry_delay="0s",
                   idempotent="yes")
    first = queue.controller()
    queue.order("job")
    worker = queue.wait_worker(1)
    started = queue.path / "started"
    wait_for(lambda: started.exists() and started.read_text(), "the command")
    if both:
        first.kill()
    os.kill(worker, signal.SIGKILL)
    if both:
        queue.controller()
    wait_for(lambda: len(started.read_text().split()) == 2, "the second attempt")
    assert not alive(int(started.read_text().split()[0]))


def test_a_killed_command_that_may_be_repeated(queue):
    queue.exec_job("job", "echo x >> done; test $ETL_ATTEMPT -ge 2 || sleep 60", max_attempts=2,
                   retry_delay="0s", idempotent="yes")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    wait_for(lambda: (queue.path / "done").exists(), "the command")
    os.kill(pid, signal.SIGKILL)
    queue.wait_state(1, "succeeded")
    assert (queue.path / "done").read_text() == "x\nx\n"
    assert "killed by signal 9" in " ".join(
        row[0] or "" for row in queue.store("SELECT reason FROM etl_run_event"))


def test_sql_is_done_whole_or_not_at_all(queue):
    queue.sql("CREATE TABLE x (n PRIMARY KEY)")
    queue.sql("INSERT INTO x VALUES (2)")
    queue.sql_job("job", "INSERT INTO x VALUES (1); INSERT INTO x VALUES (2)")
    queue.order("job")
    queue.until_idle(status=1)
    assert queue.sql("SELECT n FROM x") == [(2,)]
    assert "UNIQUE" in queue.run(1)["error_message"]
    queue.sql("DELETE FROM x")
    queue.order("job")
    queue.until_idle()
    assert queue.sql("SELECT n FROM x") == [(1,), (2,)]


LONG = ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
        " WHERE n < (SELECT bound FROM bounds)) SELECT max(n) FROM c")


def test_killed_sql_is_done_once(queue):
    queue.sql("CREATE TABLE x (n)")
    queue.sql("CREATE TABLE bounds AS SELECT 1000000000 AS bound")
    queue.sql_job("job", f"INSERT INTO x VALUES (1); INSERT INTO x {LONG}", max_attempts=2,
                  retry_delay="1s")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    wait_for(lambda: not queue.is_free("warehouse.db"), "the transaction")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: queue.state(1) == "queued", "the next attempt")
    queue.sql("UPDATE bounds SET bound = 3")
    queue.wait_state(1, "succeeded")
    assert queue.sql("SELECT n FROM x") == [(1,), (3,)]
    assert list(queue.ledger().values()) == ["published"]


def test_killed_sql_that_is_not_atomic_is_unknown(queue):
    queue.sql("CREATE TABLE x (n)")
    queue.sql("CREATE TABLE bounds AS SELECT 1000000000 AS bound")
    queue.sql_job("job", f"INSERT INTO x VALUES (1); INSERT INTO x {LONG}", atomic="no",
                  max_attempts=5, retry_delay="0s")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    wait_for(lambda: queue.count("x") == 1, "the first statement")
    os.kill(pid, signal.SIGKILL)
    queue.wait_state(1, "unknown")
    assert queue.sql("SELECT n FROM x") == [(1,)]


# --- waking up ---


def test_it_wakes_when_a_run_is_ordered(queue):
    queue.configure(poll="1h")
    queue.exec_job("job", "true")
    queue.controller()
    for number in (1, 2):
        queue.order("job")
        queue.wait_state(number, "succeeded")


def test_it_wakes_when_a_worker_ends(queue):
    queue.configure(poll="1h", max_workers=1)
    queue.exec_job("job", "true")
    queue.exec_job("next", "true", after="job")
    for _ in range(3):
        queue.order("job")
    queue.controller()
    wait_for(lambda: queue.states().get("succeeded", 0) >= 4 and len(queue.states()) == 1,
             "all runs, one after the other")


def test_it_wakes_when_a_delay_is_over(queue):
    queue.configure(poll="1h")
    queue.exec_job("job", "test $ETL_ATTEMPT -ge 2", max_attempts=2, retry_delay="300ms")
    queue.controller()
    queue.order("job")
    queue.wait_state(1, "succeeded")


def test_it_wakes_when_a_run_is_cancelled(queue):
    queue.configure(poll="1h")
    queue.exec_job("job", "sleep 60")
    queue.controller()
    queue.order("job")
    queue.wait_worker(1)
    queue.etl("cancel", 1)
    queue.wait_state(1, "cancelled")


# --- leaving and coming ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leaves_its_workers(queue, number):
    queue.exec_job("job", "while [ ! -e go ]; do sleep 0.05; done; echo done")
    queue.exec_job("other", "true")
    first = queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    first.signal(number)
    assert first.wait() == 0
    assert "1 of its workers go on" in first.text()
    assert alive(pid) and queue.state(1) == "running"
    queue.order("other")
    queue.write("go", "")
    queue.wait_state(1, "succeeded")  # with no controller there
    assert "done" in queue.log_of(1) and queue.state(2) == "queued"


def test_a_worker_is_adopted(queue):
    queue.exec_job("job", "while [ ! -e go ]; do sleep 0.05; done", timeout="1h")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    assert queue.controllers[0].stop() == 0
    second = queue.controller()
    second.wait_text("run 1 (job): worker adopted")
    assert queue.worker_of(1) == pid
    wait_for(lambda: "running, 1 of 4 workers" in queue.etl("status").stdout, "the store to know of it")
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
    queue.write("go", "")
    queue.wait_state(1, "succeeded")
    assert queue.run(1)["attempt"] == 1 and queue.events(1).count("running") == 1


def test_an_adopted_worker_is_watched(queue):
    queue.exec_job("job", "test $ETL_ATTEMPT -ge 2 || sleep 60", max_attempts=2, idempotent="yes",
                   retry_delay="0s")
    queue.configure(poll="1h")
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    queue.controllers[0].kill()
    second = queue.controller()
    second.wait_text("worker adopted")
    os.kill(pid, signal.SIGKILL)
    queue.wait_state(1, "succeeded")


def test_an_adopted_worker_can_be_cancelled(queue):
    queue.exec_job("job", "sleep 60")
    queue.controller()
    queue.order("job")
    queue.wait_worker(1)
    queue.controllers[0].kill()
    queue.controller().wait_text("worker adopted")
    queue.etl("cancel", 1)
    queue.wait_state(1, "cancelled")


def test_a_worker_that_died_with_its_controller(queue):
    queue.copy_job("load", "t", rows=MANY_ROWS)
    first = queue.controller()
    queue.order("load")
    pid = queue.wait_worker(1)
    queue.wait_staging()
    first.kill()
    os.kill(pid, signal.SIGKILL)
    queue.controller()
    queue.wait_state(1, "succeeded")
    run = queue.run(1)
    assert queue.count("t") == MANY_ROWS and run["attempt"] - run["disruptions"] == 1
    assert list(queue.ledger().values()) == ["published"] and queue.leftovers() == []


def test_a_worker_that_is_told_to_stop_gives_its_run_back(queue):
    queue.copy_job("load", "t", rows=MANY_ROWS)
    queue.controller()
    queue.order("load")
    pid = queue.wait_worker(1)
    queue.wait_staging()
    os.kill(pid, signal.SIGTERM)
    queue.wait_state(1, "succeeded")
    run = queue.run(1)
    assert (run["attempt"], run["disruptions"], run["fence"]) == (2, 1, 2)
    assert queue.events(1) == ["queued", "starting", "running"] * 2 + ["succeeded"]
    assert queue.count("t") == MANY_ROWS


def test_a_command_that_is_given_back_may_have_been_done(queue):
    queue.exec_job("job", "sleep 60", max_attempts=5)
    queue.controller()
    queue.order("job")
    pid = queue.wait_worker(1)
    wait_for(lambda: len(queue.others()) > 1, "the command")
    os.kill(pid, signal.SIGTERM)
    queue.wait_state(1, "unknown")


@pytest.mark.parametrize("kind", ["exec", "copy"])
def test_ctrl_c_of_a_worker_by_hand_cancels(queue, kind):
    if kind == "exec":
        queue.exec_job("job", "sleep 60", idempotent="yes", max_attempts=5)
    else:
        queue.copy_job("job", "t", rows=MANY_ROWS, max_attempts=5)
    worker = queue.start("worker", "--job", "job", stderr=subprocess.PIPE)
    wait_for(lambda: len(queue.others()) > 1 if kind == "exec" else queue.leftovers(), "the work")
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=30)
    assert worker.returncode == 8
    assert queue.state(1) == "cancelled" and queue.count("t") == 0 and not queue.others()


def test_a_worker_by_hand_that_died_is_found(queue):
    queue.exec_job("job", "sleep 60")
    worker = queue.start("worker", "--job", "job", stderr=subprocess.DEVNULL)
    wait_for(lambda: len(queue.others()) > 1, "the command")
    queue.controller()
    worker.kill()
    worker.wait()
    queue.wait_state(1, "unknown")
    for pid in queue.others():
        os.kill(pid, signal.SIGKILL)  # a command whose worker was killed by hand goes on


def test_controllers_share_a_store(queue):
    queue.exec_job("job", "sleep 0.1", max_active=100)
    for _ in range(12):
        queue.order("job")
    queue.configure(max_workers=2)
    for _ in range(3):
        queue.controller()
    queue.wait_all("succeeded")
    assert set(queue.store("SELECT attempt, fence FROM etl_run")) == {(1, 1)}
    owners = queue.store("SELECT DISTINCT controller_uid FROM etl_run")
    assert len(owners) > 1
    assert queue.etl("healthcheck").stdout.count('"controller"') == 3


# --- a store that cannot be used, at the start ---


@pytest.mark.sqlite_store
def test_no_store(queue):
    (queue.path / "control.db").unlink()
    for command in (["controller"], ["controller", "--until-idle"], ["run", "x"], ["cancel", 1],
                    ["recover"], ["status"], ["logs", 1]):
        done = queue.etl(*command, status=4)
        assert "there is no store 'control.db'" in done.stderr and "etl init" in done.stderr


@pytest.mark.sqlite_store
def test_a_store_of_another_program(queue):
    for file in queue.path.glob("control.db*"):
        file.unlink()
    queue.sql("CREATE TABLE t (n)", "control.db")
    assert "it is not a store of etl" in queue.etl("controller", status=4).stderr


def test_a_store_of_a_newer_version(queue):
    queue.store("INSERT INTO etl_migration (version, name) VALUES (99, 'later')")
    for command in (["controller"], ["run", "x"], ["status"], ["init"], ["recover"]):
        done = queue.etl(*command, status=4)
        assert "schema version 99" in done.stderr and "hint: " in done.stderr


@pytest.mark.sqlite_store
@pytest.mark.parametrize("where", ["all", "header", "pages"])
def test_a_corrupt_store(queue, where):
    queue.exec_job("x", "true")
    path = queue.path / "control.db"
    data = bytearray(path.read_bytes())
    noise = bytes((i * 73 + 41) % 256 for i in range(len(data)))
    start = {"all": 0, "header": 0, "pages": 4096}[where]
    end = {"all": len(data), "header": 100, "pages": len(data)}[where]
    data[start:end] = noise[start:end]
    path.write_bytes(data)
    for command in (["controller"], ["run", "x"], ["status"]):
        done = queue.etl(*command, status=4)
        assert "control.db" in done.stderr and re.search("malformed|not a database", done.stderr)


# --- does it live (a locked store: test_survive.py) ---


def check_health(queue, *args, status=0):
    done = queue.healthcheck(*args)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_a_controller_lives(queue):
    controller = queue.controller()
    answer = json.loads(check_health(queue).stdout)
    assert answer["pid"] == controller.pid and answer["state"] == "running"
    assert answer["store"] == "ok" and answer["workers"] == 0 and answer["max_workers"] == 4
    check_health(queue, "--ready")
    controller.stop()
    assert f"no controller of store '{queue.back_end.name}' runs here" in check_health(queue, status=4).stderr


def test_no_controller_lives(queue):
    assert "hint: start one" in check_health(queue, status=4).stderr
    controller = queue.controller()
    controller.kill()
    check_health(queue, status=4)


def test_a_controller_that_hangs(queue):
    controller = queue.controller()
    controller.signal(signal.SIGSTOP)
    said = check_health(queue, status=4).stderr
    assert f"1 of 1 controllers of store '{queue.back_end.name}' did not answer within 2000 ms" in said
    controller.signal(signal.SIGCONT)
    wait_for(lambda: queue.health() == 0, "the controller to answer")


def test_a_store_that_is_removed_restarts_nothing(queue):
    controller = queue.controller()
    check_health(queue, "--ready")
    queue.back_end.remove()
    wait_for(lambda: queue.health("--ready") == 4, "the missing store to be noticed")
    assert json.loads(check_health(queue).stdout)["pid"] == controller.pid
    queue.etl("init")
    controller.wait_text("the store is back")
    queue.exec_job("job", "true")
    queue.order("job")
    queue.wait_state(1, "succeeded")
    check_health(queue, "--ready")


def test_health_where_there_is_only_the_binary(queue):
    """As in an image FROM scratch: no shell, no libraries, no environment; /proc is the container's."""
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    room = queue.path / "room"
    (room / "proc").mkdir(parents=True)
    shutil.copy2(ETL, room / "etl")
    mounted = subprocess.run(["mount", "-t", "proc", "proc", room / "proc"], capture_output=True,
                             text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mount is refused here: {mounted.stderr.strip()}")

    def inside(*args, **popen):
        def enter():
            os.chroot(room)
            os.chdir("/")
        return subprocess.Popen(["/etl", *args], env={}, preexec_fn=enter, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen)

    controller = None
    try:
        init = inside("init")
        assert init.communicate(timeout=30) and init.returncode == 0
        nobody = inside("healthcheck")
        assert "no controller" in nobody.communicate(timeout=30)[0] and nobody.returncode == 4
        controller = inside("controller")
        answer = ""

        def healthy():
            nonlocal answer
            check = inside("healthcheck", "--ready")
            answer = check.communicate(timeout=30)[0]
            return check.returncode == 0
        wait_for(healthy, "the controller")
        assert json.loads(answer)["pid"] == controller.pid
    finally:
        if controller:
            controller.kill()
            controller.communicate()
        subprocess.run(["umount", room / "proc"], check=True)
