"""Connections to SQL Server: the client's own CPU time, beside pymssql's (FreeTDS over GnuTLS)."""
import os
import shutil
import socket
import statistics
import subprocess
import sys

from bench_common import ROOT, ROUNDS, WORK, program, ratio

TDSD = os.path.join(ROOT, "build/musl/tests/tdsd/tdsd")
USER, PASSWORD = "bench", "bench"
CONNECT_LIMIT, QUERY_LIMIT = 10_000, 50  # us of CPU

PYMSSQL = """
import resource, sys, time
import pymssql
what, port, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
def connect():
    return pymssql.connect(server="localhost", port=port, user="bench", password="bench", tds_version="7.3")
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime
connect().close()
if what == "query":
    cursor = connect().cursor()
cpu = used()
for _ in range(times):
    if what == "query":
        cursor.execute("SELECT 1")
        cursor.fetchall()
    else:
        connect().close()
print("cpu_us", 1e6 * (used() - cpu) / times)
"""


CREATE = """
import sys
import pymssql
db = pymssql.connect(server="localhost", port=sys.argv[1], user="bench", password="bench", autocommit=True)
db.cursor().execute(f"IF DB_ID('{sys.argv[2]}') IS NOT NULL DROP DATABASE {sys.argv[2]}")
db.cursor().execute(f"CREATE DATABASE {sys.argv[2]}")
"""


class Server:
    """tdsd with a certificate of its own, until the end of the 'with'."""

    def __init__(self, encrypt):
        self.encrypt = encrypt

    def __enter__(self):
        self.dir = os.path.join(WORK, "tdsd")
        shutil.rmtree(self.dir, ignore_errors=True)  # what an earlier one has loaded is known to its ledger
        os.makedirs(self.dir)
        self.certificate = os.path.join(self.dir, "cert.pem")
        ready, key = os.path.join(self.dir, "ready"), os.path.join(self.dir, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                        self.certificate], check=True, capture_output=True)
        self.password = os.path.join(self.dir, "password")
        with open(self.password, "w", encoding="ascii") as f:
            f.write(PASSWORD)
        if os.path.exists(ready):
            os.unlink(ready)
        self.process = subprocess.Popen(
            [TDSD, "--directory", os.path.join(self.dir, "db"), "--ready-file", ready, "--login",
             f"{USER}:{PASSWORD}", "--certificate", self.certificate, "--key", key, "--encrypt", self.encrypt,
             "--control", os.path.join(self.dir, "control")],
            stdout=subprocess.DEVNULL)
        while not os.path.exists(ready):
            if self.process.poll() is not None:
                sys.exit("tdsd did not start")
        with open(ready, encoding="ascii") as f:
            self.port = f.read().strip()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, command):
        """On its control socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.dir, "control"))
            s.sendall(command.encode() + b"\n")
            if not s.makefile().readline().startswith("ok"):
                sys.exit(f"tdsd: {command}")

    def create(self, database):
        subprocess.run(["/usr/bin/python3", "-c", CREATE, self.port, database], check=True)

    def ours(self, what, encrypt, times):
        output = subprocess.run(
            [program("mssql"), what, f"localhost,{self.port}", USER, self.password, self.certificate, encrypt,
             str(times)], check=True, stdout=subprocess.PIPE, text=True).stdout
        return float(output.split()[1])

    def theirs(self, what, times):
        output = subprocess.run(
            ["/usr/bin/python3", "-c", PYMSSQL, what, self.port, str(times)], check=True,
            stdout=subprocess.PIPE, text=True).stdout
        return float(output.split()[1])


def measure(server, what, encrypt, times, limit):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(server.ours(what, encrypt, times))
        theirs.append(server.theirs(what, times))
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"  {what}, encrypt = {encrypt:<8} etl {a:8.1f} us CPU   pymssql {b:8.1f} us CPU   (limit {limit})")
    ratio(f"{what} {encrypt}", a, b, "less")
    if a >= limit:
        sys.exit("that is too much")


def mssql():
    """Connect with login and session set-up; a round trip of 'SELECT 1'."""
    print(f"\nmssql: the client's CPU time for one of them (median of {ROUNDS})")
    for encrypt, policy in (("off", "none"), ("require", "on")):
        with Server(policy) as server:
            measure(server, "connect", encrypt, 100, CONNECT_LIMIT)
            measure(server, "query", encrypt, 5000, QUERY_LIMIT)
