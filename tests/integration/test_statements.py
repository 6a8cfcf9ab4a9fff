"""docs/statements.md has every statement that we send to a SQL Server, and none that we do not."""

import os

import pytest
# pylint: disable=redefined-outer-name
from servers import ROOT, pki, run  # noqa: F401 pylint: disable=unused-import
from statements import normal, of_product, of_store, read, write
from tdsd import tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import MEMBER, Copies
from test_selftest import Subject

AGAIN = "ETL_WRITE_STATEMENTS=1 python3 -m pytest tests/integration/test_statements.py writes docs/statements.md anew"


def test_what_is_left_out():
    assert normal("INSERT BULK [dw].[t 1] ([a]] b] varchar(20) COLLATE Latin1_General_BIN2, [c] decimal(18,4)) WITH (TABLOCK)") \
        == normal("INSERT BULK [x].[y] ([q] int) WITH (TABLOCK)").replace("([n] type)", "([n] type, …)")
    assert normal("SELECT a FROM t WHERE b = 'it''s' AND c > 0x12") == "SELECT a FROM t WHERE b = '…' AND c > 0"
    assert normal("SELECT TOP (1) x FROM t") != normal("SELECT x FROM t")
    assert normal("DELETE FROM [a].[b]") != normal("TRUNCATE TABLE [a].[b]")


@pytest.fixture
def store_statements():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    run("make", "-C", ROOT, "tsql", env=env)
    return of_store(run(ROOT / "build" / "musl" / "tests" / "tsql" / "dump").stdout)


def asked_of_slow_copies(text):
    """What a copy waits for: who is fast never asks. test_mssql_waits.py shows that it is sent."""
    return "FROM sys.dm_exec_requests AS r LEFT JOIN" in text


class Everything(Copies, Subject):
    """Each command that says something to a connection."""

    def selftests(self):
        for area in ("session", "load", "table", "engine"):
            self.selftest("--only", area)
        return of_product(self.server.statements())

    def others(self):
        self.run(MEMBER)
        self.ping()
        self.configure()
        self.project.etl("doctor", status=4)  # lite.db is not there
        keys = {"source_table": "src.member", "target_table": "tgt.member", "load_mode": "incremental"}
        self.copy(watermark_column="id", **keys)
        self.copy(watermark_column="id", key_columns="id", lookback="1", **keys)
        self.run("CREATE PARTITION FUNCTION pf (int) AS RANGE RIGHT FOR VALUES (2) -- of src.member\nGO\n"
                 "CREATE PARTITION SCHEME ps AS PARTITION pf ALL TO ([PRIMARY]) -- of src.member\nGO\n"
                 "CREATE TABLE src.part (id int) ON ps(id) -- as src.member\nGO\n"
                 "INSERT INTO src.part SELECT id FROM src.member")
        self.copy(source_table="src.part", target_table="tgt.part", load_mode="replace", create="yes", parallel=2)
        self.run("ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON -- of src.member\nGO\n"
                 "ALTER TABLE src.member ENABLE CHANGE_TRACKING\nGO\nEXEC sys.sp_cdc_enable_db -- of src.member\nGO\n"
                 "EXEC sys.sp_cdc_enable_table N'src', N'member', NULL -- src.member", atomic="no")
        for changes in ("tracking", "cdc"):
            for flag in (0, 1):
                self.copy(changes=changes, **keys)  # at first the watermark is of another kind
                self.run(f"UPDATE src.member SET flag = {flag}\nDELETE FROM src.member WHERE id = {1 + flag}")
            self.copy(changes=changes, **keys)
            self.run("INSERT INTO src.member (id, flag) VALUES (1, 0), (2, 0)")
        self.project.etl("run", "copy", "--dry-run")
        self.project.etl("watermark", "copy")
        self.project.etl("watermark", "copy", "--set", "1")
        self.project.etl("watermark", "copy", "--clear")
        self.project.etl("rejects", "2")
        for file in self.project.path.glob("control.db*"):
            file.unlink()
        self.project.etl("init")
        self.project.etl("apply", "copy.ini")
        self.project.etl("worker", "--job", "copy", status=1)  # the store is new to the ledger
        self.project.etl("recover")
        # what sql jobs say is their authors' business
        return of_product(s for s in self.server.statements() if "src.member" not in s["text"])


@only_tdsd
def test_the_catalogue_is_what_is_sent(project, start, pki, store_statements):
    one = Everything(project, start(), pki)
    seldom = {t for t in read()[0] if asked_of_slow_copies(t)}
    assert len(seldom) == 1
    by_selftest = one.selftests() - seldom
    others = one.others() - by_selftest | seldom
    if "ETL_WRITE_STATEMENTS" in os.environ:
        write(by_selftest, others, store_statements)
    loads, store = read()
    assert store == store_statements, AGAIN
    sent = {**{t: "other commands" for t in others}, **{t: "*selftest*" for t in by_selftest}}
    assert sorted(set(sent) - set(loads)) == [], f"not in the catalogue; {AGAIN}"
    assert sorted(set(loads) - set(sent)) == [], f"nobody sends these any more; {AGAIN}"
    assert loads == sent, AGAIN
    assert len(sent) > 50
