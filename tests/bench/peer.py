"""The peer of the queue's benchmarks: graphile-worker on a PostgreSQL server of our own.

Debian's PostgreSQL as it comes (fsync and synchronous_commit are on), its data below build/bench, so
on the same disk as our store; only a socket, no port. Node.js is the one on PATH; the packages are
those of tests/bench/peer/package-lock.json, kept in the cache of the build.
"""
import contextlib
import glob
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "etl-build")


def version_of(path):
    return [int(part) for part in path.split("/")[-2].split(".")]


def postgres_bin():
    """Debian keeps the programs of each version in a directory; psql in PATH is a script around them."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=version_of)
    if not found:
        sys.exit("PostgreSQL is missing: run 'scripts/install-deps bench' first")
    return found[-1]


def modules():
    """The directory of the installed packages."""
    names = ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join(open(os.path.join(HERE, name), "rb").read() for name in names))
    kept = os.path.join(CACHE, f"npm-{digest.hexdigest()[:20]}")
    if not os.path.isdir(kept):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as new:
            for name in names:
                shutil.copy(os.path.join(HERE, name), new)
            subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"],
                           cwd=new, check=True)
            shutil.copytree(new, kept + ".new", symlinks=True, dirs_exist_ok=True)
        os.rename(kept + ".new", kept)
    return os.path.join(kept, "node_modules")


class Peer:
    def __init__(self, bin_dir, socket_dir):
        self.psql = [os.path.join(bin_dir, "psql"), "-XqAt", "-c"]
        self.env = dict(os.environ, PGHOST=socket_dir, PGUSER="bench", PGDATABASE="postgres",
                        NODE_PATH=modules(), NODE_ENV="production")
        self.script = ["node", os.path.join(HERE, "peer.js")]

    def sql(self, text):
        return subprocess.run(self.psql + [text], env=self.env, check=True, capture_output=True,
                              text=True).stdout.strip()

    @contextlib.contextmanager
    def serving(self, workers):
        """A worker that waits for jobs: its process."""
        process = subprocess.Popen(self.script + ["serve", str(workers)], env=self.env,
                                   stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline() != "ready\n":
                sys.exit("the peer did not start")
            yield process
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def peer(work):
    """A new server, ended with its data."""
    bin_dir = postgres_bin()
    data = os.path.join(work, "postgres")
    shutil.rmtree(data, ignore_errors=True)
    os.mkdir(data, 0o700)
    user = {}
    if os.geteuid() == 0:  # which it refuses
        account = pwd.getpwnam("postgres")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(data, account.pw_uid, account.pw_gid)
    with tempfile.TemporaryDirectory(prefix="etl-bench-") as socket_dir:
        os.chmod(socket_dir, 0o777)
        subprocess.run([os.path.join(bin_dir, "initdb"), "-D", data, "-U", "bench", "--auth=trust"],
                       cwd=data, check=True, stdout=subprocess.DEVNULL, **user)
        with open(os.path.join(work, "postgres.log"), "wb") as log:
            server = subprocess.Popen(
                [os.path.join(bin_dir, "postgres"), "-D", data, "-k", socket_dir, "-h", ""],
                cwd=data, stdout=log, stderr=log, **user)
        try:
            ready = [os.path.join(bin_dir, "pg_isready"), "-q", "-h", socket_dir]
            while subprocess.run(ready).returncode:
                if server.poll() is not None:
                    sys.exit(f"PostgreSQL did not start: see {log.name}")
                time.sleep(0.1)
            yield Peer(bin_dir, socket_dir)
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait()
            shutil.rmtree(data, ignore_errors=True)
