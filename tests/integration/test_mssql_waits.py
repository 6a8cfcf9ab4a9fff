"""What the server of the slow side waits for, named by progress.

The server is tests/tdsd: a real one needs a login that may see it, and somebody who is in the way.
"""

import subprocess
from contextlib import contextmanager

import pymssql
# pylint: disable=redefined-outer-name,no-member,unused-argument
from servers import pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import dw, only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import MEMBER, copies  # noqa: F401 pylint: disable=unused-import


@contextmanager
def in_the_way(copies):
    """Somebody with an open transaction; gives the number of the session."""
    with pymssql.connect(server="localhost", port=copies.server.port, user=USER, password=PASSWORD, database="DW",
                         autocommit=True, appname="somebody") as other, other.cursor() as cursor:
        cursor.execute("SELECT CAST(@@SPID AS int)")
        spid = cursor.fetchone()[0]
        cursor.execute("BEGIN TRANSACTION; UPDATE tgt.member SET flag = 0")
        yield spid
        cursor.execute("ROLLBACK TRANSACTION")


@contextmanager
def copying(copies):
    copies.run(MEMBER)
    copies.run("SELECT * INTO tgt.member FROM src.member")
    copies.job(source_table="src.member", target_table="tgt.member", load_mode="append")
    with in_the_way(copies) as spid:
        worker = subprocess.Popen(copies.project.argv("worker", "--job", "copy"), cwd=copies.project.path,
                                  env=copies.project.env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        yield spid
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 0, said
    assert copies.value("SELECT COUNT(*) FROM tgt.member") == "6"


def progress(copies):
    rows = copies.project.sql("SELECT progress FROM etl_run_heartbeat WHERE progress IS NOT NULL", "control.db")
    return rows[0][0] if rows else ""


@only_tdsd
def test_who_is_in_the_way_is_named(copies):
    with copying(copies) as spid:
        wait_for(lambda: "the server waits: " in progress(copies), "the server's wait", 40)
        assert f"LCK_M_X, blocked by session {spid} (login '{USER}', program 'somebody')" in progress(copies)
        assert "LCK_M_X, blocked by session" in copies.project.etl("status").stdout


@only_tdsd
def test_a_login_that_may_not_see_it_copies_on(copies):
    copies.server.fault("error number=300 severity=14 match=dm_exec_requests times=0")
    with copying(copies):
        wait_for(lambda: copies.server.faults()[0]["hits"], "the question", 40)
    assert copies.server.faults()[0]["hits"] == 1, "it is not asked again"
