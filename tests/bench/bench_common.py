"""What the benchmarks have in common: to run two programs side by side, and where their files are."""
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = os.path.join(ROOT, "build/bench")
ETL = os.path.join(ROOT, "build/etl")
ROUNDS = 5


def program(name):
    """One of tests/bench's own."""
    return os.path.join(ROOT, "build/musl/tests/bench", name)


def run(argv, cwd, stdin=None):
    """(user + sys seconds, wall seconds) of one run; its failure ends the benchmark."""
    start = time.monotonic()
    process = subprocess.Popen(
        argv, cwd=cwd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if stdin:
        process.stdin.write(stdin.encode())
        process.stdin.close()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode:
        sys.exit(f"{' '.join(argv)}: exit {process.returncode}\n{error.decode()}")
    return usage.ru_utime + usage.ru_stime, wall


def side_by_side(title, ours, theirs, rounds=ROUNDS):
    """Each is (name, prepare, argv, stdin)."""
    figures = {ours[0]: [], theirs[0]: []}
    for i in range(rounds + 1):
        for name, prepare, argv, stdin in (ours, theirs):
            prepare()
            figure = run(argv, WORK, stdin)
            if i:  # the first round warms the cache
                figures[name].append(figure)
    print(f"\n{title} (median of {rounds})")
    medians = {}
    for name, runs in figures.items():
        cpu, wall = (statistics.median(column) for column in zip(*runs))
        medians[name] = cpu, wall
        print(f"  {name:<28} {cpu:8.3f} s CPU  {wall:8.3f} s wall")
    a, b = medians[ours[0]], medians[theirs[0]]
    print(f"  {ours[0]} takes {a[0] / b[0]:.2f} of the CPU and {a[1] / b[1]:.2f} of the wall time")


def ratio(what, ours, theirs, better):
    print(f"  {what}: {ours / theirs:.3f} of the peer's ({better} is better)")


def remove(*names):
    for name in names:
        for suffix in ("", "-journal", "-wal", "-shm"):
            try:
                os.unlink(os.path.join(WORK, name + suffix))
            except FileNotFoundError:
                pass
