"""etl status and etl logs: what the store says of runs, for people and for scripts."""

import json
import re

import pytest


@pytest.fixture
def runs(project):
    """Run 1 succeeded with two rows, run 2 failed."""
    project.load("id\n1\n2\n")
    project.load('id\n"1\n', status=1)
    return project


def test_no_runs(project):
    project.etl("init")
    assert project.etl("status").stdout == "no runs yet\n"
    assert json.loads(project.etl("status", "--json").stdout) == []


def test_the_last_runs(runs):
    header, failed, why, done = runs.etl("status").stdout.splitlines()
    assert header.split() == ["run", "job", "state", "rows", "started", "(UTC)", "took"]
    assert re.match(r" +1  load  succeeded +2  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \d+ ms$", done)
    assert re.match(r" +2  load  failed +0  ", failed)
    assert why.strip().startswith("read 't': t.csv: line 2, column 1: ")
    assert len(runs.etl("status", "--last", 1).stdout.splitlines()) == 3


def test_one_run(runs):
    header, run, database, principal, *rest = runs.etl("status", 1).stdout.splitlines()
    assert database.split() == ["source_database", "data/"] and principal.split()[0] == "source_principal"
    assert [line.split()[0] for line in rest[:2]] == ["target_database", "target_principal"]
    events = rest[2:]
    assert header.split()[0] == "run" and run.split()[:3] == ["1", "load", "succeeded"]
    assert [e.split()[2] for e in events] == ["queued", "starting", "running", "succeeded"]
    done = runs.etl("status", 3, status=7)
    assert "there is no run 3" in done.stderr and "hint: 'etl status'" in done.stderr


def test_json(runs):
    failed, done = json.loads(runs.etl("status", "--json").stdout)
    assert done["run"] == 1 and done["job"] == "load" and done["state"] == "succeeded"
    assert done["rows_read"] == done["rows_written"] == 2 and done["bytes_read"] == 7
    assert done["error_code"] is None and done["elapsed_ms"] >= 0
    assert failed["state"] == "failed" and failed["error_code"] == "bad_data"
    one = json.loads(runs.etl("status", 2, "--json").stdout)
    assert [e["new_state"] for e in one[0].pop("events")] == ["queued", "starting", "running", "failed"]
    assert one[0].pop("lineage")["source_server"] is None
    assert one == [failed]


def test_a_run_that_nobody_has_started(project):
    project.load("id\n1\n")
    project.sql("INSERT INTO etl_run (job_id) VALUES (1)", "control.db")
    assert re.search(r"^ +2  load  queued +-  -  +-$", project.etl("status").stdout, re.M)
    queued = json.loads(project.etl("status", 2, "--json").stdout)[0]
    assert queued["started_at"] is None and queued["elapsed_ms"] is None
    assert queued["rows_written"] is None


def test_logs(runs):
    lines = runs.etl("logs", 1).stdout.splitlines()
    assert re.match(r"\S+Z info  run 1, attempt 1: copy 't' of 'raw'", lines[0])
    assert re.match(r"\S+Z info  published 2 rows in 't'", lines[-1])
    rows = json.loads(runs.etl("logs", 2, "--json").stdout)
    assert [r["level"] for r in rows] == ["info", "error"] and rows[1]["attempt"] == 1
    assert runs.etl("logs", 1).stderr == ""
    assert "there is no run 3" in runs.etl("logs", 3, status=7).stderr
