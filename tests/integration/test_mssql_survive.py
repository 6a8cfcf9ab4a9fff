"""The survival matrix: cut, reset, stalled and malformed, at each packet of source, target and store, in every load mode.

After each of them the target has what its ledger says: the rows of the last load that is published, none too many and none too
few; and nothing hangs. A small load has all its packets in the list, a long one some of them; of the whole list a sample
is tried, by a seed that is in what a failure says (ETL_SEED=N repeats it, ETL_MATRIX=all tries all).
"""

import collections
import itertools
import os
import random

import pymssql
import pytest
# pylint: disable=redefined-outer-name,no-member
from servers import pki, wait_for  # noqa: F401 pylint: disable=unused-import
from tdsd import PASSWORD, USER, tdsd, tdsd_program  # noqa: F401 pylint: disable=unused-import
from test_mssql import only_tdsd
from test_mssql_copy import Copies

SEED = int(os.environ.get("ETL_SEED", random.SystemRandom().randrange(2**32)))
SAMPLE, STALLS = 14, 2  # of each load mode; who stalls is given five seconds to heed an attention
ENDS = {"source": "etl worker reads", "target": "etl worker run", "store": "etl store"}
KINDS = ["cut", "reset", "stall", "malformed what=token", "malformed what=length", "malformed what=header",
         "malformed what=type", "malformed what=truncated"]
MODES = {"append": {}, "replace": {}, "truncate": {}, "merge": {"key_columns": "id", "delete_missing": "yes"},
         "incremental": {"watermark_column": "at", "key_columns": "id"}}


class Fragile(Copies):
    """Source and target in one database, the store in another; nobody waits for an answer for long."""

    def configure(self, **keys):
        options = {**self.options, **keys, "encrypt": "off", "query_timeout": "1s", "login_timeout": "2s"}
        options.pop("ca_file")
        text = "".join(f"{k} = {v}\n" for k, v in options.items())
        self.project.write("etl.ini", "[store]\ndriver = mssql\n" + text.replace("= DW", "= CONTROL")
                           + "[controller]\nlease = 2s\n[connection dw]\ndriver = mssql\n" + text)

    def job(self, name="copy", **keys):
        keys = {"source": "dw", "target": "dw", **keys}
        self.project.write("copy.ini", f"[job {name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))
        self.project.etl("apply", "copy.ini")


@pytest.fixture
def fragile(project, tdsd, pki):
    server = tdsd("--database", "CONTROL", encrypt="none", database="DW")
    fragile = Fragile(project, server, pki)
    project.etl("init")
    return fragile


@pytest.fixture
def client(fragile):
    with pymssql.connect(server="localhost", port=fragile.server.port, user=USER, password=PASSWORD, database="DW",
                         autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def ask(client, sql):
    client.execute(sql)
    return client.fetchall()


def clear(server):
    """Also what is on its way: a connection that is held up goes on, and could meet the next fault."""
    server.ask("clear")
    wait_for(lambda: server.totals()["open"] == 1, "connections but the test's own to end")


class Load:
    """A load again and again, each time of other rows."""

    def __init__(self, fragile, client, mode):
        self.fragile, self.client, self.mode = fragile, client, mode
        self.rounds = 0
        self.there = []  # in the target
        self.published = 0
        client.execute("CREATE TABLE src (id int NOT NULL PRIMARY KEY, v varchar(max), at int NOT NULL)")
        client.execute("CREATE TABLE tgt (id int NOT NULL, v varchar(max), at int NOT NULL)")
        fragile.job(source_table="dbo.src", target_table="dbo.tgt", load_mode=mode, min_rows=0, **MODES[mode])

    def change(self):
        self.rounds += 1
        self.client.execute("DELETE FROM src" if self.mode != "incremental" else "DELETE FROM src WHERE id > 5")
        values = ", ".join(f"({i}, REPLICATE('x', {i * 10}) + 'round {self.rounds}', {self.rounds})"
                           for i in range(100 * self.rounds, 100 * self.rounds + 3))
        self.client.execute(f"INSERT INTO src VALUES {values}")

    def expect(self, published):
        rows = ask(self.client, "SELECT id, v, at FROM src")
        if published and self.mode in ("append", "incremental"):
            # rows of a round that was not published, and is gone from the source since, are not missed
            self.there = self.there + rows
        elif published:
            self.there = rows

    def states(self):
        return collections.Counter(s for s, in ask(
            self.client, "IF OBJECT_ID('etl.load_ledger') IS NOT NULL SELECT state FROM etl.load_ledger ELSE SELECT 'none'"))

    def run(self, what, status=None):
        self.change()
        done = self.fragile.project.start("worker", "--job", "copy", stdout=-1, stderr=-2, text=True)
        said, _ = done.communicate(timeout=60)  # what hangs fails here
        clear(self.fragile.server)
        published = self.states()["published"] - self.published
        assert published in (0, 1) and (done.returncode != 0 or published == 1), (what, said)
        assert status in (None, done.returncode), said
        self.published += published
        self.expect(published)
        assert sorted(ask(self.client, "SELECT id, v, at FROM tgt")) == sorted(self.there), (what, said)
        return published


def points(fragile, before):
    """(end, condition) of each packet of the load that was just run."""
    said = fragile.server.statements()[before:]
    most = collections.Counter()
    for s in said:
        most[s["application"], s["spid"]] += 1
    out = []
    for end, app in ENDS.items():
        n = max(c for (a, _), c in most.items() if a.startswith(app))
        out += [(end, f'phase={phase} statement={i} app="{app}"') for i in range(1, n + 1) for phase in ("request", "result")]
        out += [(end, f'phase=login packet={p} app="{app}"') for p in (1,)]
    return out + [("target", "phase=bulk packet=1")]


def faults(points):
    return [f"{kind} {where}" for kind, (_end, where) in itertools.product(KINDS, points)
            if not kind.startswith("malformed") or "phase=result" in where]


@only_tdsd
@pytest.mark.parametrize("mode", MODES)
def test_each_packet(fragile, client, mode):
    load = Load(fragile, client, mode)
    load.run("whole", 0)
    before = len(fragile.server.statements())
    load.run("whole again", 0)
    matrix = faults(points(fragile, before))
    assert len(matrix) > 150
    if os.environ.get("ETL_MATRIX") != "all":
        rnd = random.Random(SEED)
        stalls = [f for f in matrix if f.startswith("stall")]
        matrix = rnd.sample([f for f in matrix if f not in stalls], SAMPLE) + rnd.sample(stalls, STALLS)
    hits = published = 0
    for fault in matrix:
        number = fragile.server.fault(fault)
        hits += bool(number)
        published += load.run(f"ETL_SEED={SEED} {mode}: {fault}")
    assert load.run("at last", 0) == 1
    assert published < len(matrix)  # some of them did break it
    assert not ask(client, "SELECT name FROM sys.tables WHERE name LIKE 'etl[_]stage[_]%'")


@only_tdsd
@pytest.mark.parametrize("kind", ["cut", "reset", "stall"])
@pytest.mark.parametrize("end", ["source", "target"])
def test_packets_of_a_long_load(fragile, client, kind, end):
    """Thousands of them: every so many, from a random one on."""
    rows = 3000
    fragile.project.write("copy.ini", "[job long]\nsource = dw\ntarget = dw\nload_mode = append\n"
                          f"source_query = SELECT * FROM tdsd_generate_{rows}_every\ntarget_table = dbo.long\n")
    fragile.project.etl("apply", "copy.ini")
    fragile.project.etl("worker", "--job", "long")
    rnd = random.Random(SEED)
    where = 'phase=result match="tdsd_generate"' if end == "source" else "phase=bulk"
    published = 1
    packets = range(rnd.randint(1, 40), 240, 100)
    for packet in packets[:1 if kind == "stall" else None]:
        number = fragile.server.fault(f"{kind} packet={packet} {where}")
        done = fragile.project.start("worker", "--job", "long", stdout=-1, stderr=-2, text=True)
        said, _ = done.communicate(timeout=60)
        hit = next(f["hits"] for f in fragile.server.faults() if f["id"] == number)
        clear(fragile.server)
        assert hit == 1 and done.returncode != 0, (f"ETL_SEED={SEED}", packet, said)
        assert ask(client, "SELECT COUNT(*) FROM long") == [(rows * published,)], (f"ETL_SEED={SEED}", packet)
    fragile.project.etl("worker", "--job", "long")
    assert ask(client, "SELECT COUNT(*) FROM long") == [(2 * rows,)]
