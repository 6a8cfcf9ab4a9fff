"""What loads that replace a table's rows survive, whichever way they go: nothing is published twice, or by
halves. See test_mssql_publish.py."""

import subprocess
import threading

import pytest
# pylint: disable=redefined-outer-name,no-member,unused-import
from servers import pki, wait_for  # noqa: F401
from tdsd import tdsd, tdsd_program  # noqa: F401
from test_mssql import only_tdsd, start  # noqa: F401
from test_mssql_copy import MEMBER, copies, order_until_whole, same  # noqa: F401
from test_mssql_publish import REPLACE, held, leftovers, plan

WAYS = {  # the statement that takes the place of the rows, and what the job says
    "switch": ("SWITCH TO [tgt].[member]", "switch"),
    "rename": ("sp_rename N'[tgt].[etl_stage", "rename"),
    "truncate": ("TRUNCATE TABLE [tgt].[member]", "insert"),
    "delete": ("DELETE FROM [tgt].[member]", "insert"),
}
every_way = pytest.mark.parametrize("way", WAYS)
STAGED = "SELECT COUNT_BIG(*) FROM [tgt].[etl_stage"  # all rows are in staging


def stand(copies, way):
    """A table with a row of its own, and a job that replaces it in this way."""
    copies.run(MEMBER)
    copies.run("DROP TABLE IF EXISTS tgt.visit\n"
               "CREATE TABLE tgt.member (id int NOT NULL PRIMARY KEY, name nvarchar(50), fee decimal(18,4), born date,"
               " seen datetime2(3), code varchar(10), note nvarchar(max), raw varbinary(max), flag bit NOT NULL)\n"
               "INSERT INTO tgt.member (id, flag) VALUES (77, 1)"
               + ("\nCREATE TABLE tgt.visit (id int REFERENCES tgt.member (id))" if way == "delete" else ""))
    keys = {**REPLACE, "publish": WAYS[way][1]}
    wanted = {"truncate": "TRUNCATE and INSERT", "delete": "DELETE and INSERT"}.get(way, way.upper())
    assert f"publishing: {wanted}: " in plan(copies, **keys)
    return keys


def untouched(copies):
    return copies.value("SELECT STRING_AGG(CAST(id AS varchar(9)), ' ') FROM tgt.member") == "77"


def replaced(copies):
    same(copies)
    assert copies.value("SELECT COUNT(*) FROM etl.load_ledger WHERE target_table = N'tgt.member' AND"
                        " state = N'published'") == "1"
    assert not leftovers(copies)


@only_tdsd
@every_way
def test_a_deadlock_victim_tries_again_in_place(copies, way):
    keys = stand(copies, way)
    copies.server.fault(f'error number=1205 severity=13 rollback=1 match="{WAYS[way][0]}" app="etl worker run"')
    done = copies.copy(**keys)
    assert copies.server.faults()[0]["hits"] == 1
    assert "1205" in done.stderr and "tried again" in done.stderr
    replaced(copies)


@only_tdsd
def test_a_deadlock_victim_does_not_try_for_ever(copies):
    keys = stand(copies, "switch")
    copies.server.fault('error number=1205 severity=13 rollback=1 times=0 match="SWITCH TO" app="etl worker run"')
    done = copies.copy(status=1, **keys)
    assert "1205" in done.stderr
    copies.server.ask("clear")
    assert untouched(copies) and not leftovers(copies)


@only_tdsd
@every_way
@pytest.mark.parametrize("when", ["staged", "publishing"])
def test_a_failover_before_or_within_publishing(copies, way, when):
    """All sessions end; the next attempt finds what this one has left."""
    keys = stand(copies, way)
    text = STAGED if when == "staged" else WAYS[way][0]
    copies.job(max_attempts=3, max_disruptions=3, retry_delay="0s", **keys)
    number = copies.server.fault(f'stall phase=result match="{text}" app="etl worker run"')
    copies.project.etl("run", "copy")
    with copies.project.start("controller", "--until-idle", stderr=subprocess.PIPE, text=True) as controller:
        wait_for(lambda: any(f["id"] == number and f["hits"] for f in copies.server.faults()), "the copy")
        copies.server.kill_all()
        copies.server.ask("clear")
        said = controller.communicate()[1]
    assert controller.returncode == 0, said
    replaced(copies)


CHANGES = {
    "added": "ALTER TABLE tgt.member ADD more int",
    "dropped": "ALTER TABLE tgt.member DROP COLUMN note",
    "narrowed": "ALTER TABLE tgt.member ALTER COLUMN code varchar(4)",
}


@only_tdsd
@every_way
@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_is_altered_during_the_load(copies, way, change):
    keys = stand(copies, way)
    with held(copies, STAGED, **keys) as run:
        run.cursor.execute(CHANGES[change])
    assert run.status == 1 and "the table was altered while rows were being staged" in run.said
    assert untouched(copies) and not leftovers(copies)


@every_way
def test_a_column_that_is_too_narrow(copies, way):
    keys = stand(copies, way)
    copies.run("ALTER TABLE tgt.member ALTER COLUMN name nvarchar(2)")
    done = copies.copy(status=1, **keys)
    assert "column 'name'" in done.stderr and "row 1" in done.stderr
    assert untouched(copies)
    done = copies.copy(on_reject="keep", **keys)
    assert "1 row rejected" in done.stderr
    assert copies.value("SELECT STRING_AGG(CAST(id AS varchar(9)), ' ') WITHIN GROUP (ORDER BY id) FROM tgt.member") \
        == "2 3"
    assert not leftovers(copies)


@only_tdsd
@every_way
@pytest.mark.parametrize("when", ["load", "publish"])
def test_a_full_log(copies, way, when):
    keys = stand(copies, way)
    where = "row=2" if when == "load" else f'match="{WAYS[way][0]}" app="etl worker run"'
    copies.server.fault(f'error number=9002 severity=17 rollback=1 {where} times=0 '
                        'message="The transaction log for database DW is full due to LOG_BACKUP."')
    done = copies.copy(status=1, **keys)
    assert "9002" in done.stderr and "LOG_BACKUP" in done.stderr
    copies.server.ask("clear")
    assert untouched(copies)
    copies.copy(**keys)
    replaced(copies)


@only_tdsd
@every_way
def test_a_lease_that_is_lost_before_publishing(copies, way):
    keys = stand(copies, way)
    with held(copies, STAGED, **keys) as run:
        run.cursor.execute("UPDATE etl.load_ledger SET fence = fence + 1 WHERE state = N'open'")
    assert run.status == 6, run.said
    assert untouched(copies)


@only_tdsd
@every_way
def test_a_lease_that_is_lost_within_publishing(copies, way):
    """Who raises the fence waits for the transaction, and finds the load published."""
    keys = stand(copies, way)
    with held(copies, WAYS[way][0], **keys) as run:
        raising = threading.Thread(target=run.cursor.execute, args=(
            "UPDATE etl.load_ledger SET fence = fence + 1 WHERE state = N'open'",))
        raising.start()
        wait_for(lambda: any("SET fence = fence + 1" in s["text"] for s in copies.server.statements()), "the other")
        run.go()
        raising.join()
        assert run.cursor.rowcount == 0
    assert run.status == 0, run.said
    replaced(copies)


@only_tdsd
@pytest.mark.parametrize("way", ["switch", "rename"])
@pytest.mark.parametrize("phase", ["request", "result"])
def test_a_connection_that_breaks_anywhere(copies, way, phase):
    keys = stand(copies, way)
    faults = (f'cut phase={phase} statement={n} app="etl worker run"' for n in range(3, 200, 5))
    runs = order_until_whole(copies, faults, **keys)
    assert runs > 5
    same(copies)
    assert not leftovers(copies)
