"""CSV by the real binary: every way of writing a file that there is an option for."""

import csv
import gzip
import io
import signal
import subprocess
import time

import pytest
from project import CONFIG, DATA
from servers import wait_for


def test_quote_escape_and_null_text(project):
    project.load('id|name\n1|\'O\\\'Brien|x\'\n2|\\N\n3|a\\|b\\\\\n', delimiter="|", quote="'",
                 escape="\\", null="\\N")
    assert project.sql("SELECT * FROM t") == [(1, "O'Brien|x"), (2, None), (3, "a|b\\")]


def test_no_quotes_at_all(project):
    project.load('id\tname\n1\t"x\n2\ty"\n', delimiter="tab", quote="none")
    assert project.sql("SELECT * FROM t") == [(1, '"x'), (2, 'y"')]


def test_columns_by_position(project):
    project.load("1,x,2.5\n2,,7\n", header="no")
    assert project.sql("SELECT column1, column2, column3 FROM t") == [(1, "x", 2.5), (2, None, 7.0)]
    project.load("1,x,2.5\n2,,7\n", header="no", target_table="named",
                 columns="id int not null, name varchar(max), price decimal(18,2)")
    assert project.sql("SELECT id, name, price FROM named") == [(1, "x", "2.50"), (2, None, "7.00")]
    done = project.load("1,x\n", header="no", columns="id int", target_table="u", status=1)
    assert "t.csv: line 1, column 3: 2 fields, 'columns' has 1" in done.stderr


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(project, end):
    project.load(end.join(["id,name", '1,"a\r\nb"', "2,c", ""]).encode())
    assert project.sql("SELECT * FROM t") == [(1, "a\r\nb"), (2, "c")]


@pytest.mark.parametrize("keys, message", [
    ({"quote": "''"}, "jobs.ini:6: 'quote': '''' is not one ASCII character"),
    ({"escape": "none"}, "'escape': 'none' is not one ASCII character ('tab', 'semicolon' and "
                         "'space' have names) or 'doubled'"),
    ({"header": "maybe"}, "'header': 'maybe' is not one of yes, no"),
])
def test_options_that_are_refused_when_they_are_read(project, keys, message):
    project.etl("init")
    section = {"source": "raw", "source_table": "t", "target": "warehouse", "target_table": "t",
               **keys}
    project.write("jobs.ini", "[job load]\n" + "".join(f"{k} = {v}\n" for k, v in section.items()))
    assert message in project.etl(
        "apply", "jobs.ini", status=3).stderr


def test_a_delimiter_that_is_the_quote(project):
    done = project.load("a\n", delimiter='"', status=1)
    assert "delimiter and quote are both" in done.stderr


# --- compressed files -----------------------------------------------------------

ROWS = "id,name\n" + "".join(f"{i},name {i}\n" for i in range(50000))


def run(*argv, data=None):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


def packed(how, text):
    """By other programs: ours only reads it."""
    data = text.encode()
    if how == "gzip":
        return run("gzip", "-c", data=data)
    if how == "python":
        return gzip.compress(data, 9)
    if how == "members":
        return run("gzip", "-1", data=data[:1000]) + run("gzip", data=data[1000:])
    if how == "zstd":
        return run("zstd", "-q", "-c", data=data)
    if how == "zstd -19":
        return run("zstd", "-q", "-19", "-c", data=data)
    return run("zstd", "-q", data=data[:1000]) + run("zstd", "-q", data=data[1000:])


@pytest.mark.parametrize("how", ["gzip", "python", "members", "zstd", "zstd -19", "frames"])
def test_compressed_files(project, how):
    suffix = ".zst" if how[0] in "zf" else ".gz"
    project.write(f"data/t.csv{suffix}", packed(how, ROWS))
    done = project.etl("worker", "--job", project.job())
    assert project.sql("SELECT count(*), sum(id), max(length(name)) FROM t") == [
        (50000, 49999 * 25000, 10)]
    size = (project.path / f"data/t.csv{suffix}").stat().st_size
    assert project.sql("SELECT bytes_read FROM etl_run", "control.db") == [(size,)]
    assert '"level":"error"' not in done.stderr


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_broken_archives_name_the_file(project, how):
    suffix = ".zst" if how == "zstd" else ".gz"
    data = packed(how, ROWS)
    name = f"t.csv{suffix}"
    number = project.job()
    for broken, message in [
            (data[:-3], f"the {how} data is cut short"),
            (data[:len(data) // 2], f"the {how} data is cut short"),
            (data + b"more", f"what follows the {how} data is no {how} data"),
            (data[:len(data) // 2] + b"\xff" * 50 + data[len(data) // 2 + 50:], None),
            (b"id,name\n1,2\n", f"{how}: "),
            (b"", f"the {how} data is cut short")]:
        project.write(f"data/{name}", broken)
        done = project.etl("worker", "--job", number, status=1)
        assert (f"{name}': {message}" if message else name) in done.stderr
        assert project.run_row()[:2] == ("failed", "bad_data")
    assert not project.has_table("t")


def test_a_table_that_is_there_twice(project):
    project.csv("t", "a\n1\n")
    project.write("data/t.csv.gz", packed("gzip", "a\n2\n"))
    number = project.job()
    done = project.etl("worker", "--job", number, status=1)
    assert "table 't' is 't.csv' or 't.csv.gz': say which" in done.stderr
    project.etl("worker", "--job", project.job(source_table="t.csv.gz"))
    assert project.sql("SELECT a FROM t") == [(2,)]


# --- encodings --------------------------------------------------------------------

@pytest.mark.parametrize("encoding, codec, text", [
    ("utf-8", "utf-8", "grün 🚲"),
    ("utf-8", "utf-8-sig", "grün 🚲"),
    ("utf-16", "utf-16", "grün 🚲"),
    ("utf-16", "utf-16-le", "grün 🚲"),
    ("utf-16be", "utf-16-be", "grün 🚲"),
    ("iso-8859-1", "latin-1", "grün ÿ"),
    ("windows-1252", "cp1252", "grün „€“ ‰"),
])
def test_encodings(project, encoding, codec, text):
    project.load(f'"id",näme\r\n1,"{text}"\r\n'.encode(codec), encoding=encoding)
    assert project.sql('SELECT id, "näme" FROM t') == [(1, text)]


def test_another_encoding_than_said(project):
    done = project.load("a\nü\n".encode("latin-1"), status=1)
    assert "t.csv: line 2, column 1: byte 0xfc is not valid UTF-8" in done.stderr
    assert "encoding = windows-1252" in done.stderr


# --- patterns ----------------------------------------------------------------------

def test_many_files_by_pattern(project):
    project.csv("sales-2024-10", "id,price\n3,1.5\n")
    project.csv("sales-2024-02", "id,price\n1,1\n2,\n")
    project.write("data/sales-2024-11.csv.gz", packed("gzip", "id,price\n4,x\n"))
    project.csv("sales-2023-01", "other\n4\n")
    project.etl("worker", "--job", project.job(source_table="sales-2024-*", file_column="file"))
    assert project.sql("SELECT id, price, file FROM t ORDER BY rowid") == [
        (1, "1", "sales-2024-02.csv"), (2, None, "sales-2024-02.csv"),
        (3, "1.5", "sales-2024-10.csv"), (4, "x", "sales-2024-11.csv.gz")]
    done = project.etl("worker", "--job", project.job(source_table="sales-*"), status=1)
    assert ("sales-2024-02.csv: line 1, column 4: 2 fields, the header has 1" in done.stderr)
    done = project.etl("worker", "--job", project.job(source_table="purchases-*"), status=1)
    assert "matches 'purchases-*'" in done.stderr


# --- standard input ------------------------------------------------------------------

STDIN = """
[connection stdin]
driver = csv
path = -
"""


def test_standard_input(project):
    project.write("etl.ini", CONFIG + STDIN)
    number = project.job(source="stdin", source_table="whatever")
    project.etl("worker", "--job", number, stdin=ROWS)
    assert project.sql("SELECT count(*), sum(id) FROM t") == [(50000, 49999 * 25000)]
    assert project.sql("SELECT type FROM pragma_table_info('t')") == [("INTEGER",), ("TEXT",)]
    done = project.etl("worker", "--job", number, stdin=ROWS + "00501,x\n", status=1)
    assert "standard input: line 50002, column 'id': " in done.stderr
    assert "is no bigint, as the first" in done.stderr
    assert "columns = id varchar(max)" in done.stderr
    assert project.sql("SELECT count(*) FROM t") == [(50000,)]
    project.etl("worker", "--job", project.job(
        source="stdin", source_table="x", columns="id varchar(max)"), stdin=ROWS + "00501,x\n")
    assert project.sql("SELECT count(*), max(rowid) FROM t WHERE name = 'x'") == [(1, 50001)]


def test_a_controllers_worker_has_no_standard_input(project):
    project.write("etl.ini", CONFIG + STDIN)
    project.job(source="stdin", source_table="x")
    project.etl("run", "load")
    project.etl("controller", "--until-idle", status=1)
    message = project.sql("SELECT error_message FROM etl_run", "control.db")[0][0]
    assert "standard input is /dev/null" in message


def test_standard_input_can_be_interrupted(project):
    project.write("etl.ini", CONFIG + STDIN)
    number = project.job(source="stdin", source_table="x")
    process = project.start("worker", "--job", number, stdin=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    process.stdin.write(b"a\n1\n")
    process.stdin.flush()
    wait_for(lambda: project.sql("SELECT count(*) FROM etl_run WHERE state = 'running'",
                                 "control.db") == [(1,)], "the run to begin")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 8
    process.stdin.close()
    assert not project.has_table("t")


# --- CSV out -----------------------------------------------------------------------------

OUT = """
[connection out]
driver = csv
path = out/
"""


def out_job(project, name="out", **keys):
    project.write("etl.ini", CONFIG + OUT)
    (project.path / "out").mkdir(exist_ok=True)
    return project.job(name, **{"target": "out", "target_table": "t", **keys})


def outs(project):
    return sorted(f.name for f in (project.path / "out").iterdir())


@pytest.mark.parametrize("name", ["airlines", "airports", "planes", "weather"])
def test_out_and_back_is_the_same(project, name):
    """As text every field of the file is what it was, through every way of writing it."""
    data = (DATA / f"{name}.csv").read_bytes()
    project.csv(name, data)
    header = data.split(b"\n", 1)[0].decode()
    columns = ", ".join(f"{c} varchar(max)" for c in header.split(","))
    keys = {"source_table": name, "null": "NA", "columns": columns, "verify": "digest"}
    project.etl("worker", "--job", out_job(project, "plain", line_end="lf", **keys))
    assert (project.path / "out/t.csv").read_bytes() == data


@pytest.mark.parametrize("keys", [
    {"target_table": "t.csv.gz"}, {"target_table": "t.csv.zst"}, {"encoding": "utf-16"},
    {"encoding": "utf-8-bom", "delimiter": "tab"}, {"quote": "'", "escape": "\\"},
    {"header": "no", "null": "\\N"}])
def test_out_and_back_in(project, keys):
    rows = [(1, "plain", None), (2, "", "a, b"), (3, 'say "hi"', "it's"), (4, "two\r\nlines", "\\"),
            (5, "\\N", "grün 🚲"), (6, "tab\there", "NA"), (7, None, "x")]
    project.sql("CREATE TABLE src (id INTEGER, a TEXT, b TEXT)", "warehouse.db")
    for row in rows:
        project.sql("INSERT INTO src VALUES " + "(%s)" % ", ".join(
            "NULL" if v is None else repr(v) if isinstance(v, int) else
            "'" + v.replace("'", "''") + "'" for v in row))
    project.etl("worker", "--job", out_job(
        project, source="warehouse", source_table="src", **keys))
    back = {k: v for k, v in keys.items() if k != "target_table"}
    project.etl("worker", "--job", project.job(
        "back", source="out", source_table="t", target_table="again",
        columns="id int, a varchar(max), b varchar(max)", **back)
        if keys.get("header") == "no" else project.job(
            "back", source="out", source_table="t", target_table="again", **back))
    assert project.sql("SELECT * FROM again ORDER BY 1") == rows
    assert outs(project) == sorted([".etl_ledger.db", keys.get("target_table", "t.csv")])


def test_python_reads_what_is_written(project):
    project.csv("t", 'id,a\n1,"x, ""y"""\n2,"l\r\n2"\n3,\n')
    project.etl("worker", "--job", out_job(project))
    with open(project.path / "out/t.csv", newline="", encoding="utf-8") as f:
        text = f.read()
    assert text == 'id,a\r\n1,"x, ""y"""\r\n2,"l\r\n2"\r\n3,\r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["id", "a"], ["1", 'x, "y"'], ["2", "l\r\n2"], ["3", ""]]


def test_other_load_modes_are_refused(project):
    project.csv("t", "a\n1\n")
    done = project.etl("worker", "--job", out_job(project, load_mode="append"), status=1)
    assert "load_mode = append: a file can only be replaced as a whole" in done.stderr
    assert outs(project) == []


def test_a_failed_load_leaves_the_file(project):
    project.csv("t", "a,b\n1,2\n")
    number = out_job(project)
    project.etl("worker", "--job", number)
    before = (project.path / "out/t.csv").read_bytes()
    project.csv("t", "a,b\n" + "3,4\n" * 100000 + "5\n")
    assert "line 100002" in project.etl("worker", "--job", number, status=1).stderr
    project.csv("t", "a,b\n")
    assert "min_rows" in project.etl("worker", "--job", number, status=1).stderr
    assert (project.path / "out/t.csv").read_bytes() == before
    assert outs(project) == [".etl_ledger.db", "t.csv"]
    assert project.sql("SELECT state FROM etl_load_ledger ORDER BY opened_at", "out/.etl_ledger.db") == [
        ("published",), ("revoked",), ("revoked",)]


def test_a_character_that_the_encoding_lacks(project):
    project.csv("t", "id,a\n1,ä\n2,€\n")
    done = project.etl("worker", "--job", out_job(project, columns="id int", encoding="utf-8"))
    project.write("etl.ini", CONFIG + OUT.replace("path", "encoding = iso-8859-1\npath"))
    done = project.etl("worker", "--job", project.job(
        "latin", target="out", target_table="latin"), status=1)
    assert "row 2: column 'a': a character that the encoding 'iso-8859-1' lacks: U+20AC" in done.stderr
    assert outs(project) == [".etl_ledger.db", "t.csv"]


def peak_kib(process):
    """VmHWM just before it ends; rusage would count what Python was before the exec."""
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
                peak = max([peak] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
        except ProcessLookupError:
            pass
        time.sleep(0.005)
    return peak


@pytest.mark.memory
def test_memory_does_not_grow_with_the_rows(project):
    project.csv("small", "a,b,c,d\n" + "12345,some text of a row,2.5,another text\n" * 40000)
    project.csv("t", "a,b,c,d\n" + "12345,some text of a row,2.5,another text\n" * 1600000)
    peaks = {}
    for table in ("small", "t"):
        process = project.start("worker", "--job", out_job(project, table, source_table=table),
                                stderr=subprocess.DEVNULL)
        peaks[table] = peak_kib(process)
        assert process.returncode == 0
    assert 0 < peaks["t"] < 32 * 1024, peaks
    assert peaks["t"] < peaks["small"] + 2048, peaks
