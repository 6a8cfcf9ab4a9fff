"""Random tables, copied in every load mode: what an independent client reads is what was written, bit for bit.

A table has up to 40 columns of random types and lengths, with nulls, empty values and extremes. The seed is in what a failure
says; ETL_SEED=N runs that one again, ETL_SEEDS=N that many.
"""

import os
import random
import uuid

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from servers import pki  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import REAL, only_tdsd, start  # noqa: F401 pylint: disable=unused-import
from test_mssql_copy import Copies

FOUND = [959883581]  # what they found stays: char(n) of UTF-8 that was sent too long
SEEDS = [int(os.environ["ETL_SEED"])] if "ETL_SEED" in os.environ \
    else FOUND + [random.SystemRandom().randrange(2**32) for _ in range(int(os.environ.get("ETL_SEEDS", "4")))]
LETTERS = "aZ09 _-.,;'\"\\%&<>\t\n"
WIDE = LETTERS + "äßÜ€日本語😀𝄞\u0000\ufffd"


class Kind:
    """A type, and the T-SQL and the bytes of a random value of it (None: they are the server's business)."""

    def __init__(self, rnd):
        make = rnd.choice([self.integer, self.integer, self.decimal, self.real, self.time, self.text, self.text, self.text,
                           self.binary, self.guid])
        make(rnd)

    def integer(self, rnd):
        self.sql, low, high = rnd.choice([("bit", 0, 1), ("tinyint", 0, 255), ("smallint", -2**15, 2**15 - 1),
                                          ("int", -2**31, 2**31 - 1), ("bigint", -2**63, 2**63 - 1)])
        self.value = lambda r: str(r.choice([low, high, 0, r.randint(low, high)]))

    def decimal(self, rnd):
        if rnd.random() < 0.2:
            self.sql, digits = rnd.choice([("money", 18), ("smallmoney", 9)])
            scale = 4
        else:
            digits = rnd.choice([1, 9, 10, 19, 20, 28, 29, 38])
            scale = rnd.randint(0, digits)
            self.sql = f"decimal({digits},{scale})"
        top = 10**digits - 1

        def value(r):
            number = r.choice([0, 1, top, r.randint(0, top)])
            text = str(number).rjust(scale + 1, "0")
            return r.choice(["", "-"]) + (text[:-scale] + "." + text[-scale:] if scale else text)
        self.value = value

    def real(self, rnd):
        self.sql = rnd.choice(["float", "real"])
        top = 1e308 if self.sql == "float" else 3e38
        self.value = lambda r: format(r.choice([0.0, top, -top, r.uniform(-1, 1), r.uniform(-1, 1) * top]), ".17E")

    def time(self, rnd):
        name = rnd.choice(["date", "time", "datetime2", "datetimeoffset", "datetime", "smalldatetime"])
        scale = rnd.randint(0, 7)
        self.sql = f"{name}({scale})" if name in ("time", "datetime2", "datetimeoffset") else name

        def value(r):
            year = r.choice([1, 1900, 9999, r.randint(2, 9998)])
            if "(" not in self.sql and name != "date":
                year = r.randint(1901, 2078)
            if name == "datetimeoffset":
                year = r.randint(2, 9998)
            day = f"{year:04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
            clock = r.choice(["00:00:00", "23:59:59", f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"])
            if name in ("time", "datetime2", "datetimeoffset") and scale:
                clock += "." + str(r.randint(0, 10**scale - 1)).rjust(scale, "0")
            if name == "smalldatetime":
                clock = clock[:5]
            zone = f" {r.choice('+-')}{r.randint(0, 13):02}:{r.choice([0, 15, 30, 59]):02}" if name == "datetimeoffset" else ""
            return "'" + {"date": day, "time": clock}.get(name, day + " " + clock) + zone + "'"
        self.value = value

    def text(self, rnd):
        collation = rnd.choice(["", "", " COLLATE Latin1_General_100_CI_AS_SC_UTF8", " COLLATE Cyrillic_General_CI_AS"])
        name = rnd.choice(["nvarchar", "nvarchar", "nchar", "varchar", "varchar", "char"])
        size = rnd.choice([1, 2, 20, 255, 1000, "max"] if "var" in name else [1, 2, 20, 255])
        if name.startswith("n"):
            collation = ""
        self.sql = f"{name}({size}){collation}"
        letters = WIDE if name.startswith("n") or "UTF8" in collation else LETTERS
        room = 4000 if size == "max" else size // (4 if "UTF8" in collation else 2 if name.startswith("n") else 1)

        def value(r):
            length = r.choice([0, 1, room, r.randint(0, room)]) if room else 0
            text = "".join(r.choice(letters) for _ in range(min(length, room)))
            head, *rest = text.split("\0", 1)  # of these one
            text = "\0".join([head, *(part.replace("\0", "") for part in rest)])
            # what T-SQL's own text has not
            parts = text.replace("'", "''").split("\0")
            literal = " + NCHAR(0) + ".join(f"N'{p}'" for p in parts)
            if size == "max" and r.random() < 0.2:
                return f"REPLICATE(CAST({literal} AS nvarchar(max)), {r.randint(2, 20)})"
            return literal
        self.value = value

    def binary(self, rnd):
        name = rnd.choice(["varbinary", "varbinary", "binary"])
        size = rnd.choice([1, 8, 100, 4000, "max"] if name == "varbinary" else [1, 8, 100])
        self.sql = f"{name}({size})"
        room = 9000 if size == "max" else size
        self.value = lambda r: "0x" + r.randbytes(r.choice([0, 1, room, r.randint(0, room)])).hex()

    def guid(self, rnd):
        self.sql = "uniqueidentifier"
        self.value = lambda r: f"'{uuid.UUID(int=r.getrandbits(128))}'"


class Table:
    """A random table: its columns, and rows by their key."""

    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.kinds = [Kind(self.rnd) for _ in range(self.rnd.choice([1, 3, 10, 40]))]
        self.nulls = [self.rnd.choice([None, 0, 0.1, 0.9]) for _ in self.kinds]  # None: NOT NULL
        self.next = 0

    def create(self, name):
        return f"CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, " + ", ".join(
            f"c{i} {k.sql} {'NOT NULL' if n is None else 'NULL'}" for i, (k, n) in enumerate(zip(self.kinds, self.nulls))) + ")"

    def row(self):
        return [("NULL" if self.rnd.random() < (n or 0) else k.value(self.rnd)) for k, n in zip(self.kinds, self.nulls)]

    def insert(self, name, rows):
        out = []
        for _ in range(rows):
            out.append(f"INSERT INTO {name} VALUES ({self.next}, {', '.join(self.row())})")
            self.next += 1
        return out

    def change(self, name):
        """Some rows go, some change, some come."""
        ids = self.rnd.sample(range(self.next), self.next // 2)
        out = [f"DELETE FROM {name} WHERE id IN ({', '.join(map(str, ids[::2] or [-1]))})"]
        for i in ids[1::2]:
            sets = ", ".join(f"c{c} = {value}" for c, value in enumerate(self.row()))
            out.append(f"UPDATE {name} SET {sets} WHERE id = {i}")
        return out + self.insert(name, self.rnd.randint(0, 5))

    def query(self, name):
        """What this client cannot read itself (times of the year 1, float to its last bit) the server shows."""
        columns = []
        for i, k in enumerate(self.kinds):
            if "date" in k.sql or k.sql.startswith("time"):
                columns.append(f"CONVERT(varchar(60), c{i}, 121)")
            elif k.sql in ("float", "real"):
                columns.append(f"CAST(c{i} AS varbinary(8))")
            elif k.sql.startswith(("n", "v", "c")) and "char" in k.sql:
                columns += [f"CAST(c{i} AS varbinary(max))", f"DATALENGTH(c{i})"]
            else:
                columns.append(f"c{i}")
        return f"SELECT id, {', '.join(columns)} FROM {name} ORDER BY id"


@pytest.fixture
def copies(project, start, pki):
    return Copies(project, start(), pki)


class Client:
    def __init__(self, copies):
        self.connection = pymssql.connect(server="localhost", port=copies.server.port, user=USER, password=PASSWORD,
                                          database="DW", autocommit=True, charset="UTF-8")
        self.cursor = self.connection.cursor()

    def run(self, *statements):
        for sql in statements:
            self.cursor.execute(sql)

    def rows(self, query):
        self.cursor.execute(query)
        return self.cursor.fetchall()


MODES = {
    "append": [""],
    "replace": ["", "changed"],
    "truncate": ["", "changed"],
    "merge": ["", "changed"],
    "incremental": ["", "more"],
}


@only_tdsd
@pytest.mark.parametrize("seed", SEEDS)
def test_every_value_in_every_mode(copies, seed):
    table, client = Table(seed), Client(copies)
    client.run("CREATE SCHEMA src", "CREATE SCHEMA tgt")
    for mode, steps in MODES.items():
        table.next = 0
        client.run("DROP TABLE IF EXISTS src.t", "DROP TABLE IF EXISTS tgt.t", table.create("src.t"),
                   *table.insert("src.t", table.rnd.choice([1, 3, 30])))
        if table.rnd.random() < 0.5:
            client.run(table.create("tgt.t"))
        keys = {"source_table": "src.t", "target_table": "tgt.t", "load_mode": mode, "verify": "digest", "min_rows": 0}
        if mode in ("merge", "incremental"):
            keys["key_columns"] = "id"
        keys.update({"delete_missing": "yes"} if mode == "merge" else {"watermark_column": "id"} if mode == "incremental" else {})
        for step in steps:
            if step == "changed":
                client.run(*table.change("src.t"))
            elif step == "more":
                client.run(*table.insert("src.t", 3))
            copies.copy(name=mode, **keys)
            expected = client.rows(table.query("src.t"))
            assert client.rows(table.query("tgt.t")) == expected, f"ETL_SEED={seed}, {mode} {step}"
            assert len(expected) > 0 or step == "changed"
