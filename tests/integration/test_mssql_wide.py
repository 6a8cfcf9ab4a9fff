"""Tables and values at their limits: 1,024 columns, 2 GB, code pages, columns that cannot be written, and many rows.

The server is tests/tdsd, or one that is there (see test_mssql.py).
"""

import re
import subprocess
import time
from pathlib import Path

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member,unused-argument
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import dw, only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import ALL, Copies, copies, same  # noqa: F401 pylint: disable=unused-import

SCHEMAS = ("IF SCHEMA_ID(N'src') IS NULL EXEC (N'CREATE SCHEMA src')\n"
           "IF SCHEMA_ID(N'tgt') IS NULL EXEC (N'CREATE SCHEMA tgt')\n"
           "DROP TABLE IF EXISTS src.wide\nDROP TABLE IF EXISTS tgt.wide\n")
WIDE = {"source_table": "src.wide", "target_table": "tgt.wide", "load_mode": "replace", "create": "yes",
        "verify": "digest"}
CELLS = {"int": "7", "bigint": "-1", "varchar(5)": "'é'", "nvarchar(5)": "N'ü'", "decimal(9,2)": "1.25", "bit": "1",
         "date": "'2020-02-29'", "varbinary(3)": "0x00FF"}


def test_1024_columns(copies):
    """The most that a table has, all of them null in one of the rows."""
    types = [t for _ in range(128) for t in CELLS][:1023]
    names = [f"c{i}" for i in range(1023)]
    copies.run(SCHEMAS + "CREATE TABLE src.wide (id int NOT NULL PRIMARY KEY, "
               + ", ".join(f"{n} {t}" for n, t in zip(names, types)) + ")\n"
               + "INSERT INTO src.wide VALUES (1, " + ", ".join(CELLS[t] for t in types) + ")\n"
               + "INSERT INTO src.wide (id, c1022) VALUES (2, '2020-01-01')\nINSERT INTO src.wide (id) VALUES (3)")
    copies.copy(**WIDE)
    rows = same(copies, "src.wide", "tgt.wide")
    assert [len(r) for r in rows] == [1024] * 3 and rows[2][1:] == [""] * 1023
    copies.run("UPDATE src.wide SET c0 = 8, c1021 = 0 WHERE id = 3")
    copies.copy(**{**WIDE, "load_mode": "merge", "key_columns": "id"})
    assert same(copies, "src.wide", "tgt.wide")[2][1] == "8"


def test_columns_that_cannot_be_written(copies):
    """Computed ones and rowversions of the target are left to the server; an identity is kept, or made."""
    copies.run(SCHEMAS + "CREATE TABLE src.wide (id int NOT NULL PRIMARY KEY, v varchar(9), twice AS v + v, rv rowversion)\n"
               "INSERT INTO src.wide (id, v) VALUES (5, 'a'), (9, 'b')\n"
               "CREATE TABLE tgt.wide (id int IDENTITY(100, 1) NOT NULL PRIMARY KEY, v varchar(9), twice AS v + v, rv rowversion)")
    copies.copy(**{**WIDE, "load_mode": "append"})
    assert copies.rows("SELECT id, v, twice FROM tgt.wide ORDER BY id") == [["5", "a", "aa"], ["9", "b", "bb"]]
    assert copies.value("SELECT COUNT(*) FROM tgt.wide AS t JOIN src.wide AS s ON s.rv = t.rv") == "0"
    copies.copy(source_query="SELECT v FROM src.wide", target_table="tgt.wide", load_mode="append")
    made = copies.rows("SELECT id, v FROM tgt.wide WHERE id > 9 ORDER BY v")
    assert [r[1] for r in made] == ["a", "b"] and len({r[0] for r in made}) == 2
    copies.run("DROP TABLE tgt.wide")
    copies.copy(**WIDE)  # a table that is made has them as values
    assert copies.value("SELECT COUNT(*) FROM tgt.wide AS t JOIN src.wide AS s ON s.rv = t.rv AND s.twice = t.twice") == "2"


def test_sparse_columns(copies):
    copies.run(SCHEMAS + "CREATE TABLE src.wide (id int NOT NULL PRIMARY KEY, a int SPARSE NULL, b varchar(max) SPARSE NULL)\n"
               "INSERT INTO src.wide VALUES (1, NULL, NULL), (2, 7, 'x'), (3, NULL, '')\n"
               "CREATE TABLE tgt.wide (id int NOT NULL PRIMARY KEY, a int SPARSE NULL, b varchar(max) SPARSE NULL)")
    copies.copy(**WIDE)
    assert len(same(copies, "src.wide", "tgt.wide")) == 3
    assert copies.value("SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'tgt.wide') AND is_sparse = 1") == "2"
    assert copies.value("SELECT COUNT(*) FROM tgt.wide WHERE a IS NULL") == "2"


# --- code pages ---

PAGES = {"cp437": "SQL_Latin1_General_CP437_CI_AS", "cp850": "SQL_Latin1_General_CP850_CI_AS",
         "cp1250": "Czech_CI_AS", "cp1251": "Cyrillic_General_CI_AS", "cp1252": "Latin1_General_CI_AS",
         "cp1253": "Greek_CI_AS", "cp1254": "Turkish_CI_AS", "cp1255": "Hebrew_CI_AS", "cp1256": "Arabic_CI_AS",
         "cp1257": "Lithuanian_CI_AS", "cp1258": "Vietnamese_CI_AS"}


def letters(page):
    """All that it has above ASCII."""
    return [c for c in (bytes([b]).decode(page, "ignore") for b in range(0xA0, 0x100)) if c.isprintable() and c.strip()]


def texts_of(page):
    chars = letters(page) if page != "cp932" else list("日本語テスト漢字ｱｲｳ、。")
    assert len(chars) > 10, page
    return ["".join(chars[i:i + 8]) for i in range(0, len(chars), 8)]


@pytest.mark.parametrize("way", ["files", "lite"])
@pytest.mark.parametrize("page", [*PAGES, "cp932"])
def test_code_pages_there_and_back(copies, page, way):
    """Every character of a page, to a file and back into a column of the page."""
    collation, texts = PAGES.get(page, "Japanese_CI_AS"), texts_of(page)
    copies.run(SCHEMAS + f"CREATE TABLE src.wide (id int NOT NULL PRIMARY KEY, v varchar(40) COLLATE {collation})\n"
               + "".join(f"INSERT INTO src.wide VALUES ({i}, N'{t}')\n" for i, t in enumerate(texts))
               + "SELECT TOP 0 * INTO tgt.wide FROM src.wide")
    copies.copy(name="out", source_table="src.wide", target=way, target_table="wide", load_mode="replace", create="yes")
    if way == "files":
        found = [r[1] for r in copies.rows(ALL.format("src.wide"))]
    else:
        found = [v for v, in copies.project.sql("SELECT v FROM wide ORDER BY id", "lite.db")]
    assert found == texts
    copies.copy(name="back", source=way, source_table="wide", target_table="tgt.wide", load_mode="append", verify="digest")
    assert copies.value("SELECT COUNT(*) FROM src.wide AS s JOIN tgt.wide AS t ON t.id = s.id"
                        " AND t.v = s.v COLLATE Latin1_General_BIN2 AND DATALENGTH(t.v) = DATALENGTH(s.v)") == str(len(texts))
    wrong = "日" if page != "cp932" else "ж́"[1]
    copies.project.write("files/wrong.csv", f"id,v\n1,{wrong}\n")
    refused = copies.copy(name="wrong", source="files", source_table="wrong", target_table="tgt.wide", load_mode="append",
                          status=1)
    assert "column 'v'" in refused.stderr and "row 1" in refused.stderr


READ_ONLY = {"Chinese_PRC_CI_AS": "简体中文", "Korean_Wansung_CI_AS": "한국어", "Chinese_Taiwan_Stroke_CI_AS": "繁體中文",
             "Thai_CI_AS": "plain"}


@pytest.mark.parametrize("collation", READ_ONLY)
def test_code_pages_that_cannot_be_written(copies, collation):
    """What passes is not touched, and read where its page can be read; what would have to be converted into it
    is refused, with the reason."""
    text = READ_ONLY[collation]
    copies.run(SCHEMAS + f"CREATE TABLE src.wide (id int NOT NULL PRIMARY KEY, v varchar(40) COLLATE {collation})\n"
               f"INSERT INTO src.wide VALUES (1, N'{text}')\nSELECT TOP 0 * INTO tgt.wide FROM src.wide")
    copies.copy(**{**WIDE, "load_mode": "append"})
    assert copies.value("SELECT v FROM tgt.wide") == text
    out = {"name": "out", "source_table": "src.wide", "target": "lite", "target_table": "wide", "load_mode": "replace",
           "create": "yes"}
    if text == "plain":
        refused = copies.copy(status=1, **out)
        assert "column 'v'" in refused.stderr and "code page" in refused.stderr
    else:
        copies.copy(**out)
        assert copies.project.sql("SELECT v FROM wide", "lite.db") == [(text,)]
    copies.project.write("files/wide.csv", f"id,v\n2,{text}\n")
    back = {"name": "back", "source": "files", "source_table": "wide", "load_mode": "append"}
    refused = copies.copy(status=1, target_table="tgt.wide", **back)
    assert "column 'v'" in refused.stderr and "code page" in refused.stderr
    copies.run("DROP TABLE IF EXISTS tgt.nv")
    copies.copy(target_table="tgt.nv", create="yes", **back)
    assert copies.value("SELECT v FROM tgt.nv") == text


# --- much, with flat memory ---

FLAT = 64 << 10  # KiB


@pytest.fixture
def plain(project, tdsd, pki):
    """Not encrypted: what is to be seen is memory."""
    plain = Copies(project, tdsd(encrypt="none", database="DW"), pki)
    plain.options.update(encrypt="off", ca_file=None)
    plain.configure()
    return plain


def peak(pid):
    """KiB that were resident at most so far; 0 of one that has ended. (What wait4 tells begins with what the process
    had that forked it.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.M)
    return int(found[1]) if found else 0


def flat(copies, **keys):
    """A copy into a sink; its peak is asserted. Gives what the sink counted: rows, hash."""
    copies.run("IF SCHEMA_ID(N'tdsd_sink') IS NULL EXEC (N'CREATE SCHEMA tdsd_sink')")
    copies.job(target_table="tdsd_sink.much", load_mode="append", create="yes", **keys)
    log, most = copies.project.path / "worker.log", 0
    with log.open("wb") as out, subprocess.Popen(copies.project.argv("worker", "--job", "copy"), cwd=copies.project.path,
                                                 env=copies.project.env(), stdout=out, stderr=out) as child:
        while child.poll() is None:
            most = max(most, peak(child.pid))
            time.sleep(0.005)
    assert child.returncode == 0, log.read_text(encoding="utf-8")
    assert 0 < most < FLAT, f"{most} KiB"
    return copies.value("SELECT CONCAT(rows, ' ', hash) FROM sys.tdsd_sinks WHERE object_id = OBJECT_ID('tdsd_sink.much')")


def generated(copies, table):
    with pymssql.connect(server="127.0.0.1", port=copies.server.port, user=USER, password=PASSWORD,
                         database="DW") as owner, owner.cursor() as cursor:
        cursor.execute(f"SELECT rows, bytes, hash FROM {table}")
        rows, _bytes, found = cursor.fetchone()
        return f"{rows} {found}"


@only_tdsd
@pytest.mark.parametrize("kind", ["varchar", "varbinary"])
@pytest.mark.parametrize("keys", [{}, {"on_reject": "keep"}], ids=["fail", "keep"])
def test_a_value_as_long_as_can_be(plain, kind, keys):
    """2,147,483,647 bytes, and a column behind them."""
    size = (1 << 31) - 1 if not keys else 100_000_000
    table = f"tdsd_huge_{size}_{kind}"
    assert flat(plain, source_query=f"SELECT * FROM {table}", **keys).split()[0] == "1"
    if not keys:
        assert flat_hash(plain) == generated(plain, table)


def flat_hash(copies):
    return copies.value("SELECT CONCAT(rows, ' ', hash) FROM sys.tdsd_sinks WHERE object_id = OBJECT_ID('tdsd_sink.much')")


@only_tdsd
def test_many_narrow_rows(plain):
    table = "tdsd_generate_100000000_narrow"
    assert flat(plain, source_query=f"SELECT * FROM {table}") == generated(plain, table)
