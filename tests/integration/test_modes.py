"""Load modes, guards, names, statements around a load, rejects: CSV into SQLite."""

import json
import subprocess

import pytest
from servers import wait_for


def digest_of(project):
    return project.sql("SELECT digest FROM etl_load_ledger ORDER BY rowid DESC LIMIT 1")[0][0]


def test_merge_changes_adds_and_keeps(project):
    project.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, n)")
    project.sql("INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)")
    keys = dict(load_mode="merge", key_columns="id")
    project.load("id,name,n\n2,TWO,2\n3,three,3\n4,four,4\n", **keys)
    assert project.sql("SELECT * FROM t ORDER BY id") == [
        (1, "one", 1), (2, "TWO", 2), (3, "three", 3), (4, "four", 4)]
    assert project.run_row() == ("succeeded", None, 2)  # changed and added
    project.load("id,name,n\n1,one,1\n4,four,4\n", **keys, delete_missing="yes")
    assert project.sql("SELECT id FROM t ORDER BY id") == [(1,), (4,)]


def test_merge_only_touches_what_differs(project):
    project.sql("CREATE TABLE t (a TEXT, b TEXT, v TEXT, PRIMARY KEY (a, b))")
    project.sql("CREATE TABLE touched (a TEXT)")
    project.sql("CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO touched VALUES (NEW.a); END")
    project.sql("INSERT INTO t VALUES ('x', 'y', 'v'), ('x', 'z', NULL), ('p', 'q', 'v')")
    project.load("a,b,v\nx,y,v\nx,z,\np,q,w\n", load_mode="merge", key_columns="b, a",
                 columns="a varchar(max), b varchar(max), v varchar(max)")
    assert project.sql("SELECT a FROM touched") == [("p",)]


def test_merge_makes_the_table_with_its_key(project):
    project.load("id,name\n1,a\n2,b\n", load_mode="merge", key_columns="id")
    assert project.sql("SELECT name FROM pragma_table_info('t') WHERE pk = 1") == [("id",)]


@pytest.mark.parametrize("policy, shown", [
    ("none", "more than once: rows 1 and 3"), ("keys", "rows 1 and 3 (7)")])
def test_a_key_that_stands_twice_is_refused(project, policy, shown):
    said = project.load("id,name\n7,a\n8,b\n7,c\n", load_mode="merge", key_columns="id",
                        reject_values=policy, status=1).stderr
    assert "the source has the same key (id)" in said and shown in said
    assert ("(7)" in said) == (policy == "keys")
    assert not project.has_table("t")
    assert project.leftovers() == []


def test_a_row_without_a_key_is_refused(project):
    said = project.load("id,name\n1,a\n,b\n", load_mode="merge", key_columns="id", status=1).stderr
    assert "1 row of the source has no value in the key column 'id'" in said


def test_a_key_that_is_not_loaded(project):
    said = project.load("idd,name\n1,a\n", load_mode="merge", key_columns="id", status=1).stderr
    assert "key_columns: 'id' is not among the columns that are loaded, did you mean 'idd'?" in said


def test_truncate_keeps_the_table(project):
    project.sql("CREATE TABLE t (id INTEGER, name TEXT DEFAULT 'x')")
    project.sql("CREATE INDEX by_name ON t (name)")
    project.sql("INSERT INTO t VALUES (1, 'old')")
    project.load("id,name\n2,new\n", load_mode="truncate")
    assert project.sql("SELECT * FROM t") == [(2, "new")]
    assert project.sql("SELECT count(*) FROM sqlite_master WHERE name = 'by_name'") == [(1,)]
    said = project.load("id,name\n", load_mode="truncate", status=1).stderr
    assert "0 rows of the source would replace a table that has rows (min_rows is 1)" in said


@pytest.mark.parametrize("limit, status", [("2", 0), ("1", 1), ("50%", 0), ("49%", 1)])
def test_max_delete_of_a_replace(project, limit, status):
    project.sql("CREATE TABLE t (id INTEGER)")
    project.sql("INSERT INTO t VALUES (1), (2), (3), (4)")
    said = project.load("id\n1\n2\n", max_delete=limit, status=status).stderr
    assert status == 0 or f"2 of the table's 4 rows would go, and max_delete is {limit}" in said
    assert project.sql("SELECT count(*) FROM t") == [(4 if status else 2,)]


@pytest.mark.parametrize("guard, message", [
    ({"max_delete": "1"}, "2 of the table's 3 rows would go, and max_delete is 1"),
    ({"min_rows": "2"}, "1 rows of the source would replace a table that has rows")])
def test_guards_of_a_merge_that_deletes(project, guard, message):
    project.sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    project.sql("INSERT INTO t VALUES (1), (2), (3)")
    said = project.load("id\n1\n", load_mode="merge", key_columns="id", delete_missing="yes",
                        status=1, **guard).stderr
    assert message in said
    assert project.sql("SELECT count(*) FROM t") == [(3,)]


def test_columns_by_another_name(project):
    project.sql('CREATE TABLE t (id INTEGER, "order no" TEXT, "a]b""c" TEXT, "🚲" INTEGER)')
    project.load("nr,Order-No,x,bike\n1,A7,y,9\n",
                 column_map='nr id, Order-No "order no", x "a]b""c", bike [🚲]',
                 columns="Order-No varchar(max)")
    assert project.sql("SELECT * FROM t") == [(1, "A7", "y", 9)]
    said = project.load("nr,b\n1,2\n", column_map="no id", status=1).stderr
    assert "column_map: the source has no column 'no'" in said


@pytest.mark.parametrize("policy, status", [("fail", 1), ("ignore", 0), ("add_columns", 0)])
def test_a_column_that_the_target_lacks(project, policy, status):
    project.sql("CREATE TABLE t (id INTEGER)")
    project.sql("INSERT INTO t VALUES (1)")
    said = project.load("more,id\nx,2\n", load_mode="append", schema_change=policy,
                        status=status).stderr
    expected = {"fail": [(1,)], "ignore": [(1,), (2,)], "add_columns": [(1, None), (2, "x")]}
    assert project.sql("SELECT * FROM t ORDER BY id") == expected[policy]
    if status:
        assert "table 't' has no column 'more' of the source" in said
        assert "schema_change = add_columns or ignore" in said


def test_statements_around_a_load_are_part_of_it(project):
    project.sql("CREATE TABLE log (what TEXT)")
    keys = dict(pre_sql="INSERT INTO log VALUES ('before')",
                post_sql="INSERT INTO log SELECT 'rows ' || count(*) FROM t")
    project.load("id\n1\n2\n", **keys)
    assert project.sql("SELECT what FROM log") == [("before",), ("rows 2",)]
    said = project.load("id\n3\n", **{**keys, "post_sql": "INSERT INTO nowhere VALUES (1)"},
                        status=1).stderr
    assert "post_sql: statement 1, 'INSERT INTO nowhere VALUES (1)': no such table" in said
    assert project.sql("SELECT count(*) FROM log") == [(2,)]
    assert project.sql("SELECT id FROM t") == [(1,), (2,)]
    said = project.load("id\n3\n", pre_sql="COMMIT", status=1).stderr
    assert "pre_sql_atomic" in said


def test_statements_outside_of_the_transaction(project):
    project.sql("CREATE TABLE log (what TEXT)")
    keys = dict(pre_sql="CREATE TABLE t (id INTEGER)", pre_sql_atomic="no",
                post_sql="INSERT INTO log VALUES ('after')", post_sql_atomic="no")
    project.load("id\n1\n2\n", **keys, create="no")
    assert project.sql("SELECT what FROM log") == [("after",)]
    assert project.sql("SELECT post_done_at IS NOT NULL FROM etl_load_ledger") == [(1,)]


def test_published_but_not_finished(project):
    """post_sql after the transaction fails: the rows are there, and nobody calls it a success."""
    said = project.load("id\n1\n", post_sql="INSERT INTO nowhere VALUES (1)",
                        post_sql_atomic="no", status=1).stderr
    assert "the rows are published, but not what follows" in said
    assert project.sql("SELECT id FROM t") == [(1,)]
    assert project.run_row()[0] == "unknown"


def test_a_digest_is_verified_and_kept(project):
    rows = "a,b,c\n" + "".join(f"{i},{i / 8},text {i}\n" for i in range(3000)) + ",,\n"
    project.load(rows, verify="digest")
    first = digest_of(project)
    assert len(first) == 32
    header, *lines = rows.splitlines()
    project.load("\n".join([header, *reversed(lines)]) + "\n", verify="digest")
    assert digest_of(project) == first  # in any order
    project.load(rows.replace("text 7\n", "text 8\n"), verify="digest")
    assert digest_of(project) != first


def test_rows_that_cannot_be_loaded_are_kept(project):
    project.sql("CREATE TABLE t (id INTEGER NOT NULL, amount DECIMAL(10,2), name TEXT UNIQUE)")
    rows = "id,amount,name\n1,1.5,a\n,2,b\n3,12345678901234567.89,c\n4,4,a\n5,5,e\n"
    keys = dict(load_mode="append", columns="id int, amount decimal(30,2), name varchar(max)",
                key_columns="name")
    assert "NOT NULL" in project.load(rows, **keys, status=1).stderr
    project.load(rows, **keys, on_reject="keep", reject_values="all")
    assert project.sql("SELECT id FROM t ORDER BY id") == [(1,), (5,)]
    rejects = project.sql("SELECT row_no, column_name, bad_value, reason FROM etl_load_reject"
                          " ORDER BY row_no")
    assert [r[:2] for r in rejects] == [(2, "id"), (3, "amount"), (4, None)]
    assert rejects[1][2] == "12345678901234567.89"
    assert "UNIQUE" in rejects[2][3]
    assert project.sql("SELECT rows, rejects FROM etl_load_ledger WHERE state = 'published'") == [(2, 3)]
    assert project.sql("SELECT rows_written, rows_rejected FROM etl_run ORDER BY run_id DESC LIMIT 1",
                       "control.db") == [(2, 3)]


def test_etl_rejects(project):
    project.sql("CREATE TABLE t (id INTEGER NOT NULL, name TEXT)")
    project.load("id,name\n,b\n1,a\n", load_mode="append", on_reject="keep", key_columns="name",
                 reject_values="keys")
    said = project.etl("rejects", "1").stdout
    assert said == "row 1 (b): NOT NULL constraint failed: t.id\n"
    listed = json.loads(project.etl("rejects", "1", "--json").stdout)
    assert [(r["row"], r["column"], r["key"]) for r in listed] == [(1, "id", "b")]
    assert json.loads(project.etl("status", "1", "--json").stdout)[0]["rows_rejected"] == 1


def test_dry_run_says_what_would_be_done(project):
    project.csv("t", "id,name\n1,a\n")
    project.job(load_mode="merge", key_columns="id")
    said = project.etl("run", "load", "--dry-run").stdout
    assert "the table is made: CREATE TABLE" in said
    assert "column 'id' bigint not null goes to 'id' INTEGER" in said
    assert "rows with the same key (id) are changed where they differ, others added" in said
    assert not (project.path / "warehouse.db").exists()
    project.etl("worker", "--job", "load")
    plan = json.loads(project.etl("run", "load", "--dry-run", "--json").stdout)["plan"]
    assert "table 't' has 1 rows" in plan
    assert project.sql("SELECT count(*) FROM etl_run", "control.db") == [(1,)]


def test_values_of_members_do_not_leak(project):
    project.sql("CREATE TABLE t (id INTEGER, amount DECIMAL(10,2))")
    keys = dict(load_mode="append", columns="id int, amount decimal(30,2)")
    rows = "id,amount\n1,12345678901234567.89\n"
    said = project.load(rows, **keys, status=1).stderr
    assert "1234567890" not in said and "the value has more digits" in said
    project.load(rows, **keys, on_reject="keep")
    assert project.sql("SELECT bad_value, row_key FROM etl_load_reject") == [(None, None)]
    everything = (project.path / "control.db").read_bytes() + (project.path / "warehouse.db").read_bytes()
    assert b"12345678901234567" not in everything
    assert "12345678901234567.89" in project.load(rows, **keys, reject_values="all", status=1).stderr


def test_too_many_rejects_fail_the_run_and_are_kept(project):
    project.sql("CREATE TABLE t (id INTEGER NOT NULL, x TEXT)")
    said = project.load("id,x\n1,a\n,b\n,c\n,d\n", load_mode="append", on_reject="keep",
                        reject_limit="2", status=1).stderr
    assert "more than 2 rows cannot be loaded" in said
    assert project.sql("SELECT count(*) FROM t") == [(0,)]
    assert project.sql("SELECT row_no FROM etl_load_reject") == [(2,), (3,)]


def test_foreign_keys_of_the_target(project):
    project.sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    project.sql("CREATE TABLE t (id INTEGER, parent INTEGER REFERENCES parent)")
    project.sql("INSERT INTO parent VALUES (1)")
    project.load("id,parent\n1,1\n", load_mode="append")
    said = project.load("id,parent\n2,9\n", load_mode="append", status=1).stderr
    assert "FOREIGN KEY constraint failed" in said
    assert "'t', row 2, points into 'parent'" in said
    # the parent may be replaced as long as its rows come back
    project.load("id\n1\n2\n", name="parent", target_table="parent")
    assert project.sql("SELECT count(*) FROM parent") == [(2,)]
    assert "FOREIGN KEY" in project.load("id\n2\n", name="parent", target_table="parent",
                                         status=1).stderr


def test_a_replace_does_not_reach_into_other_tables(project):
    project.sql("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    project.sql("CREATE TABLE child (id INTEGER REFERENCES t ON DELETE CASCADE)")
    project.sql("INSERT INTO t VALUES (1)")
    project.sql("INSERT INTO child VALUES (1)")
    said = project.load("id\n1\n", status=1).stderr
    assert "table 'child' points to 't' by a foreign key ON DELETE CASCADE" in said
    assert project.sql("SELECT count(*) FROM child") == [(1,)]


def test_increments_of_files(project):
    keys = dict(load_mode="incremental", watermark_column="at", key_columns="id",
                columns="id int, at datetime2(0)")
    project.load("id,at,v\n1,2024-01-01T00:00:00,a\n2,2024-01-03T00:00:00,b\n", **keys)
    assert project.etl("watermark", "load").stdout == "2024-01-03T00:00:00\n"
    project.load("id,at,v\n1,2024-01-02T00:00:00,late\n2,2024-01-04T00:00:00,c\n"
                 "3,2024-01-05T00:00:00,d\n", **keys)
    assert project.sql("SELECT id, v FROM t ORDER BY id") == [(1, "a"), (2, "c"), (3, "d")]
    project.load("id,at,v\n1,2024-01-04T12:00:00,in time\n", **keys, lookback="1d")
    assert project.sql("SELECT v FROM t WHERE id = 1") == [("in time",)]
    assert project.etl("watermark", "load").stdout == "2024-01-05T00:00:00\n"
    said = project.load("id,at,v\n4,,x\n", **keys, status=1).stderr
    assert "line 2, column 'at': no value, and it is the watermark_column" in said
    project.etl("watermark", "load", "--set", "2024-02-01T00:00:00")
    project.load("id,at,v\n5,2024-01-20T00:00:00,x\n6,2024-02-02T00:00:00,y\n", **keys)
    assert project.sql("SELECT id FROM t WHERE id > 4") == [(6,)]
    project.etl("watermark", "load", "--clear")
    project.load("id,at,v\n5,2024-01-20T00:00:00,x\n", **keys)
    assert project.sql("SELECT count(*) FROM t WHERE id = 5") == [(1,)]


def test_a_full_load_of_an_incremental_job(project):
    keys = dict(load_mode="incremental", watermark_column="n")
    project.load("n\n1\n2\n", **keys)
    project.load("n\n1\n2\n3\n", **keys)
    assert project.sql("SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,)]
    project.csv("t", "n\n2\n3\n")
    project.etl("worker", "--job", "load", "--full")  # without keys it replaces
    assert project.sql("SELECT n FROM t ORDER BY n") == [(2,), (3,)]
    assert project.etl("watermark", "load").stdout == "3\n"


def test_two_loads_from_one_watermark_do_not_both_publish(project):
    keys = dict(load_mode="incremental", watermark_column="n")
    project.load("n\n1\n", **keys)
    project.csv("t", "n\n1\n" + "".join(f"{i}\n" for i in range(2, 400000)))
    worker = project.start("worker", "--job", "load", stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(".etl-stage-" in n for n in project.leftovers()) or worker.poll() is not None,
             "a staging file")
    project.etl("watermark", "load", "--set", "7")
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 1 and "the watermark has moved to '7'" in said
    assert project.sql("SELECT n FROM t") == [(1,)]


def test_jobs_for_a_whole_schema(project):
    project.write("etl.ini", (project.path / "etl.ini").read_text() +
                  "[connection crm]\ndriver = sqlite\npath = crm.db\n")
    project.sql('CREATE TABLE member (id INTEGER PRIMARY KEY, name TEXT, created_at TEXT, updated_at TEXT)', "crm.db")
    project.sql('CREATE TABLE "order line" (no TEXT, "pos no" INTEGER, PRIMARY KEY ("pos no", no))', "crm.db")
    project.sql("CREATE TABLE log (line TEXT)", "crm.db")
    project.csv("a", "id\n1\n")
    said = project.etl("job", "import", "--from", "crm", "--to", "warehouse").stdout
    assert "[defaults]\nsource = crm\ntarget = warehouse\nload_mode = replace\n" in said
    assert '[job crm_order line]\nsource_table = order line\ntarget_table = order line\n' \
           'key_columns = "pos no", no\n' in said
    assert "candidates: updated_at, created_at" in said and "; watermark_column = updated_at" in said
    project.write("crm.ini", said)
    project.etl("init")
    assert len(project.etl("apply", "crm.ini").stdout.splitlines()) == 3
    listed = json.loads(project.etl("job", "import", "--from", "raw", "--json").stdout)
    assert [t["table"] for t in listed] == ["a"]
    assert "no table like 'x*'" in project.etl("job", "import", "--from", "crm", "--tables", "x*",
                                               status=7).stderr
