"""What bench_kubernetes.py has not: orders at a steady pace, of which none may wait longer than for the next poll; and,
on a node, how long an order takes to its worker's first instruction, beside `kubectl create job`."""
import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from bench_common import ETL, ROOT, WORK, ratio

sys.path.insert(0, os.path.join(ROOT, "tests/integration"))

POLL_S = 1
ROUNDS = 10
PER_MINUTE, SECONDS = 500, 30
PODS = 1000
IMAGE = "registry.example.org/etl:bench"

CONFIG = """\
[store]
path = control.db
[controller]
executor = kubernetes
max_workers = {PODS}
poll = {POLL_S}s
lease = 1h
[kubernetes]
kubeconfig = {kubeconfig}
image = {IMAGE}
start_timeout = 1h
[connection warehouse]
driver = sqlite
path = warehouse.db
"""
JOB = "[job work]\nkind = sql\ntarget = warehouse\ncommand = SELECT 1\nmax_active = 1000\nmax_disruptions = 100\n"


class Bench:
    """A controller outside the cluster, over a new store."""

    def __init__(self, plane):
        self.plane = plane
        self.dir = Path(tempfile.mkdtemp(prefix="kube.", dir=WORK))
        plane.namespace("etl")
        (self.dir / "etl.ini").write_text(CONFIG.format(kubeconfig=plane.kubeconfig, **globals()))
        (self.dir / "jobs.ini").write_text(JOB)
        for words in (["init"], ["apply", "jobs.ini"]):
            self.etl(*words)
        with open(self.dir / "controller.log", "wb") as log:
            self.process = subprocess.Popen([ETL, "controller"], cwd=self.dir, stderr=log)
        self.wait(lambda: b"pods are made" in (self.dir / "controller.log").read_bytes(), "the controller")

    def etl(self, *words):
        done = subprocess.run([ETL, *words], cwd=self.dir, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"etl {' '.join(words)}: {done.stderr}")

    def query(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.dir / "control.db", timeout=30)) as db, db:
            return db.execute(statement, values).fetchall()

    def order(self):
        self.query("INSERT INTO etl_run (job_id) VALUES (1)")

    @staticmethod
    def wait(condition, what, seconds=240):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"pod-start: {what}: not within {seconds} s")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=timezone.utc).timestamp()


def paced(bench):
    start = time.monotonic()
    count = PER_MINUTE * SECONDS // 60
    for number in range(count):
        time.sleep(max(0, start + number * 60 / PER_MINUTE - time.monotonic()))
        bench.order()
    bench.wait(lambda: len(bench.plane.client.list("pods")) == count, "the pods")
    late = [seconds(b) - seconds(a) for a, b in bench.query(
        "SELECT r.ready_at, min(e.at) FROM etl_run r JOIN etl_run_event e ON e.run_id = r.run_id"
        " WHERE e.new_state = 'starting' GROUP BY r.run_id")]
    print(f"\npod-start: {PER_MINUTE} orders a minute for {SECONDS} s, no kubelet\n"
          f"  from the row to its claim: median {statistics.median(late):.3f} s, worst {max(late):.3f} s "
          f"(aim: the poll's {POLL_S} s)")


# --- the worker's first instruction ----------------------------------------------


class Begins:
    """When a program with these words began, seen from the host."""

    def __init__(self):
        self.known = set(os.listdir("/proc"))

    def wait(self, words, seconds_=60):
        end = time.monotonic() + seconds_
        while time.monotonic() < end:
            now = set(os.listdir("/proc"))
            for pid in now - self.known:
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if line[:2] == words:
                    self.known = now
                    return time.monotonic()
                if line != [b""] and not line[0].endswith((b"runc", b"exe")) and b"init" not in line[1:2]:
                    self.known.add(pid)
            time.sleep(0.001)
        sys.exit(f"pod-start: no {words}")


def begin(plane, bench):
    """Alternating: an order, whose worker finds no store; a Job of the same image that lasts as long as to be seen."""
    ours, theirs = [], []
    for number in range(ROUNDS + 1):
        begins = Begins()
        start = time.monotonic()
        bench.etl("run", "work")
        a = begins.wait([b"/usr/bin/etl", b"worker"]) - start
        begins = Begins()
        start = time.monotonic()
        plane.kubectl("create", "job", f"job-{number}", "-n", "etl", f"--image={IMAGE}", "--", "/usr/bin/etl", "demo")
        b = begins.wait([b"/usr/bin/etl", b"demo"]) - start
        if number:
            ours.append(a)
            theirs.append(b)
        time.sleep(2)  # both are over
    print(f"\npod-start: from the order to the first instruction, image present (median of {ROUNDS})")
    print(f"  etl run                {statistics.median(ours):6.3f} s")
    print(f"  kubectl create job     {statistics.median(theirs):6.3f} s")
    ratio("etl run", statistics.median(ours), statistics.median(theirs), "less")


@contextlib.contextmanager
def at(plane):
    bench = Bench(plane)
    try:
        yield bench
    finally:
        bench.stop()


def pod_start():
    import cluster  # pylint: disable=import-outside-toplevel
    if os.geteuid():
        print("\npod-start: skipped, a node needs root")
        return
    directory = Path(tempfile.mkdtemp(prefix="etl-bench."))
    plane = None
    try:
        plane = cluster.ControlPlane(directory / "plane")
        plane.namespace("etl")
        plane.client.create("/api/v1/namespaces/etl/serviceaccounts", {"metadata": {"name": "default"}})
        with at(plane) as bench:
            paced(bench)
        plane.stop()
        plane = None
        network = cluster.Network(cluster.API, cluster.DNS)
        plane = cluster.Cluster(directory / "node")
        root = directory / "image"
        (root / "usr/bin").mkdir(parents=True)
        shutil.copy(ETL, root / "usr/bin/etl")
        (root / "work").mkdir()
        (root / "work").chmod(0o1777)
        plane.import_image(cluster.make_image(directory / "image.tar", IMAGE, root, {
            "Entrypoint": ["/usr/bin/etl"], "User": "65532:65532", "WorkingDir": "/work"}))
        with at(plane) as bench:
            begin(plane, bench)
        network.leave()
    finally:
        if plane:
            plane.stop()
        shutil.rmtree(directory, ignore_errors=True)
