"""Tables of unusual shape through every load mode, out of both sources and into both targets: odd names,
as many columns as there can be, none, no rows, names that stand twice."""

import csv
import sqlite3
from contextlib import closing

import pytest
from project import CONFIG

ENDS = CONFIG + """\
[connection src]
driver = sqlite
path = src.db
[connection out]
driver = csv
path = out/
"""

TABLE = 'a "table" [of] it\'s own 😀'
NAMES = ["id", 'a "quoted" name', "[brackets]", "it's", "two  words ", "grün 🚲", "select", "a,b",
         "a;b", "%s", "@id", "?1", ":x", "ROWID x", "a\\b", "ünïcödé"]
MODES = ["append", "truncate", "replace", "merge", "incremental"]
MOST = 2000  # columns of an SQLite table


@pytest.fixture
def ends(project):
    project.write("etl.ini", ENDS)
    (project.path / "out").mkdir()
    return project


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def fill(project, table, names, rows, database="src.db"):
    with closing(sqlite3.connect(project.path / database)) as db, db:
        columns = ", ".join(quoted(n) + " INTEGER" for n in names)
        db.execute(f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({columns})")
        db.executemany(f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(names))})", rows)


def write_csv(project, table, names, rows):
    with open(project.path / f"data/{table}.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([names, *rows])


def provide(project, source, table, names, rows):
    if source == "src":
        project.sql(f"DROP TABLE IF EXISTS {quoted(table)}", "src.db")
        fill(project, table, names, rows)
    else:
        write_csv(project, table, names, rows)


def mode_keys(mode, key, watermark):
    keys = {"load_mode": mode}
    if mode == "merge":
        keys.update(key_columns=quoted(key), delete_missing="yes")
    if mode == "incremental":
        keys.update(key_columns=quoted(key), watermark_column=watermark)
    return keys


def load(project, source, table, status=0, **keys):
    number = project.job("load", source=source, source_table=table, target_table=table, **keys)
    return project.etl("worker", "--job", number, status=status)


def rows_of(project, table):
    with closing(sqlite3.connect(project.path / "warehouse.db")) as db:
        cursor = db.execute(f"SELECT * FROM {quoted(table)} ORDER BY 1")
        return [c[0] for c in cursor.description], cursor.fetchall()


def check_modes(project, source, mode, table, names):
    """Twice: into the table that is made, and into the one that is there."""
    width = len(names)
    first = [(row, *range(row, row + width - 1)) for row in (1, 2, 3)]
    provide(project, source, table, names, first)
    keys = mode_keys(mode, names[0], names[0])
    load(project, source, table, **keys, verify="digest")
    assert rows_of(project, table) == (names, first)
    second = [(row, *range(row + 7, row + width + 6)) for row in (3, 4)]
    provide(project, source, table, names, second)
    load(project, source, table, **keys, verify="digest")
    expected = {"append": first + second, "truncate": second, "replace": second, "merge": second,
                "incremental": first + second[1:]}
    assert sorted(rows_of(project, table)[1]) == sorted(expected[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["raw", "src"])
def test_names_in_every_mode(ends, source, mode):
    check_modes(ends, source, mode, TABLE, NAMES)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["raw", "src"])
def test_as_many_columns_as_there_can_be(ends, source, mode):
    check_modes(ends, source, mode, "wide", [f"column {i}" for i in range(MOST)])


@pytest.mark.parametrize("source", ["raw", "src"])
def test_a_column_more_than_there_can_be(ends, source):
    names = [f"c{i}" for i in range(MOST + 1)]
    if source == "raw":
        write_csv(ends, "t", names, [range(MOST + 1)])
        said = load(ends, "raw", "t", status=1).stderr
    else:
        fill(ends, "half", names[:MOST], [])
        number = ends.job("load", source="src", target_table="t", source_table=None,
                          source_query=f"SELECT *, 1 AS c{MOST} FROM half")
        said = ends.etl("worker", "--job", number, status=1).stderr
    assert "too many columns" in said, said
    assert not ends.has_table("t") and ends.leftovers() == []


@pytest.mark.parametrize("names", [NAMES, [f"column {i}" for i in range(MOST)]], ids=["odd", "wide"])
@pytest.mark.parametrize("source", ["raw", "src"])
def test_out_as_a_file(ends, source, names):
    rows = [tuple(range(row, row + len(names))) for row in range(3)]
    provide(ends, source, "t", names, rows)
    load(ends, source, "t", target="out", verify="digest")
    with open(ends.path / "out/t.csv", newline="", encoding="utf-8") as f:
        assert list(csv.reader(f)) == [names, *([str(v) for v in row] for row in rows)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["raw", "src"])
def test_no_rows_in_every_mode(ends, source, mode):
    """They make the table. Where rows go, none at all is not believed."""
    provide(ends, source, "t", ["id", "n"], [])
    keys = mode_keys(mode, "id", "id")
    if source == "raw":
        keys["columns"] = "id bigint, n bigint"
    load(ends, source, "t", **keys, verify="digest")
    assert rows_of(ends, "t") == (["id", "n"], [])
    ends.sql("INSERT INTO t VALUES (1, 2)")
    refused = mode in ("truncate", "replace", "merge")
    said = load(ends, source, "t", status=int(refused), **keys).stderr
    assert ("min_rows" in said) == refused
    assert rows_of(ends, "t")[1] == [(1, 2)]


@pytest.mark.parametrize("source", ["raw", "src"])
def test_no_rows_out_as_a_file(ends, source):
    provide(ends, source, "t", ["id", "n"], [])
    load(ends, source, "t", target="out", verify="digest")
    assert (ends.path / "out/t.csv").read_bytes() == b"id,n\r\n"


@pytest.mark.parametrize("source", ["raw", "src"])
def test_no_column_of_the_target_among_the_sources(ends, source):
    """Ignored columns are all that there are: rows of nothing are no rows."""
    ends.sql("CREATE TABLE t (other INTEGER)")
    provide(ends, source, "t", ["id", "n"], [(1, 2)])
    said = load(ends, source, "t", status=1, load_mode="append", schema_change="ignore").stderr
    assert "no column" in said, said
    assert rows_of(ends, "t")[1] == []


def test_a_file_without_columns(ends):
    for content in (b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"\n\n\n"):
        ends.write("data/t.csv", content)
        said = load(ends, "raw", "t", status=1).stderr
        assert "t.csv: " in said, (content, said)
    assert not ends.has_table("t")


@pytest.mark.parametrize("target", ["warehouse", "out"])
@pytest.mark.parametrize("source", ["raw", "src"])
@pytest.mark.parametrize("renames", ["a b", "a b, b a, c A", 'a "B"'])
def test_a_map_that_makes_two_of_one(ends, target, source, renames):
    provide(ends, source, "t", ["a", "b", "c"], [(1, 2, 3)])
    said = load(ends, source, "t", status=1, column_map=renames, target=target).stderr
    assert "column_map" in said and "two columns" in said, said
    assert not ends.has_table("t") and not (ends.path / "out/t.csv").exists()


def test_a_name_twice_in_what_is_read(ends):
    ends.write("data/t.csv", "a,b,A\n1,2,3\n")
    assert "t.csv: line 1, column 5" in load(ends, "raw", "t", status=1, target="out").stderr
    fill(ends, "other", ["a"], [])
    number = ends.job("load", source="src", target="out", source_table=None, source_query="SELECT 1 a, 2 A")
    assert "two columns" in ends.etl("worker", "--job", number, status=1).stderr
    assert not (ends.path / "out/t.csv").exists()


def test_a_map_may_change_names_over(ends):
    provide(ends, "raw", "t", ["a", "b"], [(1, 2)])
    load(ends, "raw", "t", column_map="a b, b a")
    assert rows_of(ends, "t") == (["b", "a"], [(1, 2)])
