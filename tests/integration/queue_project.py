"""A project with a queue: jobs, orders, controllers and the workers they start.

Whatever was started in its directory is ended with it, by its pid.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from project import Project
from servers import wait_for
from stores import SqliteStore, is_free

CONFIG = """\
[store]
{store}
[controller]
poll = {poll}
lease = {lease}
max_workers = {max_workers}
[connection raw]
driver = csv
path = data/
[connection warehouse]
driver = sqlite
path = {warehouse}
"""
DEFAULTS = {"poll": "200ms", "lease": "60s", "max_workers": 4,
            "warehouse": "warehouse.db"}
FINAL = ("succeeded", "failed", "cancelled", "timed_out", "unknown")
SECONDS = 30


MANY_ROWS = 1_500_000  # rows of a load that is still at it when a test has seen it begin


def processes_in(directory):
    """Pids of the processes whose working directory this is."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if os.readlink(f"/proc/{entry.name}/cwd") == str(directory):
                    found.append(int(entry.name))
            except OSError:
                pass  # it has ended
    return found


def state_of(pid):
    """R, S, T (stopped) …; X where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def alive(pid):
    """Neither gone nor dead and not yet waited for."""
    return state_of(pid) not in "ZX"


def resident(pid):
    """Bytes of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Controller:
    def __init__(self, project, number, *args):
        self.project = project
        self.log = project.path / f"controller-{number}.log"
        with open(self.log, "wb") as out:
            self.process = project.start("controller", *args, stdin=subprocess.DEVNULL,
                                         stdout=out, stderr=out)
        self.pid = self.process.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        os.kill(self.pid, number)

    def is_registered(self):
        return self.project.store("SELECT 1 FROM etl_controller WHERE state = 'running'"
                                  " AND process LIKE ?", f"%:{self.pid}:%")

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, self.text()
            return self.is_registered()
        wait_for(ready, "a controller")
        return self

    def wait_text(self, text, seconds=SECONDS):
        wait_for(lambda: text in self.text(), f"'{text}' in {self.log}", seconds)

    def wait(self, seconds=SECONDS):
        """Its exit status."""
        return self.process.wait(seconds)

    def stop(self):
        """As an administrator does it; its exit status."""
        self.process.terminate()
        return self.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()


class QueueProject(Project):
    def __init__(self, path, init=True, back_end=None, **settings):
        self.settings = {**DEFAULTS, **settings}
        self.back_end = back_end or SqliteStore(path)
        super().__init__(path, self.config())
        self.controllers = []
        if init:
            self.etl("init")

    def config(self):
        return CONFIG.format(store=self.back_end.config(), **self.settings)

    def configure(self, back_end=None, **settings):
        self.back_end = back_end or self.back_end
        self.settings.update(settings)
        self.write("etl.ini", self.config())

    # --- jobs and orders ---

    def jobs(self, text, name="jobs.ini"):
        self.write(name, text)
        self.etl("apply", name)

    def exec_job(self, name, command, **keys):
        self.jobs(section(name, kind="exec", command=command, **keys), f"{name}.ini")

    def sql_job(self, name, command, **keys):
        self.jobs(section(name, kind="sql", target="warehouse", command=command, **keys),
                  f"{name}.ini")

    def copy_job(self, name, table, rows=None, **keys):
        """From data/TABLE.csv, written here when the number of its rows is given."""
        if rows is not None:
            self.rows(table, rows)
        self.jobs(section(name, **{"source": "raw", "source_table": table, "target": "warehouse",
                                   "target_table": table, "load_mode": "append", **keys}),
                  f"{name}.ini")

    def rows(self, table, n):
        self.csv(table, "id,name\n" + "".join(f"{i},name of row {i}\n" for i in range(n)))

    def order(self, job, *args):
        """The number of the run."""
        return json.loads(self.etl("run", job, "--json", *args).stdout)["run"]

    # --- controllers ---

    def controller(self, *args):
        """Started, and at work on the store."""
        return self.start_controller(*args).wait_ready()

    def start_controller(self, *args):
        self.controllers.append(Controller(self, len(self.controllers) + 1, *args))
        return self.controllers[-1]

    def until_idle(self, status=0):
        """Everything that can be done; returns what the controller said. None: however it ends."""
        controller = self.start_controller("--until-idle")
        assert controller.wait(60) == status or status is None, controller.text()
        return controller.text()

    def healthcheck(self, *args):
        """As a probe calls it: without an environment. Returns the finished process."""
        return subprocess.run(self.argv("healthcheck", *args), cwd=self.path, env={},
                              capture_output=True, text=True, timeout=30, check=False)

    def health(self, *args):
        return self.healthcheck(*args).returncode

    # --- what the store says ---

    def store(self, statement, *values):
        """Said in SQLite's names; see stores.py."""
        return self.back_end.query(statement, *values)

    def run(self, number):
        """The row of etl_run, by column."""
        return self.back_end.row("SELECT * FROM etl_run WHERE run_id = ?", number)

    def state(self, number):
        return self.run(number)["state"]

    def states(self):
        """How many runs there are in which state."""
        return dict(self.store("SELECT state, count(*) FROM etl_run GROUP BY state"))

    def wait_state(self, number, *states, seconds=SECONDS):
        """Until the run is in one of these; any other end fails."""
        def there():
            state = self.state(number)
            assert state in states or state not in FINAL, \
                f"run {number} is {state}: {self.run(number)['error_message']}"
            return state in states and state
        return wait_for(there, f"run {number} to be {' or '.join(states)}", seconds)

    def wait_all(self, *states, seconds=SECONDS):
        """Until every run is in one of these."""
        wait_for(lambda: set(self.states()) <= set(states), "every run's end", seconds)

    def events(self, number):
        """The states that the run went through."""
        return [row[0] for row in self.store(
            "SELECT new_state FROM etl_run_event WHERE run_id = ? ORDER BY event_id", number)]

    def log_of(self, number):
        return self.etl("logs", number).stdout

    def ledger(self):
        """{run_uid: state}"""
        if not self.has_table("etl_load_ledger"):
            return {}
        return dict(self.sql("SELECT run_uid, state FROM etl_load_ledger"))

    def count(self, table):
        if not self.has_table(table):
            return 0
        return self.sql(f"SELECT count(*) FROM {table}")[0][0]

    # --- workers ---

    def worker_of(self, number):
        """The pid of the run's worker, or None."""
        handle = self.run(number)["worker"]
        return int(handle.split(":")[3]) if handle else None

    def wait_staging(self):
        """Until a load is open in the ledger and its rows are on the way."""
        wait_for(lambda: self.leftovers() and "open" in self.ledger().values(), "a staging file")

    def wait_worker(self, number):
        """Until the run has begun; the pid of its worker."""
        self.wait_state(number, "running")
        return self.worker_of(number)

    def freeze(self, pid, databases=("store", "warehouse")):
        """Stop a process, at a moment when it holds none of them."""
        def frozen():
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: state_of(pid) in "TX", "the process to stop")
            if all(self.back_end.is_free() if name == "store" else self.is_free(self.settings[name])
                   for name in databases):
                return True
            os.kill(pid, signal.SIGCONT)
            return False
        wait_for(frozen, "a process that holds no lock")

    def is_free(self, database):
        """Nobody writes in it just now."""
        return is_free(self.path / database)

    def workers(self):
        """{run: pid} of those that live."""
        rows = self.store("SELECT run_id, worker FROM etl_run WHERE worker IS NOT NULL"
                          " AND state IN ('starting', 'running')")
        pids = {run: int(handle.split(":")[3]) for run, handle in rows}
        return {run: pid for run, pid in pids.items() if alive(pid)}

    def others(self):
        """Pids of what the controllers have started, and what that has started."""
        ours = {c.pid for c in self.controllers}
        return [pid for pid in processes_in(self.path) if pid not in ours and alive(pid)]

    def end(self):
        """Nothing goes on in a directory that is to be removed."""
        for controller in self.controllers:
            if controller.process.poll() is None:
                controller.process.kill()
            controller.process.wait()
        deadline = time.monotonic() + 10
        while (left := [pid for pid in processes_in(self.path) if alive(pid)]):
            assert time.monotonic() < deadline, f"still there: {left}"
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)


def section(name, **keys):
    return f"[job {name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
