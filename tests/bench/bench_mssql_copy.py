"""A copy from SQL Server to SQL Server: the client's CPU time for a row, out and in, beside freebcp's; its
rate; its memory. The test server makes the rows (generator) and takes them (sink); both ends are one server.
First not encrypted, then with TLS on both sides. The server's own CPU time stands beside: it is not to be the
limit."""
import os
import statistics
import subprocess
import sys
import time

from bench_common import ETL, ROUNDS, WORK, ratio
from bench_mssql import PASSWORD, USER, Server

ROWS, PEER_ROWS = 5_000_000, 200_000
RATE_LIMIT, RSS_LIMIT = 1_000_000, 64 << 10  # rows/s; KiB
SHARE_LIMIT, TLS_SHARE_LIMIT = 1 / 15, 1 / 8  # of freebcp's CPU
TLS_RATE_LIMIT = 0.6  # of the rate without
KEEP_CPU_LIMIT = 2  # times that of on_reject = fail

INI = """[store]
path = control.db
[connection dw]
driver = mssql
server = localhost,{port}
database = master
user = {user}
password_file = password
encrypt = {encrypt}
ca_file = {certificate}
packet_size = 16383
"""
FREETDS = """[bench]
host = localhost
port = {port}
encryption = {encryption}
"""
JOBS = """[job prepare_{shape}]
kind = sql
target = dw
command = IF SCHEMA_ID(N'tdsd_sink') IS NULL EXEC (N'CREATE SCHEMA tdsd_sink')
[job copy_{shape}]
source = dw
target = dw
source_query = SELECT * FROM tdsd_generate_{rows}_{shape}
target_table = tdsd_sink.{shape}
load_mode = append
create = yes
[job keep_{shape}]
source = dw
target = dw
source_query = SELECT * FROM tdsd_generate_{rows}_{shape}
target_table = tdsd_sink.{shape}
load_mode = append
create = yes
on_reject = keep
"""


def cpu_of(argv, **options):
    """CPU seconds, wall seconds and peak KiB of a program."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    start = time.monotonic()
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        sys.exit(f"{argv[0]}: {said.decode(errors='replace')}")
    return used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss


def server_cpu(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as f:
        fields = f.read().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def project(server, shape):
    directory = os.path.join(WORK, "mssql_copy")
    subprocess.run(["rm", "-rf", directory], check=True)
    os.makedirs(directory)
    tls = server.encrypt != "none"
    ini = INI.format(port=server.port, user=USER, encrypt="require" if tls else "off", certificate=server.certificate)
    conf = FREETDS.format(port=server.port, encryption="require" if tls else "off")
    for name, text in (("etl.ini", ini), ("password", PASSWORD), ("freetds.conf", conf),
                       ("jobs.ini", JOBS.format(rows=ROWS, shape=shape))):
        with open(os.path.join(directory, name), "w", encoding="ascii") as f:
            f.write(text)
    for command in (["init"], ["apply", "jobs.ini"], ["worker", "--job", f"prepare_{shape}"]):
        done = subprocess.run([ETL, *command], cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
    return directory


def freebcp(server, shape):
    file = os.path.join(WORK, "mssql_copy", "rows")
    login = ["-S", "bench", "-U", USER, "-P", PASSWORD, "-c"]
    env = {**os.environ, "FREETDSCONF": os.path.join(WORK, "mssql_copy", "freetds.conf")}
    query = f"SELECT * FROM tdsd_generate_{PEER_ROWS}_{shape}"
    out, _, _ = cpu_of(["freebcp", query, "queryout", file, *login], env=env)
    back, _, _ = cpu_of(["freebcp", f"tdsd_sink_{shape}", "in", file, *login], env=env)
    return (out + back) / PEER_ROWS


def measure(server, shape):
    directory, ours, theirs, rates, peak, other = project(server, shape), [], [], [], 0, 0
    for _ in range(ROUNDS):
        before = server_cpu(server)
        cpu, wall, rss = cpu_of([ETL, "worker", "--job", f"copy_{shape}"], cwd=directory)
        other = (server_cpu(server) - before) / ROWS
        ours.append(cpu / ROWS)
        rates.append(ROWS / wall)
        peak = max(peak, rss)
        theirs.append(freebcp(server, shape))
    a, b, rate = statistics.median(ours), statistics.median(theirs), statistics.median(rates)
    print(f"  {shape}: etl {1e6 * a:.3f} us CPU a row, {rate:,.0f} rows/s, {peak / 1024:.1f} MiB; freebcp out + in"
          f" {1e6 * b:.3f} us; the server {1e6 * other:.3f} us")
    ratio(f"{shape}, CPU a row", a, b, "less")
    return rate, peak, a / b


def mssql_copy():
    """Rows that pass: 10 mixed columns, and TPC-H's lineitem."""
    plain = {}
    print(f"\nmssql-copy: SQL Server to SQL Server, {ROWS:,} rows, not encrypted (median of {ROUNDS})")
    with Server("none") as server:
        for shape in ("mixed10", "lineitem"):
            rate, peak, share = measure(server, shape)
            plain[shape] = rate
            if rate < RATE_LIMIT or peak > RSS_LIMIT or share > SHARE_LIMIT:
                sys.exit(f"limits: {RATE_LIMIT:,} rows/s, {RSS_LIMIT >> 10} MiB, {SHARE_LIMIT:.3f} of freebcp's CPU")
    print(f"\nmssql-copy: the same with TLS on both sides (AES-256-GCM)")
    with Server("on") as server:
        for shape in ("mixed10", "lineitem"):
            rate, _, share = measure(server, shape)
            print(f"    {rate / plain[shape]:.2f} of the rate without")
            if rate < TLS_RATE_LIMIT * plain[shape] or share > TLS_SHARE_LIMIT:
                sys.exit(f"limits: {TLS_RATE_LIMIT} of that rate, {TLS_SHARE_LIMIT:.3f} of freebcp's CPU")


def mssql_rejects():
    """What it costs to be ready to keep rows aside: they are numbered, retained, and loaded 16 MiB at a time. The
    rate is the test server's, too: each of those loads ends in a commit of its own."""
    print(f"\nmssql-rejects: on_reject = keep beside fail, {ROWS:,} rows, no reject (median of {ROUNDS})")
    with Server("none") as server:
        directory, found, peak = project(server, "mixed10"), {"copy": [], "keep": []}, 0
        for _ in range(ROUNDS):
            for job, figures in found.items():
                cpu, wall, rss = cpu_of([ETL, "worker", "--job", f"{job}_mixed10"], cwd=directory)
                figures.append((cpu / ROWS, ROWS / wall))
                peak = max(peak, rss)
        (keep, rate), (fail, other) = ([statistics.median(f) for f in zip(*found[job])] for job in ("keep", "copy"))
        print(f"  mixed10: keep {1e6 * keep:.3f} us CPU a row, {rate:,.0f} rows/s; fail {1e6 * fail:.3f} us,"
              f" {other:,.0f} rows/s; {peak / 1024:.1f} MiB")
        ratio("keep beside fail, CPU a row", keep, fail, "less")
        if keep > KEEP_CPU_LIMIT * fail or peak > RSS_LIMIT:
            sys.exit(f"limits: {KEEP_CPU_LIMIT} times its CPU, {RSS_LIMIT >> 10} MiB")
