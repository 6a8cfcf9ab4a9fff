"""etl selftest: what it proves of a server, that it tells what fails there, and that it leaves nothing.

The server is tests/tdsd, or with ETL_TEST_MSSQL=host,port one that is there.
"""

import json
import signal
import subprocess
from pathlib import Path

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import REAL, Warehouse, only_tdsd, start  # noqa: F401 pylint: disable=unused-import

SCHEMA = "etl_selftest"
SECONDS = 300  # hundreds of connections
# what tests/tdsd has not: a real server has all of it but, by its version, json
TDSD_LACKS = {
    "a trigger instead of insert", "a rowversion that is not committed", "grants", "minimal logging",
    "json", "hierarchyid", "geometry", "geography", "varchar(40) COLLATE Thai_CI_AS"}


class Subject(Warehouse):
    """A database that is tried."""

    def selftest(self, *args, status=0, name="dw"):
        (self.project.path / "tmp").mkdir(exist_ok=True)
        done = subprocess.run(self.project.argv("selftest", name, *args), cwd=self.project.path, text=True,
                              env=self.project.env(TMPDIR=str(self.project.path / "tmp")), capture_output=True,
                              timeout=SECONDS)
        assert done.returncode == status, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def report(self, *args, status=0):
        return json.loads(self.selftest("--json", *args, status=status).stdout)

    def schemas(self):
        return {s for s in (SCHEMA, "etl") if self.value(f"SCHEMA_ID(N'{s}')") != "NULL"}

    def nothing_is_left(self):
        """Those that look leave a ledger themselves: its rows are theirs."""
        assert self.value(f"SCHEMA_ID(N'{SCHEMA}')") == "NULL"
        assert self.value("SELECT COUNT(*) FROM etl.load_ledger WHERE job_name <> N'value' AND job_name <> N'job'") == "0"
        assert not list((self.project.path / "tmp").iterdir())


@pytest.fixture
def dw(project, start, pki):
    return Subject(project, None if REAL else start(), pki)


def by_name(report):
    return {c["check"]: c for c in report["checks"]}


@pytest.fixture
def anyone(dw):
    """A client that is not ours."""
    if REAL:
        pytest.skip("ETL_TEST_MSSQL is set: its login is not known here")
    with pymssql.connect(server="localhost", port=dw.server.port, user=USER, password=PASSWORD, database="DW",
                         autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def test_all_is_well(dw):
    if not REAL:
        dw.run("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON\nGO\nEXEC sys.sp_cdc_enable_db", atomic="no")
    report = dw.report()
    failed = [c for c in report["checks"] if c["state"] == "failed"]
    assert not failed and report["failed"] == 0
    skipped = {c["check"] for c in report["checks"] if c["state"] == "skipped"}
    if not REAL:  # a check that skips itself proves nothing: each is known
        assert skipped == TDSD_LACKS
    assert all(c["text"] for c in report["checks"] if c["state"] == "skipped")
    assert report["ok"] + report["skipped"] == len(report["checks"]) > 100
    assert report["version"] and report["edition"] and report["database"] and report["engine_edition"]
    assert report["checks"][-1]["check"] == "removed"
    dw.nothing_is_left()


def test_for_people(dw):
    said = dw.selftest("--only", "session").stdout
    assert "ok       session: textsize: all of 20000 characters arrive" in said
    assert said.splitlines()[-1].split(":")[0].endswith("skipped") and "engine" in said.splitlines()[-1]


def test_a_store(dw):
    report = dw.report("--only", "store")
    if not REAL:
        assert [c["check"] for c in report["checks"] if c["state"] != "ok"] == []
        assert len(report["checks"]) > 8
    assert dw.value("DB_ID(N'etl_selftest')") == "NULL"


@only_tdsd
def test_a_store_that_cannot_be_tried(dw, anyone):
    anyone.execute("CREATE DATABASE etl_selftest")
    report = dw.report("--only", "store", status=1)
    assert [c["check"] for c in report["checks"] if c["state"] == "failed"] == ["its database"]
    assert "DROP DATABASE etl_selftest" in report["checks"][0]["remedy"]
    assert dw.value("DB_ID(N'etl_selftest')") != "NULL"  # it is not ours


@only_tdsd
def test_the_ledger_goes_where_there_was_none(dw, anyone):
    dw.selftest("--only", "load")
    anyone.execute("SELECT COUNT(*) FROM sys.schemas WHERE name IN ('etl', 'etl_selftest')")
    assert anyone.fetchall() == [(0,)]


@only_tdsd
def test_the_loads_of_others_stay(dw, anyone):
    dw.run("SELECT 1")
    anyone.execute("CREATE SCHEMA other")
    anyone.execute("CREATE TABLE other.t (a int)")
    dw.selftest("--only", "load")
    dw.nothing_is_left()
    anyone.execute("SELECT job_name FROM etl.load_ledger WHERE job_name = 'job'")
    assert anyone.fetchall() == [("job",)]
    anyone.execute("SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID('other')")
    assert anyone.fetchall() == [("t",)]


@only_tdsd
def test_what_is_kept_is_what_an_independent_client_reads(dw, anyone):
    report = dw.report("--only", "load", "--keep")
    store = Path(report["kept"])
    assert (store / "control.db").exists()
    # this client reads no time of the year 1: the server shows those
    anyone.execute("SELECT c.name, t.name FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id"
                   f" WHERE c.object_id = OBJECT_ID('{SCHEMA}.all_to') AND c.name <> 'rv'")
    columns = ", ".join(f"CONVERT(varchar(60), [{name}], 121)" if "date" in kind or "time" in kind else f"[{name}]"
                        for name, kind in anyone.fetchall())
    rows = {}
    for table in ("all_from", "all_to"):
        anyone.execute(f"SELECT {columns} FROM {SCHEMA}.{table} ORDER BY id")
        rows[table] = anyone.fetchall()
    assert len(rows["all_to"]) == 8 and rows["all_to"] == rows["all_from"]
    refused = dw.selftest(status=3)
    assert "--clean" in refused.stderr and SCHEMA in refused.stderr
    dw.selftest("--clean")
    for file in store.iterdir():
        file.unlink()
    store.rmdir()
    dw.nothing_is_left()
    assert "no schema" in dw.selftest("--clean", status=7).stderr


@only_tdsd
def test_a_schema_that_is_not_ours_is_left(dw, anyone):
    anyone.execute(f"CREATE SCHEMA {SCHEMA}")
    anyone.execute(f"CREATE TABLE {SCHEMA}.precious (a int)")
    dw.selftest(status=3)
    assert "by hand" in dw.selftest("--clean", status=3).stderr
    anyone.execute(f"SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID('{SCHEMA}')")
    assert anyone.fetchall() == [("precious",)]


BROKEN = {
    # no bulk load is taken
    'error number=4891 times=0 match="INSERT BULK"': "error 4891",
    # the first bulk data of each load breaks the connection
    'cut phase=bulk packet=1 times=0': "replace",
    # rows come garbled where they are read to be copied
    'malformed phase=result what=length times=0 match="SELECT s." app="etl worker reads"': "replace",
}


@only_tdsd
@pytest.mark.parametrize("fault", BROKEN)
def test_what_fails_is_told(dw, fault):
    dw.run("SELECT 1")
    dw.server.fault(fault)
    report = dw.report("--only", "load", status=1)
    checks = by_name(report)
    for name in ("append", "replace", "merge", "incremental by number", "ranges in parallel"):
        assert checks[name]["state"] == "failed" and checks[name]["text"], name
    assert BROKEN[fault] in json.dumps(checks["replace"])
    assert checks["removed"]["state"] == "ok"
    dw.server.ask("clear")
    dw.nothing_is_left()


@only_tdsd
def test_a_server_that_cuts_texts_is_found(dw):
    """By what is read, not only by what a setting says."""
    dw.server.fault('error number=50000 times=0 match="SET TEXTSIZE 4096"')
    checks = by_name(dw.report("--only", "session", status=1))
    assert checks["textsize"]["state"] == "failed" and checks["options"]["state"] == "ok"


@only_tdsd
def test_what_cannot_be_removed_is_said(dw):
    dw.run("SELECT 1")
    dw.server.fault('error number=3701 times=0 match="DROP SCHEMA etl_selftest"')
    checks = by_name(dw.report("--only", "session", status=1))
    assert checks["removed"]["state"] == "failed" and "--clean" in checks["removed"]["remedy"]
    dw.server.ask("clear")
    # the mark of whose it is went with the last table
    assert "by hand" in dw.selftest("--clean", status=3).stderr


@only_tdsd
def test_interrupted(dw):
    dw.run("SELECT 1")
    (dw.project.path / "tmp").mkdir()
    process = subprocess.Popen(
        dw.project.argv("selftest", "dw"), cwd=dw.project.path, text=True, stdout=subprocess.PIPE,
        env=dw.project.env(TMPDIR=str(dw.project.path / "tmp")))
    while "type: bit" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 8
    assert "skipped  load: append: interrupted" in said and "ok       schema: removed" in said
    dw.nothing_is_left()


def test_what_is_no_server(dw):
    text = (dw.project.path / "etl.ini").read_text()
    dw.project.write("etl.ini", text + "[connection files]\ndriver = csv\npath = .\n")
    assert "is no SQL Server" in dw.selftest(status=3, name="files").stderr
    assert "did you mean 'load'" in dw.selftest("--only", "loads", status=3).stderr
