"""The queue, beside graphile-worker on PostgreSQL."""
import contextlib
import os
import statistics
import subprocess
import sys
import time

from bench_common import ETL, ROUNDS, WORK, program, ratio, remove, run
from bench_mssql import USER, Server
from peer import peer
from process_events import ProcessEvents

QUEUE = program("queue")
PEER = "graphile-worker"

# --- order: from the command that orders to the process that does it ---

ORDERS = 50
WORKERS = 4


@contextlib.contextmanager
def controller(jobs=""):
    """Over a new store; its process."""
    remove("queue.db")
    with open(os.path.join(WORK, "queue.ini"), "w") as f:
        f.write("[store]\npath = queue.db\n")
    with open(os.path.join(WORK, "queue-jobs.ini"), "w") as f:
        f.write(jobs)
    etl("init")
    if jobs:
        etl("apply", "queue-jobs.ini")
    with open(os.path.join(WORK, "controller.log"), "wb") as log:
        process = subprocess.Popen([ETL, "controller", "--config", "queue.ini"], cwd=WORK, stderr=log)
    time.sleep(1)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def etl(*words):
    run([ETL, *words, "--config", "queue.ini"], WORK)


def time_order(events, argv, env, parent, depth):
    process = subprocess.Popen(argv, cwd=WORK, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    figures = events.execs_below(process.pid, parent, depth)
    if process.wait():
        sys.exit(f"{' '.join(argv)}: exit {process.returncode}")
    time.sleep(0.25)  # what it started is over
    return [1000 * figure for figure in figures]


def order():
    if os.geteuid():
        print("\norder: skipped, only root is told when a process begins its program")
        return
    events = ProcessEvents()
    ours, theirs = [], []
    job = "[job nothing]\nkind = exec\ncommand = /bin/true\nmax_active = 100\n"
    with controller(job) as c, peer(WORK) as p, p.serving(WORKERS) as w:
        for _ in range(ORDERS):
            ours.append(time_order(events, [ETL, "run", "nothing", "--config", "queue.ini"], None, c.pid, 2))
            theirs.append(time_order(events, p.psql + ["SELECT graphile_worker.add_job('start')"], p.env,
                                     w.pid, 1))
    print(f"\norder: a command orders, a waiting process starts another that does it, by the kernel's"
          f" times of exec (median and 90 of 100, {ORDERS} orders)")
    columns = [("etl run, to its worker's first instruction", [f[0] for f in ours]),
               ("etl run, to the first of the job's own program", [f[1] for f in ours]),
               (f"psql add_job, {PEER}, to the same program", [f[0] for f in theirs])]
    for name, figures in columns:
        figures.sort()
        print(f"  {name:<50} {statistics.median(figures):7.2f} ms  {figures[len(figures) * 9 // 10]:7.2f} ms")
    medians = [statistics.median(figures) for _, figures in columns]
    ratio("worker", medians[0], medians[2], "less")
    ratio("program", medians[1], medians[2], "less")


# --- claim: a queue that is full, and work that is nothing ---

JOBS = 5_000
BATCH = 100


def numbers(text):
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def ask(argv, env=None):
    return numbers(subprocess.run(argv, cwd=WORK, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)


def store(name):
    """The configuration of a new store on SQLite."""
    remove(f"{name}.db")
    with open(os.path.join(WORK, f"{name}.ini"), "w", encoding="ascii") as f:
        f.write(f"[store]\npath = {name}.db\n")
    return f"{name}.ini"


def claim():
    ours, one, many = [], [], []
    with peer(WORK) as p:
        for _ in range(3):
            run([QUEUE, "make", store("claim"), str(JOBS), "0"], WORK)
            ours.append(ask([QUEUE, "claim", "claim.ini", str(BATCH)]))
            one.append(ask(p.script + ["claim", str(JOBS), "1"], p.env))
            many.append(ask(p.script + ["claim", str(JOBS), "24"], p.env))

    def rate(runs, name):
        return statistics.median(r["runs"] / r[name] for r in runs)

    print(f"\nclaim: {JOBS:,} jobs that do nothing, claimed {BATCH} at a time (median of 3)")
    print(f"  {'claimed':<50} etl {rate(ours, 'claim_seconds'):9,.0f}/s   {PEER} {rate(one, 'claim_seconds'):9,.0f}/s")
    ratio("claims", rate(ours, "claim_seconds"), rate(one, "claim_seconds"), "more")
    print(f"  {'claimed, started and ended, each by itself':<50} etl {rate(ours, 'seconds'):9,.0f}/s   "
          f"{PEER} {rate(one, 'seconds'):9,.0f}/s, 24 at once {rate(many, 'seconds'):9,.0f}/s")
    ratio("jobs", rate(ours, "seconds"), rate(one, "seconds"), "more")
    ratio("jobs beside its 24 at once", rate(ours, "seconds"), rate(many, "seconds"), "more")


# --- poll: an idle controller over a long history ---

HISTORY = 1_000_000
POLLS = 2000


def poll():
    run([QUEUE, "make", store("empty"), "0", "0"], WORK)
    run([QUEUE, "make", store("full"), "0", str(HISTORY)], WORK)
    figures = {"empty.ini": [], "full.ini": []}
    for i in range(ROUNDS + 1):
        for name, runs in figures.items():
            result = ask([QUEUE, "poll", name, str(POLLS)])
            if i:
                runs.append(1e6 * result["cpu_seconds"] / result["rounds"])
    empty, full = (statistics.median(runs) for runs in figures.values())
    print(f"\npoll: an idle controller's round, CPU (median of {ROUNDS}); {PEER} keeps no history")
    print(f"  no finished run {empty:8.1f} us, {HISTORY:,} finished runs {full:8.1f} us: {full / empty:.2f} of it")
    remove("empty.db", "full.db")


# --- idle: what waits for work takes memory ---

IDLE_SECONDS = 15  # three polls
RSS_LIMIT = 10 << 20


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmRSS"))


def idle():
    with controller() as c, peer(WORK) as p, p.serving(WORKERS) as w:
        time.sleep(IDLE_SECONDS)
        ours, theirs = resident(c.pid), resident(w.pid)
    print(f"\nidle: resident memory of the process that waits for work, after {IDLE_SECONDS} s")
    print(f"  etl controller {ours / (1 << 20):.1f} MiB (limit {RSS_LIMIT >> 20}), {PEER} {theirs / (1 << 20):.1f} MiB"
          " without its PostgreSQL")
    ratio("memory", ours, theirs, "less")
    if ours >= RSS_LIMIT:
        sys.exit("the idle controller is too large")


# --- the same on SQL Server: the test server, with TLS ---

ROUND_TRIP_US = 200
STORE_JOBS = 2_000
POLL_LIMIT, CLAIM_LIMIT = 100, 2_000  # us of CPU; runs a second


def store_there(server, name):
    server.create(name)
    with open(os.path.join(WORK, f"{name}.ini"), "w", encoding="ascii") as f:
        f.write(f"[store]\ndriver = mssql\nserver = localhost,{server.port}\ndatabase = {name}\nuser = {USER}\n"
                f"password_file = {server.password}\nca_file = {server.certificate}\n")
    return f"{name}.ini"


def figure(ini, what, argument, value, by):
    results = [ask([QUEUE, what, ini, str(argument)]) for _ in range(ROUNDS if what == "poll" else 1)]
    return statistics.median(r[value] / r[by] for r in results)


def mssql_store():
    with Server("on") as server:
        there, here = store_there(server, "bench_store"), store("here")
        for ini in (here, there):
            run([QUEUE, "make", ini, "0", str(STORE_JOBS)], WORK)
        polls = [1e6 * figure(ini, "poll", 2000, "cpu_seconds", "rounds") for ini in (here, there)]
        claims = []
        for name, slow in (("near", False), ("far", True)):
            there, here = store_there(server, f"bench_{name}"), store("here")
            for ini in (here, there):
                run([QUEUE, "make", ini, str(STORE_JOBS), "0"], WORK)
            if slow:
                server.ask(f"fault stall phase=result packet=1 dir=out us={ROUND_TRIP_US} times=0")
            claims.append([figure(ini, "only", BATCH, "runs", "claim_seconds") for ini in (here, there)])
            server.ask("clear")
    print(f"\nmssql-store: the store on SQL Server (the test server, TLS), on SQLite beside it")
    print(f"  an idle controller's round, CPU                 SQL Server {polls[1]:8.1f} us   SQLite {polls[0]:8.1f} us"
          f"   (limit {POLL_LIMIT})")
    for (sqlite, mssql), how in zip(claims, ("as near as it is", f"{ROUND_TRIP_US} us farther")):
        print(f"  claims, {BATCH} at a time, {how:<24} SQL Server {mssql:8,.0f}/s    SQLite {sqlite:8,.0f}/s"
              f"   (limit {CLAIM_LIMIT:,}/s)")
    if polls[1] >= POLL_LIMIT or claims[1][1] < CLAIM_LIMIT:
        sys.exit("that is too slow")
