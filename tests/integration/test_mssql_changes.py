"""What a SQL Server itself knows to have changed, carried from one table to another: change tracking.

The server is tests/tdsd (see test_mssql.py for one that is there).
"""

import pytest
# pylint: disable=redefined-outer-name
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import Copies, copies  # noqa: F401 pylint: disable=unused-import

SETUP = """IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')
IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')
DROP TABLE IF EXISTS src.member
DROP TABLE IF EXISTS tgt.member
GO
CREATE TABLE src.member (region varchar(5) NOT NULL, id int NOT NULL, name nvarchar(50) NOT NULL, fee decimal(18,4),
 twice AS id * 2, note nvarchar(max), CONSTRAINT member_pk PRIMARY KEY (region, id))
GO
ALTER TABLE src.member ENABLE CHANGE_TRACKING
INSERT INTO src.member (region, id, name, fee) VALUES ('n', 1, N'one', 1), ('n', 2, N'two', 2), ('s', 1, N'three', 3)
"""
TRACKED = {"source_table": "src.member", "target_table": "tgt.member", "load_mode": "incremental", "create": "yes"}
ROWS = "SELECT region, id, name, fee, note FROM {} ORDER BY region, id"


def database(copies, sql):
    """What is not for a transaction."""
    copies.run(sql, atomic="no")


@pytest.fixture
def tracked(copies):
    database(copies, "IF CHANGE_TRACKING_CURRENT_VERSION() IS NULL ALTER DATABASE CURRENT"
             " SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = OFF)")
    copies.run(SETUP)
    return copies


def same(copies):
    there = copies.rows(ROWS.format("tgt.member"))
    assert there == copies.rows(ROWS.format("src.member"))
    return there


def change(copies, *statements):
    copies.run("\n".join(statements))


def watermark(copies):
    return copies.project.etl("watermark", "copy").stdout.strip()


def test_changes_and_deletes_are_carried(tracked):
    done = tracked.copy(**TRACKED)
    assert "reads everything, in one snapshot" in done.stderr
    assert len(same(tracked)) == 3
    first = watermark(tracked)
    assert first.startswith("ct:")
    change(tracked, "DELETE FROM src.member WHERE region = 'n' AND id = 1",
           "UPDATE src.member SET name = N'ZWEI', note = REPLICATE(CAST(N'ü' AS nvarchar(max)), 9000) WHERE id = 2",
           "INSERT INTO src.member (region, id, name) VALUES ('w', 7, N'new')",
           "INSERT INTO src.member (region, id, name) VALUES ('w', 8, N'short-lived')",
           "DELETE FROM src.member WHERE id = 8",
           "UPDATE src.member SET id = 5 WHERE region = 's'")
    done = tracked.copy(**TRACKED)
    assert "reads the changes of version " + first[3:] in done.stderr
    assert tracked.project.sql("SELECT consistency, version_read FROM etl_v_lineage ORDER BY run_id DESC LIMIT 1",
                               "control.db") == [("one snapshot", watermark(tracked))]
    assert [row[:2] for row in same(tracked)] == [["n", "2"], ["s", "5"], ["w", "7"]]
    assert int(watermark(tracked)[3:]) > int(first[3:])
    before = watermark(tracked)
    done = tracked.copy(**TRACKED)  # nothing has changed
    assert "0 rows" in done.stderr
    assert watermark(tracked) == before
    same(tracked)


def test_a_table_that_is_there_becomes_what_the_source_is(tracked):
    change(tracked, "CREATE TABLE tgt.member (region varchar(5) NOT NULL, id int NOT NULL, name nvarchar(90) NOT NULL,"
           " fee money, note ntext, CONSTRAINT there_pk PRIMARY KEY (id, region))",
           "INSERT INTO tgt.member VALUES ('x', 9, N'of old', 1, NULL), ('n', 1, N'stale', 1, NULL)")
    keys = {**TRACKED, "column_map": "name name", "schema_change": "ignore"}
    refused = tracked.copy(max_delete=0, status=1, **keys)
    assert "max_delete is 0" in refused.stderr
    tracked.copy(**keys)
    same(tracked)
    change(tracked, "DELETE FROM src.member WHERE id = 1")
    assert "max_delete is 1" in tracked.copy(max_delete=1, status=1, **keys).stderr
    tracked.copy(max_delete=2, **keys)
    assert len(same(tracked)) == 1


def test_rejects_do_not_take_deleted_rows_for_bad_ones(tracked):
    keys = {**TRACKED, "on_reject": "keep", "verify": "digest"}
    tracked.copy(**keys)
    change(tracked, "DELETE FROM src.member WHERE id = 1")
    done = tracked.copy(**keys)
    assert "rejected" not in done.stderr
    assert len(same(tracked)) == 1


@pytest.mark.parametrize("gap", ["cleanup", "restored", "other", "truncated"])
def test_a_gap(tracked, gap):
    tracked.copy(**TRACKED)
    change(tracked, "DELETE FROM src.member WHERE region = 's'", "UPDATE src.member SET fee = 9")
    if gap == "cleanup":  # older than what is kept
        change(tracked, "ALTER TABLE src.member DISABLE CHANGE_TRACKING", "ALTER TABLE src.member ENABLE CHANGE_TRACKING",
               "UPDATE src.member SET fee = 10 WHERE id = 1")
        why = "and changes are kept since"
    elif gap == "restored":
        tracked.project.etl("watermark", "--set", "ct:999999", "copy")
        why = "it was restored"
    elif gap == "other":
        tracked.project.etl("watermark", "--set", "2024-01-01", "copy")
        why = "is no version of change tracking"
    else:
        change(tracked, "TRUNCATE TABLE src.member",
               "INSERT INTO src.member (region, id, name) VALUES ('z', 1, N'after')")
        why = "and changes are kept since"
    before = watermark(tracked)
    refused = tracked.copy(on_gap="fail", status=1, **TRACKED)
    assert why in refused.stderr and "--full" in refused.stderr
    assert watermark(tracked) == before
    done = tracked.copy(**TRACKED)
    assert why in done.stderr and "reads everything" in done.stderr
    rows = same(tracked)
    assert len(rows) == (1 if gap == "truncated" else 2)
    done = tracked.copy(**TRACKED)
    assert "reads the changes" in done.stderr


def test_a_full_load_deletes_what_is_gone(tracked):
    tracked.copy(**TRACKED)
    change(tracked, "DELETE FROM src.member WHERE region = 's'")
    tracked.job(**TRACKED)
    tracked.project.etl("run", "--full", "copy")
    tracked.project.etl("controller", "--until-idle")
    assert len(same(tracked)) == 2
    assert "reads the changes" in tracked.copy(**TRACKED).stderr


def test_the_plan_says_what_is_read(tracked):
    tracked.job(**TRACKED)
    said = tracked.project.etl("run", "copy", "--dry-run").stdout
    assert "reads everything, in one snapshot" in said and "(region, id)" in said
    tracked.copy(**TRACKED)
    change(tracked, "DELETE FROM src.member WHERE region = 's'")
    said = tracked.project.etl("run", "copy", "--dry-run").stdout
    assert "reads the changes of version" in said and "those that the source has deleted are deleted" in said


def test_what_is_not_there_is_named_with_the_remedy(copies):
    copies.run("IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')\nDROP TABLE IF EXISTS src.plain\n"
               "DROP TABLE IF EXISTS src.keyless\nGO\nCREATE TABLE src.plain (id int NOT NULL PRIMARY KEY)\n"
               "CREATE TABLE src.keyless (id int)")
    keys = {"target_table": "dbo.there", "load_mode": "incremental"}
    assert "no primary key" in copies.copy(source_table="src.keyless", status=1, **keys).stderr
    if copies.value("CAST(CHANGE_TRACKING_CURRENT_VERSION() AS varchar(20))") == "NULL":
        said = copies.copy(source_table="src.plain", status=1, **keys).stderr
        assert "change tracking is off in the database" in said and "SET CHANGE_TRACKING = ON" in said
        database(copies, "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON")
    said = copies.copy(source_table="src.plain", status=1, **keys).stderr
    assert "ENABLE CHANGE_TRACKING" in said and "VIEW CHANGE TRACKING" in said
    copies.run("ALTER TABLE src.plain ENABLE CHANGE_TRACKING")
    said = copies.copy(source_table="src.plain", target="lite", status=3, **keys).stderr
    assert "driver 'sqlite'" in said
    said = copies.copy(source="lite", source_table="t", target="lite", status=3, **keys).stderr
    assert "does not track changes" in said


def test_key_columns_are_those_of_the_primary_key(tracked):
    said = tracked.copy(status=1, key_columns="id, name", **TRACKED).stderr
    assert "key_columns: 'name' is no part of the source's primary key" in said
    tracked.copy(key_columns="id, region", **TRACKED)
    same(tracked)


def test_without_snapshot_isolation(tracked):
    database(tracked, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF")
    try:
        said = tracked.copy(status=1, **TRACKED).stderr
        assert "ALLOW_SNAPSHOT_ISOLATION ON" in said
    finally:
        database(tracked, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON")
    tracked.copy(**TRACKED)
    same(tracked)


# --- change data capture ---

CAPTURED = {**TRACKED, "changes": "cdc"}


@pytest.fixture
def captured(copies):
    """The capture job of a real server is behind by some seconds: only tdsd captures at once."""
    copies.run(SETUP.replace("ALTER TABLE src.member ENABLE CHANGE_TRACKING\n", ""))
    copies.run("EXEC sys.sp_cdc_enable_db\nGO\nEXEC sys.sp_cdc_enable_table @source_schema = N'src', "
               "@source_name = N'member', @role_name = NULL", atomic="no")
    return copies


@only_tdsd
def test_captured_changes_and_deletes_are_carried(captured):
    done = captured.copy(**CAPTURED)
    assert "reads everything, captured up to 0x" in done.stderr
    assert len(same(captured)) == 3
    before = watermark(captured)
    assert before.startswith("cdc:0x") and len(before) == 26
    done = captured.copy(**CAPTURED)  # nothing has changed
    assert "0 rows" in done.stderr and watermark(captured) == before
    change(captured, "DELETE FROM src.member WHERE region = 'n' AND id = 1",
           "UPDATE src.member SET name = N'zwei' WHERE id = 2",
           "UPDATE src.member SET name = N'ZWEI', note = REPLICATE(CAST(N'ü' AS nvarchar(max)), 9000) WHERE id = 2",
           "INSERT INTO src.member (region, id, name) VALUES ('w', 7, N'new')",
           "INSERT INTO src.member (region, id, name) VALUES ('w', 8, N'short-lived')",
           "DELETE FROM src.member WHERE id = 8",
           "UPDATE src.member SET id = 5 WHERE region = 's'")
    said = captured.project.etl("run", "copy", "--dry-run").stdout
    assert "reads the changes from 0x" in said and "(capture instance 'src_member')" in said
    captured.copy(**CAPTURED)
    assert [row[:2] for row in same(captured)] == [["n", "2"], ["s", "5"], ["w", "7"]]
    assert watermark(captured) > before
    change(captured, "DELETE FROM src.member")
    captured.copy(**CAPTURED)
    assert not same(captured)


@only_tdsd
@pytest.mark.parametrize("gap", ["cleanup", "restored", "other"])
def test_a_gap_of_captured_changes(captured, gap):
    captured.copy(**CAPTURED)
    change(captured, "DELETE FROM src.member WHERE region = 's'")
    change(captured, "UPDATE src.member SET fee = 9")
    if gap == "cleanup":
        change(captured, "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'src_member', "
               "@low_water_mark = NULL")
        why = "and changes are kept from"
    elif gap == "restored":
        captured.project.etl("watermark", "--set", "cdc:0xFFFFFFFFFFFFFFFFFFFF", "copy")
        why = "the database was restored"
    else:
        captured.project.etl("watermark", "--set", "ct:12", "copy")
        why = "is no log sequence number"
    assert why in captured.copy(on_gap="fail", status=1, **CAPTURED).stderr
    done = captured.copy(**CAPTURED)
    assert why in done.stderr and "reads everything" in done.stderr
    assert len(same(captured)) == 2
    assert "reads the changes" in captured.copy(**CAPTURED).stderr


@only_tdsd
def test_what_is_not_captured(captured):
    said = captured.copy(capture_instance="other", status=1, **CAPTURED).stderr
    assert "capture instance 'other' is not one of the table, 'src_member' is" in said
    captured.run("CREATE TABLE src.plain (id int NOT NULL PRIMARY KEY)")
    said = captured.copy(status=1, **{**CAPTURED, "source_table": "src.plain"}).stderr
    assert "sp_cdc_enable_table" in said or "not enabled for Change Data Capture" in said
    captured.run("TRUNCATE TABLE src.member", status=1)


@only_tdsd
def test_a_readable_secondary_is_named_with_the_remedy(tracked):
    tracked.server.fault('error number=22117 message="no change tracking here" match=CHANGE_TRACKING_CURRENT_VERSION')
    said = tracked.copy(status=1, **TRACKED).stderr
    assert "22117" in said and "connect to the primary (application_intent = readwrite" in said
    tracked.server.ask("clear")
    tracked.copy(**TRACKED)
    same(tracked)
