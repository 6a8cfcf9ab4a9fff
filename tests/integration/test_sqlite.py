"""SQLite as a source: what arrives is what Python's sqlite3 reads in the source."""

import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from project import CONFIG

SOURCE = CONFIG + """\
[connection src]
driver = sqlite
path = src.db
"""


@pytest.fixture
def src(project):
    project.write("etl.ini", SOURCE)
    return project


def script(project, text, database="src.db"):
    with closing(sqlite3.connect(project.path / database)) as db:
        db.executescript(text)
        db.commit()


def copy(project, status=0, name="load", **keys):
    if "source_query" in keys:
        keys["source_table"] = None
    keys = {"source": "src", **keys}
    return project.etl("worker", "--job", define(project, name, **keys), status=status)


def define(project, name, **keys):
    """As Project.job, but a key that is None is left out."""
    if not (project.path / "control.db").exists():
        project.etl("init")
    section = {"source_table": "t", "target": "warehouse", "target_table": "t",
               "load_mode": "replace", **keys}
    project.write(f"{name}.ini", f"[job {name}]\n" + "".join(
        f"{k} = {v}\n" for k, v in section.items() if v is not None))
    return int(project.etl("apply", f"{name}.ini").stdout.split()[1])


def exact(project, table, database):
    """Each value with its storage class, text as its bytes; rows in order."""
    with closing(sqlite3.connect(project.path / database)) as db:
        names = [c[0] for c in db.execute(f"SELECT * FROM {table} LIMIT 0").description]
        columns = ", ".join(
            f"typeof({c}), CASE typeof({c}) WHEN 'text' THEN hex({c}) ELSE {c} END"
            for c in ('"' + n.replace('"', '""') + '"' for n in names))
        return names, sorted(db.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)


def check_same(project, source="t", target="t"):
    left, right = exact(project, source, "src.db"), exact(project, target, "warehouse.db")
    assert left[0] == right[0]
    assert left[1] == right[1]
    assert left[1]


MIXED = """\
CREATE TABLE t (
  id INTEGER PRIMARY KEY, i INTEGER, r REAL, n NUMERIC, d DECIMAL(10,2), s VARCHAR(30), b BLOB, x,
  f FLOAT, at DATETIME, ok BOOLEAN, "odd ""name"" 😀" TEXT, g INT AS (i * 2) STORED);
INSERT INTO t (id, i, r, n, d, s, b, x, f, at, ok) VALUES
  (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
  (2, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5),
  (3, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', '2024-02-29T12:00:00Z', 'true'),
  (4, x'', x'00', x'ff00', x'', x'41', x'', x'0a', x'00', x'', x''),
  (5, '12', '12', '12', '12.50', '12', '12', '12', '12', '12', '12'),
  (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (7, 9223372036854775807, 9223372036854775807, 9223372036854775807, 99999999.99, '', '', 1e300,
   9e999, 'now', 0),
  (8, -9223372036854775808, -0.0, 1e15, 123456789012345678, CAST(x'ff410042' AS TEXT), x'deadbeef',
   0.1, 1e-300, '', 1),
  (9223372036854775807, 12345678901234567890, '0x10', '1e5', '1e400', '😀 ä', zeroblob(1000), -1,
   3, 1721900000, '01');
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_table_arrives_as_it_is(src, mode):
    script(src, f"PRAGMA journal_mode = {mode};" + MIXED)
    copy(src)
    check_same(src)
    types = "SELECT name, type FROM pragma_table_xinfo('t')"
    assert src.sql(types) == src.sql(types, "src.db")
    copy(src)  # and into the table that there is now
    check_same(src)


def test_a_table_without_rowid(src):
    script(src, "CREATE TABLE t (k TEXT, n INT, v, PRIMARY KEY (k, n)) WITHOUT ROWID;"
                "INSERT INTO t VALUES ('a', 1, 1.5), ('a', 2, x'00'), ('b', 1, NULL)")
    copy(src)
    check_same(src)


def test_a_strict_table(src):
    script(src, "CREATE TABLE t (a ANY, i INT, r REAL, s TEXT, b BLOB) STRICT;"
                "INSERT INTO t VALUES ('12', 1, 1, '1', x'01'), (12, 2, 2.5, 'x', x''),"
                " (1.0, NULL, NULL, NULL, NULL)")
    copy(src)
    check_same(src)


def test_a_view_and_a_query_keep_the_classes(src):
    script(src, "CREATE TABLE a (x INTEGER, y TEXT); INSERT INTO a VALUES (1, 'one'), ('z', '1');"
                "CREATE TABLE b (x TEXT, y INTEGER); INSERT INTO b VALUES (1, 1), ('2', 'two');"
                "CREATE VIEW t AS SELECT x, y FROM a UNION ALL SELECT x, y FROM b")
    copy(src)
    check_same(src)
    copy(src, name="query", source_query="SELECT x AS v, typeof(x) AS c FROM t -- all of it",
         target_table="q")
    assert src.sql("SELECT count(*) FROM q WHERE typeof(v) = c") == [(4,)]


def test_names_of_tables_and_columns(src):
    script(src, 'CREATE TABLE "my [odd] ""table"" 😀" ("a b" INT, "[c]" TEXT, "select" REAL);'
                'INSERT INTO "my [odd] ""table"" 😀" VALUES (1, 2, 3)')
    copy(src, source_table='my [odd] "table" 😀', target_table='its "copy"')
    assert src.sql('SELECT "a b", "[c]", "select" FROM "its ""copy"""') == [(1, "2", 3.0)]


def test_large_values(src):
    script(src, "CREATE TABLE t (a INTEGER, b BLOB, c TEXT);"
                "INSERT INTO t VALUES (1, randomblob(20000000), 'x'),"
                " (2, x'00', hex(zeroblob(3000000))), (3, NULL, NULL)")
    copy(src)
    check_same(src)


def test_an_empty_table(src):
    script(src, "CREATE TABLE t (a INTEGER NOT NULL, b TEXT)")
    copy(src)
    assert src.sql("SELECT sql FROM sqlite_master WHERE name = 't'") == [
        ('CREATE TABLE "t" ("a" INTEGER NOT NULL, "b" TEXT)',)]
    assert src.sql("SELECT count(*) FROM t") == [(0,)]


def test_two_thousand_columns(src):
    columns = [f"c{i}" for i in range(2000)]
    script(src, f"CREATE TABLE t ({', '.join(columns)});"
                f"INSERT INTO t VALUES ({', '.join(str(i) for i in range(2000))})")
    copy(src)
    assert src.sql("SELECT * FROM t") == [tuple(range(2000))]


def test_within_one_database(src):
    """A rollback journal lets nobody publish while somebody reads: all is read by then."""
    script(src, "CREATE TABLE s (a); INSERT INTO s VALUES (1), (2)", "warehouse.db")
    copy(src, source="warehouse", source_table="s")
    assert src.sql("SELECT a FROM t") == [(1,), (2,)]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_one_state_is_read_while_others_write(src, mode):
    """Each transaction of the writer keeps the sum of two accounts; rows move between them."""
    script(src, f"PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, pad);"
                "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 300000)"
                " INSERT INTO t SELECT i, 10, 'padding of some length' FROM i")
    number = define(src, "load", source="src")
    writer = sqlite3.connect(src.path / "src.db", isolation_level=None, timeout=60)
    writes = 0
    with closing(writer):
        worker = src.start("worker", "--job", str(number), stderr=subprocess.PIPE, text=True)
        while worker.poll() is None:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE t SET n = n - 1 WHERE id = 1")
            writer.execute("UPDATE t SET n = n + 1 WHERE id = 300000")
            writer.execute("COMMIT")
            writes += 1
            time.sleep(0.001)
        assert worker.returncode == 0, worker.stderr.read()
    assert writes > 2
    assert src.sql("SELECT count(*), sum(n) FROM t") == [(300000, 3000000)]


def test_errors_name_the_remedy(src):
    assert "there is no database" in copy(src, status=1).stderr
    script(src, "CREATE TABLE planes (a)")
    done = copy(src, status=1, source_table="plains")
    assert "there is no table or view 'plains'" in done.stderr
    assert "did you mean 'planes'?" in done.stderr
    done = copy(src, status=1, name="bad", source_query="DELETE FROM planes")
    assert "more than SELECT" in done.stderr
    done = copy(src, status=1, name="bad", source_query="SELECT 1 AS a, 2 AS A")
    assert "two columns 'A'" in done.stderr
    src.write("src.db", "no database, but a text that is a good deal longer than the header of one, "
                        "which has a hundred bytes and begins with other words\n")
    assert "not an SQLite database" in copy(src, status=1, source_table="t").stderr


# --- types ---

def test_values_must_fit_when_the_job_says_so(src):
    script(src, "CREATE TABLE t (id INTEGER, n DECIMAL(5,2), at DATE, b BLOB);"
                "INSERT INTO t VALUES (1, 2.1, '2024-02-29', x'00'), (2, 0.1 + 0.2, NULL, NULL)")
    copy(src, status=1, mixed_types="fail")
    assert "row 2, column 'n': the value has more digits behind the point than decimal(5,2)" in copy(
        src, status=1, mixed_types="fail").stderr
    copy(src, mixed_types="fail", on_reject="keep", columns="at date")
    assert src.sql("SELECT id, n, at, b FROM t") == [(1, 2.1, "2024-02-29", b"\0")]
    assert src.sql("SELECT row_no, column_name FROM etl_load_reject") == [(2, "n")]
    script(src, "UPDATE t SET n = NULL; UPDATE t SET at = 5 WHERE id = 2")
    done = copy(src, status=1, mixed_types="fail", reject_values="all")
    assert "row 2, column 'at': the integer '5' in a column of varchar(max)" in done.stderr
    copy(src, target_table="u")  # each as it is
    assert src.sql("SELECT at FROM u WHERE id = 2") == [(5,)]


# --- increments ---

def test_increments_follow_the_watermark(src):
    script(src, "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT NOT NULL, v);"
                "INSERT INTO t VALUES (1, '2024-01-01T00:00:00Z', 'a'), (2, '2024-01-02T00:00:00Z', 'b')")
    keys = {"load_mode": "incremental", "watermark_column": "at", "key_columns": "id"}
    copy(src, **keys)
    assert src.etl("watermark", "load").stdout.strip() == "2024-01-02T00:00:00Z"
    script(src, "UPDATE t SET v = 'c', at = '2024-01-03T00:00:00Z' WHERE id = 1;"
                "UPDATE t SET v = 'not seen' WHERE id = 2; INSERT INTO t VALUES (3, '2024-01-02T12:00:00Z', 'd')")
    assert "published 2 rows" in copy(src, **keys).stderr
    assert src.sql("SELECT id, v FROM t ORDER BY id") == [(1, "c"), (2, "b"), (3, "d")]
    assert src.etl("watermark", "load").stdout.strip() == "2024-01-03T00:00:00Z"
    assert "published 0 rows" in copy(src, **keys).stderr
    copy(src, lookback="2d", **keys)
    assert src.sql("SELECT v FROM t WHERE id = 2") == [("not seen",)]
    script(src, "CREATE TABLE u AS SELECT * FROM t; UPDATE u SET at = NULL WHERE id = 2")
    done = copy(src, status=1, source_table="u", **keys)
    assert "1 row has no value in watermark_column 'at'" in done.stderr


def test_increments_of_numbers_are_exact(src):
    script(src, "CREATE TABLE t (n REAL); INSERT INTO t VALUES (0.1), (0.2), (0.30000000000000004)")
    keys = {"load_mode": "incremental", "watermark_column": "n"}
    copy(src, **keys)
    script(src, "INSERT INTO t VALUES (0.3), (0.3000000000000001), (9007199254740993)")
    copy(src, **keys)
    assert src.sql("SELECT n FROM t ORDER BY n") == [
        (0.1,), (0.2,), (0.30000000000000004,), (0.3000000000000001,), (9007199254740992.0,)]


# --- ranges ---

@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("column", ["id", "name", "mixed"])
def test_ranges_are_read_in_parallel(src, mode, column):
    script(src, f"PRAGMA journal_mode = {mode};"
                "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, mixed);"
                "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 50000)"
                " INSERT INTO t SELECT i, 'name ' || (i * 7919 % 50000), CASE i % 4 WHEN 0 THEN i WHEN 1"
                " THEN NULL WHEN 2 THEN i / 3.0 ELSE 't' || i END FROM i")
    copy(src, partition_column=column, parallel=4)
    check_same(src)


def test_ranges_see_one_state_while_others_write(src):
    script(src, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);"
                "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 300000)"
                " INSERT INTO t SELECT i, 10 FROM i")
    number = define(src, "load", source="src", partition_column="id", parallel=4)
    with closing(sqlite3.connect(src.path / "src.db", isolation_level=None, timeout=60)) as writer:
        writer.execute("PRAGMA synchronous = OFF")
        worker = src.start("worker", "--job", str(number), stderr=subprocess.PIPE, text=True)
        while worker.poll() is None:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE t SET n = n - 1 WHERE id = 1")
            writer.execute("UPDATE t SET n = n + 1 WHERE id = 300000")
            writer.execute("COMMIT")
        assert worker.returncode == 0, worker.stderr.read()
    assert src.sql("SELECT count(*), sum(n) FROM t") == [(300000, 3000000)]


# --- with what the target can do ---

def test_a_digest_of_mixed_values(src):
    script(src, MIXED)
    copy(src, verify="digest")
    check_same(src)
    copy(src, name="query", source_query="SELECT * FROM t", target_table="q", verify="digest")
    columns = "id, i, r, n, d, s, b, x, f, at, ok"
    assert src.sql(f"SELECT count(*) FROM (SELECT {columns} FROM q EXCEPT SELECT {columns} FROM t)") == [(0,)]


def test_rows_are_merged_by_key(src):
    script(src, MIXED)
    copy(src)
    script(src, "UPDATE t SET x = x'00', d = 'text' WHERE id = 2; DELETE FROM t WHERE id = 3;"
                "INSERT INTO t (id, x) VALUES (10, 'new')")
    copy(src, load_mode="merge", key_columns="id", delete_missing="yes", column_map=None)
    check_same(src)


def test_a_column_that_is_new_keeps_its_declaration(src):
    script(src, "CREATE TABLE t (id INTEGER, v NUMERIC); INSERT INTO t VALUES (1, 2.5)")
    copy(src)
    script(src, "ALTER TABLE t ADD COLUMN price DECIMAL(10,2); INSERT INTO t VALUES (2, 3, '4.50')")
    copy(src, schema_change="add_columns")
    check_same(src)
    assert ("price", "DECIMAL(10,2)") in src.sql("SELECT name, type FROM pragma_table_info('t')")
