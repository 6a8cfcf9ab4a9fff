"""How a SQL Server is read: at which isolation level, in how many ranges and as of when, and what is not
read because this login would not be shown it.

The server is tests/tdsd (see test_mssql.py for one that is there).
"""

import subprocess

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from servers import pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import Copies, copies  # noqa: F401 pylint: disable=unused-import

SETUP = """IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.item
DROP TABLE IF EXISTS tgt.item
GO
CREATE TABLE src.item (id int NOT NULL PRIMARY KEY, part {type} NULL, note nvarchar(20))
"""
WHOLE = {"source_table": "src.item", "target_table": "tgt.item", "load_mode": "replace", "create": "yes"}


def make(copies, type_="int", value="id", rows=40):
    copies.run(SETUP.format(type=type_) + "".join(
        f"INSERT INTO src.item (id, part) VALUES ({i}, {value.replace('id', str(i))})\n" for i in range(1, rows + 1))
        + "INSERT INTO src.item (id) VALUES (0)\n")
    return copies


def same(copies):
    query = "SELECT id, part, note FROM {} ORDER BY id"
    there = copies.rows(query.format("tgt.item"))
    assert there == copies.rows(query.format("src.item"))
    return there


def consistency(copies):
    """What the run's record says of the last one."""
    return copies.project.sql("SELECT consistency FROM etl_v_lineage WHERE job = 'copy' ORDER BY run_id DESC LIMIT 1",
                              "control.db")[0][0]


def snapshots(copies, on):
    copies.run(f"ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION {on}", atomic="no")


# --- isolation ---


def test_a_snapshot_where_the_database_allows_it(copies):
    make(copies)
    assert "reads at isolation level snapshot" in copies.copy(**WHOLE).stderr
    assert consistency(copies) == "one snapshot"
    snapshots(copies, "OFF")
    assert "reads at isolation level read committed" in copies.copy(**WHOLE).stderr
    assert consistency(copies) == "one statement"
    copies.configure(isolation="snapshot")
    said = copies.copy(status=1, **WHOLE).stderr
    assert "3952" in said and "ALLOW_SNAPSHOT_ISOLATION ON" in said
    copies.configure(isolation="serializable")
    assert "reads at isolation level serializable" in copies.copy(**WHOLE).stderr
    copies.configure()
    snapshots(copies, "ON")
    same(copies)


@only_tdsd
def test_a_query_of_a_database_without_snapshots_is_read_all_the_same(project, tdsd, pki):
    certificate, key = pki.issue("localhost")
    server = tdsd("--database", "OTHER", certificate=certificate, key=key, database="DW", encrypt="on")
    copies = Copies(project, server, pki)
    make(copies)
    copies.run("ALTER DATABASE OTHER SET ALLOW_SNAPSHOT_ISOLATION OFF", atomic="no")
    copies.run("SELECT id INTO [OTHER].dbo.other FROM src.item")
    query = {"source_query": "SELECT i.id, i.part, i.note FROM src.item AS i JOIN [OTHER].dbo.other AS o ON o.id = i.id",
             "target_table": "tgt.item", "load_mode": "replace", "create": "yes"}
    done = copies.copy(**query)
    assert "reads at isolation level read committed" in done.stderr
    assert len(same(copies)) == 41


# --- ranges ---


@pytest.mark.parametrize("type_, value", [
    ("int", "id"), ("bigint", "id * 230000000000000000"), ("decimal(38,10)", "id * 1.0000000001"),
    ("money", "id * -1.5"), ("float", "id / 7.0"), ("date", "DATEADD(day, id * 100, '2000-01-01')"),
    ("datetime2(7)", "DATEADD(second, id, '2020-01-01')"), ("datetime", "DATEADD(hour, id, '2020-01-01')"),
    ("datetimeoffset(3)", "DATEADD(year, id * 200, CAST('0001-01-01 00:00:00 +00:00' AS datetimeoffset(3)))"), ("uniqueidentifier", "NEWID()"),
])
def test_ranges_of_a_type(copies, type_, value):
    make(copies, type_, value)
    done = copies.copy(partition_column="part", parallel=4, verify="digest", **WHOLE)
    assert "reads 4 ranges as one picture" in done.stderr
    assert consistency(copies) == "one picture: snapshots begun behind a shared lock"
    assert len(same(copies)) == 41


PARTITIONED = """IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.item
DROP TABLE IF EXISTS tgt.item
GO
IF EXISTS (SELECT 1 FROM sys.partition_schemes WHERE name = N'etl_ps') DROP PARTITION SCHEME etl_ps
IF EXISTS (SELECT 1 FROM sys.partition_functions WHERE name = N'etl_pf') DROP PARTITION FUNCTION etl_pf
GO
CREATE PARTITION FUNCTION etl_pf ({type}) AS RANGE {side} FOR VALUES ({values})
GO
CREATE PARTITION SCHEME etl_ps AS PARTITION etl_pf ALL TO ([PRIMARY])
GO
CREATE TABLE src.item (id int NOT NULL, part {type} NULL, note nvarchar(20)) ON etl_ps(part)
"""


def partitioned(copies, side, type_="int", value="id", values="10, 20, 30, 1000"):
    """41 rows; the last partition has none."""
    copies.run(PARTITIONED.format(type=type_, side=side, values=values))
    copies.run("".join(f"INSERT INTO src.item (id, part) VALUES ({i}, {value.replace('id', str(i))})\n"
                       for i in range(1, 41)) + "INSERT INTO src.item (id) VALUES (0)\n")
    return copies


def conditions(copies):
    """Of the statements that read the ranges."""
    texts = [s["text"] for s in copies.server.statements() if s["text"].startswith("SELECT s.* FROM [src].[item]")]
    return {text.partition(" WHERE ")[2] for text in texts}


@pytest.mark.parametrize("side", ["RIGHT", "LEFT"])
def test_ranges_are_whole_partitions(copies, side):
    partitioned(copies, side)
    done = copies.copy(partition_column="part", parallel=2, verify="digest", **WHOLE)
    assert "ranges are whole partitions of etl_pf" in done.stderr
    assert len(same(copies)) == 41


@only_tdsd  # which says what it was asked
@pytest.mark.parametrize("side, below, above", [("RIGHT", "<", ">="), ("LEFT", "<=", ">")])
def test_bounds_are_the_boundary_values(copies, side, below, above):
    partitioned(copies, side)
    copies.copy(partition_column="part", parallel=2, **WHOLE)
    assert conditions(copies) == {f"(s.[part] {below} CAST(N'20' AS int) OR s.[part] IS NULL)",
                                  f"s.[part] {above} CAST(N'20' AS int)"}


def test_the_column_that_a_table_is_partitioned_by_need_not_be_said(copies):
    partitioned(copies, "RIGHT", "datetime2(3)", "DATEADD(day, id, '2020-01-01')",
                "'2020-01-11', '2020-01-21', '2020-01-31'")
    copies.job(parallel=4, **WHOLE)
    plan = copies.project.etl("run", "copy", "--dry-run").stdout
    assert "ranges are whole partitions of etl_pf" in plan and "reads 4 ranges as one picture" in plan
    done = copies.copy(parallel=4, verify="digest", **WHOLE)
    assert "ranges are whole partitions of etl_pf" in done.stderr
    assert len(same(copies)) == 41
    make(copies)
    refused = copies.copy(parallel=4, status=1, **WHOLE).stderr
    assert "'parallel' needs 'partition_column': the table is not known to be partitioned" in refused


def test_more_ranges_than_partitions_and_another_column_are_cut_between_the_values(copies):
    partitioned(copies, "LEFT")
    for keys in ({"parallel": 5, "partition_column": "part"}, {"parallel": 3, "partition_column": "id"}):
        assert "whole partitions" not in copies.copy(**keys, **WHOLE).stderr
        assert len(same(copies)) == 41


def test_a_column_without_values_and_a_type_that_is_none(copies):
    make(copies, "int", "NULL", rows=3)
    copies.copy(partition_column="part", parallel=3, **WHOLE)
    assert len(same(copies)) == 4
    said = copies.copy(partition_column="note", parallel=3, status=1, **WHOLE).stderr
    assert "type nvarchar(20) is not one that is read in ranges" in said
    said = copies.copy(partition_column="nothing", parallel=3, status=1, **WHOLE).stderr
    assert "partition_column 'nothing'" in said and "was the column dropped or renamed" in said


def test_the_plan_says_as_of_when(copies):
    make(copies)
    copies.job(partition_column="id", parallel=4, **WHOLE)
    assert "reads 4 ranges as one picture" in copies.project.etl("run", "copy", "--dry-run").stdout


def test_no_one_picture_is_refused_or_said(copies):
    make(copies)
    query = {**WHOLE, "source_query": "SELECT id, part, note FROM src.item", "partition_column": "id", "parallel": 3}
    del query["source_table"]
    refused = copies.copy(status=1, **query).stderr
    assert "as of different moments: of a query it is not known which tables to lock" in refused
    assert "on_inconsistent = warn" in refused
    done = copies.copy(on_inconsistent="warn", **query)
    assert "inconsistent picture" in done.stderr and '"level":"warn"' in done.stderr
    assert consistency(copies) == "inconsistent: of a query it is not known which tables to lock"
    same(copies)
    snapshots(copies, "OFF")
    ranges = {**WHOLE, "partition_column": "id", "parallel": 3}
    assert "allows no snapshots" in copies.copy(status=1, **ranges).stderr
    copies.copy(on_inconsistent="warn", **ranges)
    same(copies)
    snapshots(copies, "ON")
    copies.configure(isolation="read_committed")
    assert "the isolation level is read committed" in copies.copy(status=1, **ranges).stderr


@only_tdsd
def test_a_database_that_does_not_change_is_one_picture(project, tdsd, pki):
    certificate, key = pki.issue("localhost")
    server = tdsd("--database", "FROZEN", certificate=certificate, key=key, database="DW", encrypt="on")
    copies = Copies(project, server, pki)
    copies.run("CREATE TABLE FROZEN.dbo.item (id int NOT NULL PRIMARY KEY)\n"
               "INSERT INTO FROZEN.dbo.item VALUES (1), (2), (3), (40)")
    copies.run("ALTER DATABASE FROZEN SET ALLOW_SNAPSHOT_ISOLATION OFF\nGO\nALTER DATABASE FROZEN SET READ_ONLY",
               atomic="no")
    done = copies.copy(source_table="FROZEN.dbo.item", target_table="dbo.item", load_mode="replace", create="yes",
                       partition_column="id", parallel=3)
    assert "as one picture: the database 'FROZEN' does not change" in done.stderr
    assert len(copies.rows("SELECT id FROM dbo.item")) == 4


def connect(copies):
    return pymssql.connect(server="localhost", port=copies.server.port, user=USER, password=PASSWORD, database="DW",
                           autocommit=True)


def stalled(copies, sessions, meanwhile, **keys):
    """A load in two ranges that stands still when it has opened so many sessions to read; `meanwhile` happens
    then. The finished run."""
    fault = copies.server.fault(f'stall phase=request statement=1 skip={sessions} app="etl worker reads"')
    copies.job(partition_column="id", parallel=2, **{**WHOLE, **keys})
    worker = copies.project.start("worker", "--job", "copy", stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: next(f["hits"] for f in copies.server.faults() if f["id"] == fault), "the session to stall")
    meanwhile()
    copies.server.ask("clear")
    _, said = worker.communicate(timeout=60)
    return worker.returncode, said


@only_tdsd
def test_nobody_writes_until_each_session_has_its_snapshot(copies):
    make(copies)

    def write():
        with connect(copies) as db, db.cursor() as cursor:
            cursor.execute("SET LOCK_TIMEOUT 0")
            with pytest.raises(pymssql.Error) as refused:
                cursor.execute("UPDATE src.item SET note = N'moved' WHERE id IN (1, 39)")
            assert refused.value.args[0] == 1222

    assert stalled(copies, 2, write)[0] == 0
    same(copies)
    with connect(copies) as db, db.cursor() as cursor:  # and the lock is gone
        cursor.execute("SET LOCK_TIMEOUT 0")
        cursor.execute("UPDATE src.item SET note = N'moved'")
    copies.server.ask("clear")


@only_tdsd
def test_bounds_are_the_same_for_all_ranges(copies):
    """Without a picture, too: rows that come in between move no bound."""
    make(copies)

    def write():
        with connect(copies) as db, db.cursor() as cursor:
            cursor.execute("INSERT INTO src.item (id) VALUES (100000)")

    copies.configure(isolation="read_committed")
    status, said = stalled(copies, 1, write, on_inconsistent="warn")
    assert status == 0, said
    assert len(same(copies)) == 42


@only_tdsd
def test_a_column_that_is_dropped_between_two_sessions(copies):
    make(copies)

    def alter():
        with connect(copies) as db, db.cursor() as cursor:
            cursor.execute("ALTER TABLE src.item DROP COLUMN part")

    copies.configure(isolation="read_committed")
    status, said = stalled(copies, 1, alter, on_inconsistent="warn")
    assert status == 1
    assert "altered while its ranges were being opened: column 2 was 'part' int, and is 'note' nvarchar(20)" in said


# --- what is not shown ---


@only_tdsd
def test_what_is_masked_in_a_query_or_a_view(project, tdsd, pki):
    certificate, key = pki.issue("localhost")
    server = tdsd("--user", "reader:Secret-1:DW", certificate=certificate, key=key, database="DW", encrypt="on")
    copies = Copies(project, server, pki)
    with connect(copies) as db, db.cursor() as cursor:
        for sql in ("CREATE TABLE dbo.pay (id int, wage int MASKED WITH (FUNCTION = 'default()'))",
                    "INSERT INTO dbo.pay VALUES (1, 4200)", "CREATE VIEW dbo.paid AS SELECT id AS n, wage AS w FROM dbo.pay",
                    "CREATE VIEW dbo.ids AS SELECT id FROM dbo.pay", "CREATE USER reader FOR LOGIN reader",
                    "GRANT SELECT ON dbo.pay TO reader", "GRANT SELECT ON dbo.paid TO reader",
                    "GRANT SELECT ON dbo.ids TO reader"):
            cursor.execute(sql)
        project.write("reader", "Secret-1")
        copies.configure(user="reader", password_file="reader")
        keys = {"target": "lite", "target_table": "out", "load_mode": "replace", "create": "yes",
                "schema_change": "add_columns"}
        for source in ({"source_query": "SELECT id, wage + 1 AS w FROM dbo.pay"},
                       {"source_query": "SELECT p.* FROM [dbo].[PAY] AS p"}, {"source_table": "dbo.paid"},
                       {"source_query": "WITH x AS (SELECT n, w FROM dbo.paid) SELECT n FROM x"}):
            refused = copies.copy(status=1, **source, **keys).stderr
            assert "column 'wage' of 'pay' is masked" in refused and "restricted_reads = accept" in refused
        for source in ({"source_query": "SELECT id, id * 2 AS twice, (SELECT COUNT(*) FROM dbo.pay) AS n FROM dbo.pay"},
                       {"source_table": "dbo.ids"}, {"source_query": "SELECT 1 AS id -- dbo.pay.wage"}):
            copies.copy(**source, **{**keys, "target_table": "fine"})
        copies.copy(restricted_reads="accept", source_table="dbo.pay", **keys)
        assert project.sql("SELECT id, wage FROM out", "lite.db") == [(1, 0)]
        cursor.execute("GRANT UNMASK TO reader")
        copies.copy(source_query="SELECT id, wage + 1 AS w FROM dbo.pay", **{**keys, "target_table": "seen"})
    assert project.sql("SELECT * FROM seen", "lite.db") == [(1, 4201)]
