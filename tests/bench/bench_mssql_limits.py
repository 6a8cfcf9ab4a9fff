"""How far a copy from SQL Server to SQL Server is from what the machine can do: beside socat, which passes as many bytes in
blocks of the packet size and looks at none; and the client's CPU beside that of pymssql and tedious, which are what
people would write it with."""
import json
import os
import shutil
import statistics
import subprocess
import sys

from bench_common import ETL, ROOT, ROUNDS, ratio
from bench_mssql import PASSWORD, USER, Server
from bench_mssql_copy import ROWS, RSS_LIMIT, cpu_of, project, server_cpu

PACKET = 16383
PEER_ROWS = 50_000
SOCAT_SHARE = 0.5      # of socat's rate, at least
CLIENT_SHARE = 1 / 20  # of the peers' CPU for a row, at most

PYMSSQL = """
import sys
import pymssql
port, rows, shape = sys.argv[1:]
def connect():
    return pymssql.connect(server="localhost", port=port, user="%s", password="%s", autocommit=True)
source, target = connect(), connect()
cursor = source.cursor()
cursor.execute(f"SELECT * FROM tdsd_generate_{rows}_{shape}")
while batch := cursor.fetchmany(1000):
    target.bulk_copy(f"tdsd_sink_{shape}", [[v if v is None or isinstance(v, (int, float, str, bytes)) else str(v) for v in row]
                                            for row in batch], batch_size=1000)
""" % (USER, PASSWORD)

TEDIOUS = """
const { Connection, Request, TYPES } = require('tedious');
const [, , port, rows, shape] = process.argv;
const config = { server: '127.0.0.1', authentication: { type: 'default', options: { userName: '%s', password: '%s' } },
  options: { port: Number(port), encrypt: false, packetSize: 16383, requestTimeout: 0 } };
const connect = () => new Promise((resolve, reject) => {
  const c = new Connection(config);
  c.on('connect', (error) => (error ? reject(error) : resolve(c)));
  c.connect();
});
(async () => {
  const [source, target] = [await connect(), await connect()];
  let columns;
  const batch = [];
  await new Promise((resolve, reject) => {
    const request = new Request(`SELECT * FROM tdsd_generate_${rows}_${shape}`, (e) => (e ? reject(e) : resolve()));
    request.on('columnMetadata', (c) => { columns = c; });
    request.on('row', (row) => batch.push(row.map((c) => c.value)));
    source.execSqlBatch(request);
  });
  await new Promise((resolve, reject) => {
    const load = target.newBulkLoad(`tdsd_sink_${shape}`, (e) => (e ? reject(e) : resolve()));
    for (const c of columns) {
      const wide = /^N(Var)?Char/.test(c.type.name) ? 2 : 1;
      load.addColumn(c.colName, byName(c), { nullable: true, precision: c.precision, scale: c.scale,
        length: c.dataLength < 65535 ? c.dataLength / wide : 'max' });
    }
    target.execBulkLoad(load, batch);
  });
  source.close();
  target.close();
})().catch((e) => { console.error(e); process.exit(1); });
// rows come as types with a length, loads want those without
function byName(c) {
  const size = c.dataLength;
  return { IntN: size === 8 ? TYPES.BigInt : size === 4 ? TYPES.Int : size === 2 ? TYPES.SmallInt : TYPES.TinyInt,
    BitN: TYPES.Bit, FloatN: size === 4 ? TYPES.Real : TYPES.Float, MoneyN: size === 4 ? TYPES.SmallMoney : TYPES.Money,
    DateTimeN: size === 4 ? TYPES.SmallDateTime : TYPES.DateTime, DecimalN: TYPES.Decimal, NumericN: TYPES.Numeric,
  }[c.type.name] ?? TYPES[c.type.name];
}
""" % (USER, PASSWORD)


def node_modules():
    """Those that the tests have put into the build cache (tests/integration/npm.py); without them None."""
    sys.path.insert(0, os.path.join(ROOT, "tests/integration"))
    try:
        import npm  # pylint: disable=import-outside-toplevel
        from pathlib import Path  # pylint: disable=import-outside-toplevel
        return str(npm.install(Path(ROOT) / "tests" / "tdsd" / "tedious", "tdsd"))
    except BaseException as why:  # pylint: disable=broad-except
        print(f"  tedious: not here ({why})")
        return None


def watched(server, directory, job):
    before, busy = server_cpu(server), machine()
    cpu, wall, rss = cpu_of([ETL, "worker", "--job", job], cwd=directory)
    other = server_cpu(server) - before
    return wall, cpu, rss, other, max(0, machine() - busy - cpu - other)


def copy(server, directory, shape):
    """One run: (wall, CPU, KiB, the server's CPU, that of others), and its bytes."""
    run = watched(server, directory, f"copy_{shape}")
    told = subprocess.run([ETL, "status", "--last", "1", "--json"], cwd=directory, check=True, capture_output=True, text=True)
    return run, json.loads(told.stdout)[0]["bytes_read"]


def socat(size):
    """Generator, the one that is measured, and sink: (CPU, wall) of as many bytes."""
    block = ["socat", "-u", "-b", str(PACKET)]
    port = [str(20000 + os.getpid() % 20000 + i) for i in range(2)]
    sink = subprocess.Popen([*block, f"TCP-LISTEN:{port[1]},bind=127.0.0.1,reuseaddr", "OPEN:/dev/null"])
    source = subprocess.Popen([*block, f"OPEN:/dev/zero,readbytes={size}", f"TCP-LISTEN:{port[0]},bind=127.0.0.1,reuseaddr"])
    cpu, wall, _ = cpu_of([*block, f"TCP:127.0.0.1:{port[0]},retry=50,interval=0.02",
                           f"TCP:127.0.0.1:{port[1]},retry=50,interval=0.02"])
    for child in (source, sink):
        if child.wait():
            sys.exit("socat failed")
    return cpu, wall


def beside_socat(server, directory, shape):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        run, size = copy(server, directory, shape)
        ours.append(run)
        theirs.append(socat(size))
    wall, cpu, rss, other, others = (statistics.median(column) for column in zip(*ours))
    limit_cpu, limit = (statistics.median(column) for column in zip(*theirs))
    mb = size / 1e6
    print(f"  {shape}: etl {mb / wall:,.0f} MB/s, {cpu:.2f} s CPU, {rss / 1024:.1f} MiB; the server {other:.2f} s CPU; socat"
          f" {mb / limit:,.0f} MB/s, {limit_cpu:.2f} s CPU")
    print(f"    {100 * limit / wall:.0f} % of socat's rate; {which_limits(wall, cpu, other, others)}")
    return cpu / ROWS, limit / wall


def machine():
    """CPU seconds used by everybody since the machine started."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(v) for v in f.readline().split()[1:9]]
    hertz = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / hertz


def which_limits(wall, cpu, server, others):
    """What there is no more of: the machine's cores, or one that has to do it all. `others` used so much of it meanwhile."""
    cores = os.cpu_count()
    used = f"{cpu:.2f} s CPU of ours, {server:.2f} of the server's, {others:.2f} of others in {wall:.2f} s on {cores} cores"
    if cpu + server + others > 0.9 * cores * wall:
        return f"the limit is the machine's cores: {used}"
    if server > 0.9 * wall:
        return f"the limit is the server: {used}"
    if cpu > 0.9 * wall:
        return f"the limit is our core: {used}"
    return f"the limit is the network, and who waits for it: {used}"


RANGES = """[job ranges_{n}]
source = dw
target = dw
source_table = tdsd_generate_{rows}_{shape}
target_table = tdsd_sink.ranges_{n}
load_mode = append
partition_column = id
parallel = {n}
on_inconsistent = warn
"""


def ranges(directory, server, shape):
    """The same rows in one range, two and four."""
    first = None
    for n in (1, 2, 4):
        with open(os.path.join(directory, "ranges.ini"), "w", encoding="ascii") as f:
            f.write(RANGES.format(n=n, rows=ROWS, shape=shape))
        subprocess.run([ETL, "apply", "ranges.ini"], cwd=directory, check=True, capture_output=True)
        runs = [watched(server, directory, f"ranges_{n}") for _ in range(ROUNDS)]
        wall, cpu, rss, other, others = (statistics.median(column) for column in zip(*runs))
        first = first or wall
        print(f"  {shape}, ranges: {n}: {ROWS / wall:,.0f} rows/s, {first / wall:.2f} of one, {rss / 1024:.1f} MiB;"
              f" {which_limits(wall, cpu, other, others)}")
        if rss > RSS_LIMIT:
            sys.exit(f"limit: {RSS_LIMIT >> 10} MiB")


def peers(server, shape):
    argv = ["/usr/bin/python3", "-c", PYMSSQL, server.port]
    nothing = statistics.median(cpu_of([*argv, "1", shape])[0] for _ in range(3))
    yield "pymssql (fetchmany + bulk_copy)", (cpu_of([*argv, str(PEER_ROWS), shape])[0] - nothing) / PEER_ROWS
    modules = node_modules() if shutil.which("node") else None
    if modules:
        argv = ["node", "-e", TEDIOUS, "-", server.port]
        env = {**os.environ, "NODE_PATH": modules}
        nothing = statistics.median(cpu_of([*argv, "1", shape], env=env)[0] for _ in range(3))
        yield "tedious (read + bulkLoad)", (cpu_of([*argv, str(PEER_ROWS), shape], env=env)[0] - nothing) / PEER_ROWS


def mssql_limits():
    """Beside what passes bytes, and what people would use."""
    print(f"\nmssql-limits: SQL Server to SQL Server, {ROWS:,} rows, not encrypted (median of {ROUNDS})")
    with Server("none") as server:
        for shape in ("mixed10", "lineitem"):
            directory = project(server, shape)
            cpu, share = beside_socat(server, directory, shape)
            if share < SOCAT_SHARE:
                print(f"    below the aim of {100 * SOCAT_SHARE:.0f} %")
            if shape != "mixed10":
                continue
            ranges(directory, server, shape)
            for name, theirs in peers(server, shape):
                print(f"  {shape}: {name} {1e6 * theirs:.2f} us CPU a row, etl {1e6 * cpu:.3f}")
                ratio(f"{shape}, CPU a row, beside {name}", cpu, theirs, "less")
                if cpu > CLIENT_SHARE * theirs:
                    sys.exit(f"limit: {CLIENT_SHARE:.3f} of it")
