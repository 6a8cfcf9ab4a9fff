"""What a load says when its source or target is taken from it: a full or read-only disk, a file or
directory that goes away or changes under it, a field without end. Nothing is published, nobody is told
that it was, and the next load finds everything in order."""

import os
import signal
import sqlite3
import subprocess
import zlib

import pytest
from project import CONFIG
from servers import wait_for

ROWS = 1_500_000  # a load of these can be stopped half-way
MIB = 1 << 20

ENDS = CONFIG.replace("path = warehouse.db", "path = disk/warehouse.db") + """\
[connection src]
driver = sqlite
path = src.db
[connection out]
driver = csv
path = disk/
"""


@pytest.fixture
def ends(project):
    project.write("etl.ini", ENDS)
    (project.path / "disk").mkdir()
    yield project
    for process in getattr(project, "frozen", []):
        if process.poll() is None:
            process.kill()
            process.wait()


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is refused here: {done.stderr.strip()}")


@pytest.fixture
def disk(ends):
    """The target is on a file system of four megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(ends.path / "disk"))
    yield ends
    subprocess.run(["umount", "-l", ends.path / "disk"], check=False)


def text(rows):
    return "id,name\n" + "".join(f"{i},name of row {i}\n" for i in range(rows))


def define(project, target, **keys):
    columns = {"columns": "id bigint, name varchar(max)"} if keys.get("source", "raw") == "raw" else {}
    return project.job("load", target=target, **columns, **keys)


def files(project, directory="disk"):
    """Besides what a database keeps beside itself, and ours."""
    return sorted(f.name for f in (project.path / directory).iterdir())


def content(project, target):
    """What is published."""
    if target == "out":
        return (project.path / "disk/t.csv").read_text(encoding="utf-8")
    return project.sql("SELECT * FROM t", "disk/warehouse.db")


def first_load(project, target, **keys):
    project.csv("t", text(3))
    number = define(project, target, **keys)
    project.etl("worker", "--job", number)
    return number, content(project, target)


def check_recovers(project, number, target):
    """The next load is as if nothing had been: no leftovers, and its rows."""
    project.csv("t", text(5))
    project.etl("worker", "--job", number)
    kept = content(project, target)
    assert (kept.count("\n") if target == "out" else len(kept)) == (6 if target == "out" else 5)
    assert [f for f in files(project) if "stage" in f] == []


def freeze(project, number, staged=True):
    """A worker that is stopped half-way through its rows."""
    process = project.start("worker", "--job", number, stderr=subprocess.PIPE, text=True)
    project.frozen = [process]
    wait_for(lambda: any("stage" in f for f in files(project)) or process.poll() is not None,
             "a staging file")
    process.send_signal(signal.SIGSTOP)
    assert process.poll() is None, process.stderr.read()
    return process


def thaw(process):
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


TARGETS = ["warehouse", "out"]


# --- the target ---


@pytest.mark.parametrize("target", TARGETS)
def test_a_disk_that_is_full_while_rows_are_staged(disk, target):
    number, before = first_load(disk, target)
    disk.csv("t", text(500_000))
    said = disk.etl("worker", "--job", number, status=1).stderr
    assert "No space left" in said or "is full" in said, said
    assert content(disk, target) == before
    assert disk.run_row()[0] == "failed"
    check_recovers(disk, number, target)


def test_a_disk_that_is_full_when_rows_are_published(disk):
    """Staging and table do not both fit."""
    number, before = first_load(disk, "warehouse")
    disk.csv("t", text(80_000))
    said = disk.etl("worker", "--job", number, status=1).stderr
    assert "publish into 't'" in said and ("is full" in said or "No space left" in said), said
    assert content(disk, "warehouse") == before
    check_recovers(disk, number, "warehouse")


@pytest.mark.parametrize("target", TARGETS)
def test_a_disk_that_is_full_from_the_start(disk, target):
    number, before = first_load(disk, target)
    with open(disk.path / "disk/filler", "wb", buffering=0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
    said = disk.etl("worker", "--job", number, status=1).stderr
    assert "No space left" in said or "is full" in said, said
    (disk.path / "disk/filler").unlink()
    assert content(disk, target) == before
    check_recovers(disk, number, target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_cannot_be_written_to(disk, target):
    number, before = first_load(disk, target)
    mount("-o", "remount,ro", str(disk.path / "disk"))
    said = disk.etl("worker", "--job", number, status=1).stderr
    assert "read" in said and "only" in said.lower() and "disk/" in said, said
    assert content(disk, target) == before
    mount("-o", "remount,rw", str(disk.path / "disk"))
    check_recovers(disk, number, target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_becomes_read_only(disk, target):
    number, before = first_load(disk, target)
    project_rows = text(30_000)
    disk.csv("t", project_rows)
    locked = sqlite3.connect(
        disk.path / ("disk/.etl_ledger.db" if target == "out" else "disk/warehouse.db"),
        isolation_level=None)
    locked.execute("BEGIN IMMEDIATE")
    process = disk.start("worker", "--job", number, stderr=subprocess.PIPE, text=True)
    disk.frozen = [process]
    wait_for(lambda: disk.run_row()[0] == "running", "the run")
    locked.execute("ROLLBACK")
    locked.close()

    def read_only():
        return subprocess.run(["mount", "-o", "remount,ro", disk.path / "disk"], capture_output=True,
                              check=False).returncode == 0 or process.poll() is not None
    wait_for(read_only, "a moment without an open file")  # while one is written it is busy
    _, said = process.communicate(timeout=60)
    mount("-o", "remount,rw", str(disk.path / "disk"))
    if process.returncode == 0:  # it was faster
        assert content(disk, target) != before
    else:
        assert "only" in said.lower(), said
        assert content(disk, target) == before
    check_recovers(disk, number, target)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_that_is_removed_while_it_is_loaded(ends, journal):
    """SQLite would write on into the file that nobody can see any more."""
    number, _ = first_load(ends, "warehouse")
    ends.sql(f"PRAGMA journal_mode = {journal}", "disk/warehouse.db")
    ends.csv("t", text(ROWS))
    process = freeze(ends, number)
    (ends.path / "disk/warehouse.db").unlink()
    status, said = thaw(process)
    assert status == 1, said
    assert "warehouse.db': the file was removed, or another one put in its place" in said, said
    tables = ends.sql("SELECT name FROM sqlite_schema WHERE name = 't'", "disk/warehouse.db")
    assert tables == []  # what is there now was made to withdraw the load
    assert ends.run_row()[0] not in ("succeeded", "running")
    check_recovers(ends, number, "warehouse")


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_that_is_replaced_while_it_is_loaded(ends, journal):
    number, before = first_load(ends, "warehouse")
    ends.sql(f"PRAGMA journal_mode = {journal}", "disk/warehouse.db")
    ends.csv("t", text(ROWS))
    process = freeze(ends, number)
    with sqlite3.connect(ends.path / "other.db") as other:
        sqlite3.connect(ends.path / "disk/warehouse.db").backup(other)
    other.close()
    (ends.path / "other.db").rename(ends.path / "disk/warehouse.db")
    status, said = thaw(process)
    assert status == 1, said
    assert "warehouse.db': the file was removed, or another one put in its place" in said, said
    assert content(ends, "warehouse") == before
    check_recovers(ends, number, "warehouse")


@pytest.mark.parametrize("target", TARGETS)
def test_a_directory_that_is_moved_away_while_it_is_loaded(ends, target):
    number, before = first_load(ends, target)
    ends.csv("t", text(ROWS))
    process = freeze(ends, number)
    (ends.path / "disk").rename(ends.path / "away")
    status, said = thaw(process)
    assert status == 1 and "disk" in said, said
    assert not (ends.path / "disk").exists()
    (ends.path / "away").rename(ends.path / "disk")
    assert content(ends, target) == before
    check_recovers(ends, number, target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_system_that_is_unmounted_while_it_is_loaded(disk, target):
    number, before = first_load(disk, target)
    mount("-o", "remount,size=200m", str(disk.path / "disk"))
    disk.csv("t", text(ROWS))
    process = freeze(disk, number)
    subprocess.run(["umount", "-l", disk.path / "disk"], check=True)
    status, said = thaw(process)
    assert status == 1 and "disk" in said, said
    assert before and not [f for f in files(disk) if f == "t.csv" or "stage" in f]
    if target == "warehouse" and files(disk):
        assert disk.sql("SELECT name FROM sqlite_schema WHERE name = 't'", "disk/warehouse.db") == []


# --- the source ---


def grow(path):
    with open(path, "a", encoding="utf-8") as f:
        f.write("77,one more\n")


def shrink(path):
    os.truncate(path, os.path.getsize(path) - 10)


def rewrite(path):
    """In place, and of the same size."""
    with open(path, "r+b") as f:
        f.seek(-3, os.SEEK_END)
        f.write(b"99")


def replace(path):
    other = path.with_suffix(".new")
    other.write_text(text(3), encoding="utf-8")
    other.rename(path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("change", [grow, shrink, rewrite, replace, remove])
def test_a_file_that_changes_while_it_is_read(ends, target, change):
    number, before = first_load(ends, target)
    ends.csv("t", text(ROWS))
    process = freeze(ends, number)
    change(ends.path / "data/t.csv")
    status, said = thaw(process)
    assert status == 1 and "t.csv' changed while it was read" in said, said
    assert ends.run_row()[:2] == ("failed", "bad_data")
    assert content(ends, target) == before
    check_recovers(ends, number, target)


def test_a_file_that_changes_between_two_readings(ends):
    """Types are inferred over the whole file, then it is read: it must be the same one."""
    number, before = first_load(ends, "warehouse")
    ends.csv("t", text(ROWS))
    process = ends.start("worker", "--job", ends.job("load", columns=None), stderr=subprocess.PIPE,
                         text=True)
    ends.frozen = [process]
    io = f"/proc/{process.pid}/io"
    wait_for(lambda: int(open(io, encoding="ascii").readline().split()[1]) > 8 * MIB, "the first pass")
    replace(ends.path / "data/t.csv")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "t.csv' changed while it was read" in said, said
    assert content(ends, "warehouse") == before


# --- fields without end ---


def peak_kib(process):
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
                peak = max([peak] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
        except (ProcessLookupError, ValueError):
            pass
    return peak


def packed(head, mib):
    """gzip members, as they may stand one behind the other."""
    def member(data):
        pack = zlib.compressobj(1, zlib.DEFLATED, 31)
        return pack.compress(data) + pack.flush()
    return member(head) + member(b"x" * MIB) * mib


@pytest.mark.parametrize("columns", [None, "id int, name varchar(max)"])
@pytest.mark.parametrize("head", [b"id,name\n1,", b'id,name\n1,"'])
def test_a_field_of_a_gigabyte_in_a_file(ends, head, columns):
    ends.write("data/t.csv.gz", packed(head, 1024))
    number = ends.job(columns=columns)
    process = ends.start("worker", "--job", number, stderr=subprocess.PIPE, text=True)
    peak = peak_kib(process)
    said = process.stderr.read()
    assert process.returncode == 1
    assert "t.csv.gz: line 2, column 3" in said and "the limit of 16777216 bytes" in said, said
    assert "max_field" in said
    assert 0 < peak < 96 * 1024, peak
    assert ends.run_row()[:2] == ("failed", "limit")


@pytest.mark.parametrize("table", [True, False], ids=["stored", "computed"])
def test_a_value_of_a_gigabyte_in_a_database(ends, table):
    ends.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name BLOB)", "src.db")
    if table:
        ends.sql("INSERT INTO t VALUES (1, zeroblob(999000000))", "src.db")
        number = define(ends, "warehouse", source="src")
    else:
        number = define(ends, "warehouse", source="src", source_table=None,
                        source_query="SELECT 1 AS id, zeroblob(999000000) AS name")
    process = ends.start("worker", "--job", number, stderr=subprocess.PIPE, text=True)
    peak = peak_kib(process)
    said = process.stderr.read()
    assert process.returncode == 1
    assert "row 1: a text or blob is longer than the limit of 67108864 bytes" in said, said
    assert "raise max_field" in said
    assert 0 < peak < 96 * 1024, peak
