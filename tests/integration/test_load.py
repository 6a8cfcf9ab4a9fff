"""etl worker by hand: CSV into SQLite, through staging and ledger, whole or not at all."""

import csv
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess

import pytest
from project import DATA
from servers import wait_for


def test_the_contract(project):
    """The commands and files that the first issue promises to scripts."""
    for name in ("airlines", "airports", "planes", "weather"):
        project.csv(name, (DATA / f"{name}.csv").read_bytes())
    project.write("jobs.ini", "".join(
        f"[job load_{name}]\nkind = copy\nsource = raw\nsource_table = {name}\n"
        f"target = warehouse\ntarget_table = {name}\nload_mode = replace\n"
        for name in ("airlines", "airports", "planes")))
    project.etl("init")
    project.etl("apply", "jobs.ini")
    project.etl("worker", "--job", "3")
    assert project.sql("SELECT count(*) FROM planes") == [(3322,)]
    assert project.sql("SELECT typeof(year), count(*) FROM planes GROUP BY 1") == [("text", 3322)]


@pytest.mark.parametrize("name", ["airlines", "airports", "planes", "weather"])
def test_real_data_arrives_exactly(project, name):
    project.csv(name, (DATA / f"{name}.csv").read_bytes())
    number = project.job(source_table=name, target_table=name, null="NA")
    project.etl("worker", "--job", number)
    with open(DATA / f"{name}.csv", newline="", encoding="utf-8") as f:
        header, *expected = csv.reader(f)
    rows = project.sql(f"SELECT * FROM {name} ORDER BY rowid")
    assert len(rows) == len(expected)
    for row, texts in zip(rows, expected):
        for value, text in zip(row, texts):
            if text == "NA":
                assert value is None
            elif isinstance(value, str):
                assert value == text
            else:
                assert value == type(value)(text)
    types = dict(project.sql(f"SELECT name, type FROM pragma_table_info('{name}')"))
    if name == "weather":
        assert types["temp"] == "REAL" and types["month"] == "INTEGER"
        assert types["time_hour"] == "TEXT"
    if name == "airports":
        assert types["lat"] == "REAL" and types["faa"] == "TEXT"


def test_values_keep_their_meaning(project):
    project.load(
        "id,zip,phone,n,empty,real,text\r\n"
        "1,00501,+49301,,\"\",1.5,\"a \"\"quoted\"\" word\"\r\n"
        "2,10115,030,7,\"\",2,\"two\r\nlines, and a comma\"\r\n"
        "9223372036854775807,1,1,-7,\"\",-0.25,grün 🚲\r\n")
    assert project.sql("SELECT * FROM t") == [
        (1, "00501", "+49301", None, "", 1.5, 'a "quoted" word'),
        (2, "10115", "030", 7, "", 2.0, "two\r\nlines, and a comma"),
        (9223372036854775807, "1", "1", -7, "", -0.25, "grün 🚲")]


def test_declared_types(project):
    project.load("id,amount,note,d\n007,12.50,5,2024-02-29\n8,-0.01,,2023-12-31\n",
                 columns='id int not null, amount decimal(20,4), "note" varchar(max), d date')
    assert project.sql("SELECT id, amount, note, d FROM t") == [
        (7, "12.5000", "5", "2024-02-29"), (8, "-0.0100", None, "2023-12-31")]


@pytest.mark.parametrize("columns, message", [
    ("id intt", "columns: "),
    ("idd int", "has no column 'idd'"),
    ("id int not null, name int", "line 2, column 'name': the value is not an integer"),
    ("id tinyint", "line 3, column 'id': the value is beyond the range of tinyint"),
])
def test_declared_types_that_do_not_fit(project, columns, message):
    done = project.load("id,name\n1,x\n999,y\n", columns=columns, status=1)
    assert message in done.stderr
    assert not project.has_table("t") and project.run_row()[0] == "failed"


def test_null_text_encoding_and_delimiter(project):
    project.load("id;name\n1;NULL\n2;\n3;Jürgen\n".encode("iso-8859-1"),
                 delimiter="semicolon", null="NULL", encoding="iso-8859-1")
    assert project.sql("SELECT * FROM t") == [(1, None), (2, ""), (3, "Jürgen")]


def test_replace_and_append(project):
    project.load("id\n1\n2\n")
    project.load("id\n3\n")
    assert project.sql("SELECT id FROM t") == [(3,)]
    project.load("id\n4\n", name="more", load_mode="append")
    assert project.sql("SELECT id FROM t") == [(3,), (4,)]


def test_replace_keeps_the_table_and_what_hangs_on_it(project):
    project.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'none', twice AS (id * 2))")
    project.sql("CREATE INDEX t_name ON t (name)")
    project.sql("CREATE VIEW v AS SELECT twice FROM t")
    project.load("ID\n1\n5\n")
    assert project.sql("SELECT * FROM t") == [(1, "none", 2), (5, "none", 10)]
    assert project.sql("SELECT sum(twice) FROM v") == [(12,)]
    assert project.sql("SELECT count(*) FROM sqlite_master WHERE name = 't_name'") == [(1,)]


def test_an_empty_source_does_not_wipe_a_table(project):
    project.load("id\n1\n")
    done = project.load("id\n", status=1)
    assert "min_rows = 0" in done.stderr
    assert project.sql("SELECT id FROM t") == [(1,)]
    project.load("id\n", min_rows=0)
    assert project.sql("SELECT count(*) FROM t") == [(0,)]


def test_a_table_that_must_exist(project):
    project.sql("CREATE TABLE other (id)")
    done = project.load("id\n1\n", create="no", status=1)
    assert "hint: " in done.stderr and "CREATE TABLE" in done.stderr
    assert not project.has_table("t")


def test_columns_that_do_not_match(project):
    project.sql("CREATE TABLE t (id INTEGER, must TEXT NOT NULL)")
    assert "'nmae'" in project.load("id,must,nmae\n1,a,b\n", status=1).stderr
    assert "'must'" in project.load("id\n1\n", status=1).stderr
    assert project.sql("SELECT count(*) FROM t") == [(0,)]


def test_a_constraint_publishes_nothing(project):
    project.sql("CREATE TABLE t (id INTEGER UNIQUE)")
    project.sql("INSERT INTO t VALUES (7)")
    assert "UNIQUE" in project.load("id\n1\n1\n", status=1).stderr
    assert project.sql("SELECT id FROM t") == [(7,)]


BAD = [
    ("wrong column count", b"a,b\n1,2\n1,2,3\n", "t.csv: line 3"),
    ("too few columns", b"a,b\n1\n", "t.csv: line 2"),
    ("bad UTF-8", b"a,b\n1,\xff\xfe\n", "t.csv: line 2, column 3"),
    ("cut UTF-8", "a,b\n1,ü".encode()[:-1], "t.csv: line 2, column 3"),
    ("a NUL byte", b"a,b\n1,x\0y\n", "t.csv: line 2, column 4"),
    ("text behind a quote", b'a,b\n1,"x"y\n', "t.csv: line 2, column 6"),
    ("a quote that is not closed", b'a,b\n1,"x\n2,y\n', "t.csv: line 2"),
    ("an empty name", b"a,\n1,2\n", "t.csv: line 1, column 3"),
    ("a name twice", b"a,b,A\n1,2,3\n", "t.csv: line 1, column 5"),
    ("an empty file", b"", "t.csv: the file is empty"),
]


@pytest.mark.parametrize("content, message", [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_files_publish_nothing(project, content, message):
    project.load("a,b\n9,9\n")
    done = project.load(content, status=1)
    assert message in done.stderr
    assert project.sql("SELECT * FROM t") == [(9, 9)]
    assert project.run_row()[:2] == ("failed", "bad_data")
    assert project.leftovers() == []
    assert project.sql("SELECT state FROM etl_load_ledger ORDER BY opened_at, state") == [
        ("published",), ("revoked",)]


def test_a_field_beyond_the_limit(project):
    done = project.load(b"a,b\n1,2\n3," + b"x" * 101 + b"\n", max_field=100, status=1)
    assert "t.csv: line 3, column 3" in done.stderr
    assert not project.has_table("t")


def test_large_fields_and_rows(project):
    big = "xÿ" * (1 << 20)
    project.load(f"id,a,b\n1,{big},\n2,short,{big}\n3,y,z\n", max_field="4MiB")
    assert project.sql("SELECT id, length(a), length(b) FROM t") == [
        (1, 2 << 20, None), (2, 5, 2 << 20), (3, 1, 1)]


def test_two_thousand_columns(project):
    names = [f"c{i}" for i in range(2000)]
    project.load(",".join(names) + "\n" + ",".join("7" for _ in names) + "\n")
    assert project.sql("SELECT c0, c1999 FROM t") == [(7, 7)]


def test_names_that_need_quoting(project):
    project.csv("odd name", 'a"b,c]d,e f,grün 🚲,select\n"1",2,3,4,5\n'.replace('a"b', '"a""b"'))
    number = project.job(source_table="odd name", target_table='t"]x')
    project.etl("worker", "--job", number)
    assert project.sql('SELECT "a""b", "c]d", "e f", "grün 🚲", "select" FROM "t""]x"') == [
        (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("table, status, message", [
    ("plnaes", 1, "planes"),
    ("../etl", 1, ".."),
])
def test_a_source_table_that_is_not_there(project, table, status, message):
    project.csv("planes", "a\n1\n")
    number = project.job(source_table=table)
    assert message in project.etl("worker", "--job", number, status=status).stderr


def test_a_job_that_is_not_there(project):
    project.load("id\n1\n", name="load_planes")
    assert "there is no job '77'" in project.etl("worker", "--job", 77, status=7).stderr
    done = project.etl("worker", "--job", "load_plaens", status=7)
    assert "did you mean 'load_planes'?" in done.stderr
    project.etl("worker", "--job", "load_planes")


def test_a_connection_that_is_not_there(project):
    project.csv("t", "id\n1\n")
    number = project.job(source="rwa")
    done = project.etl("worker", "--job", number, status=3)
    assert "job 'load': source: there is no connection 'rwa', did you mean 'raw'?" in done.stderr
    assert project.sql("SELECT count(*) FROM etl_run", "control.db") == [(0,)]


def test_connections_of_the_wrong_kind(project):
    project.csv("t", "id\n1\n")
    number = project.job(target="raw", kind="sql", command="SELECT 1")
    assert "runs no statements" in project.etl("worker", "--job", number, status=3).stderr


def test_a_target_that_cannot_be_opened(project):
    project.csv("t", "id\n1\n")
    number = project.job()
    (project.path / "warehouse.db").mkdir()
    assert "warehouse.db" in project.etl("worker", "--job", number, status=1).stderr
    assert project.run_row()[0] == "failed"


def test_the_runs_rows(project):
    project.load("id\n1\n2\n")
    assert project.run_row() == ("succeeded", None, 2)
    events = project.sql("SELECT old_state, new_state FROM etl_run_event", "control.db")
    assert events == [(None, "queued"), ("queued", "starting"), ("starting", "running"),
                      ("running", "succeeded")]
    log = project.sql("SELECT level, message FROM etl_run_log ORDER BY seq", "control.db")
    assert log[0][0] == "info" and "'t' of 'raw'" in log[0][1]
    assert log[-1][1].startswith("published 2 rows in 't'")
    ledger = project.sql("SELECT l.state, l.rows, l.fence FROM etl_load_ledger l")
    assert ledger == [("published", 2, 1)]
    uids = project.sql("SELECT run_uid FROM etl_run", "control.db")
    assert project.sql("SELECT run_uid FROM etl_load_ledger") == uids


def test_the_log_is_json_lines_elsewhere(project):
    lines = [json.loads(line) for line in project.load("id\n1\n").stderr.splitlines()]
    assert lines[-1]["job"] == "load" and lines[-1]["run"] == 1 and lines[-1]["level"] == "info"
    text = project.etl("worker", "--job", 1, ETL_LOG_FORMAT="text").stderr
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} info  published 1 row in 't'", text, re.M)
    assert project.etl("--log-level", "error", "worker", "--job", 1).stderr == ""


def many_rows(project, n):
    project.csv("t", "id,name\n" + "".join(f"{i},name of row {i}\n" for i in range(n)))
    return project.job(columns="id bigint, name varchar(max)")


def test_progress_on_a_terminal(project):
    number = many_rows(project, 3_000_000)
    master, slave = pty.openpty()
    process = project.start("worker", "--job", number, stderr=slave)
    os.close(slave)
    output = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        output += chunk
    assert process.wait() == 0
    os.close(master)
    text = output.decode()
    assert re.search(r"\r\x1b\[Kload  [\d,]+ rows  [\d,]+ rows/s  [\d.]+ [kM]?B/s", text), text[:2000]
    assert "published 3,000,000 rows" in text
    assert text.rstrip().splitlines()[-1].count("published 3,000,000 rows") == 1


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_changes_nothing(project, sig):
    project.load("id,name\n1,one\n")
    many_rows(project, 3_000_000)
    process = project.start("worker", "--job", "1", stderr=subprocess.PIPE, text=True)
    wait_for(lambda: project.leftovers() or process.poll() is not None, "a staging file")
    process.send_signal(sig)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 8, stderr
    assert "cancelled" in stderr
    assert project.sql("SELECT * FROM t") == [(1, "one")]
    assert project.run_row()[0] == "cancelled"
    assert project.leftovers() == []
    states = project.sql("SELECT state FROM etl_load_ledger ORDER BY opened_at")
    assert states == [("published",), ("revoked",)]


def test_a_killed_load_leaves_nothing_that_the_next_one_minds(project):
    project.load("id,name\n1,one\n")
    many_rows(project, 3_000_000)
    process = project.start("worker", "--job", "1", stderr=subprocess.DEVNULL)
    staged = lambda: any(".etl-stage-" in name for name in project.leftovers())
    wait_for(lambda: staged() or process.poll() is not None, "a staging file")
    process.kill()
    process.wait()
    assert project.sql("SELECT * FROM t") == [(1, "one")]
    assert staged()
    many_rows(project, 1000)
    project.etl("worker", "--job", "1")
    assert project.sql("SELECT count(*) FROM t") == [(1000,)]
    assert project.leftovers() == []


def test_a_locked_target_is_waited_for(project):
    project.load("id\n1\n")
    db = sqlite3.connect(project.path / "warehouse.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    project.csv("t", "id\n2\n")
    process = project.start("worker", "--job", "1", stderr=subprocess.PIPE)
    wait_for(lambda: project.run_row()[0] == "running", "the run")
    assert process.poll() is None
    db.execute("COMMIT")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert project.sql("SELECT id FROM t") == [(2,)]
