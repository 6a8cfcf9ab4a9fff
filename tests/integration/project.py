"""A directory with a configuration, jobs and data, and the real binary in it."""

import os
import sqlite3
import subprocess
from contextlib import closing

from product import ETL, ROOT

DATA = ROOT / "tests/data"
SECONDS = 60  # nothing here takes that long; what does hangs

CONFIG = """\
[store]
driver = sqlite
path = control.db
[controller]
poll = 5s
lease = 60s
max_workers = 4
[connection raw]
driver = csv
path = data/
[connection warehouse]
driver = sqlite
path = warehouse.db
"""


class Project:
    def __init__(self, path, config=CONFIG):
        self.path = path
        (path / "data").mkdir()
        self.write("etl.ini", config)

    def write(self, name, content):
        data = content if isinstance(content, bytes) else content.encode()
        (self.path / name).write_bytes(data)

    def csv(self, name, content):
        self.write(f"data/{name}.csv", content)

    def env(self, **extra):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ETL_")}
        return {**kept, **extra}

    def argv(self, *args):
        config = () if "--config" in args else ("--config", "etl.ini")
        return [str(ETL), *config, *map(str, args)]

    def etl(self, *args, status=0, stdin=None, **env):
        """Run to the end and check the exit status; returns the finished process."""
        done = subprocess.run(
            self.argv(*args), cwd=self.path, env=self.env(**env), input=stdin,
            capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == status, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def start(self, *args, **popen):
        return subprocess.Popen(self.argv(*args), cwd=self.path, env=self.env(), **popen)

    def job(self, name="load", **keys):
        """Define a job (and the store, the first time); returns its number. A key that is None is left
        out."""
        if not (self.path / "control.db").exists():
            self.etl("init")
        section = {"source": "raw", "source_table": "t", "target": "warehouse",
                   "target_table": "t", "load_mode": "replace", **keys}
        self.write(f"{name}.ini", f"[job {name}]\n" + "".join(
            f"{k} = {v}\n" for k, v in section.items() if v is not None))
        line = self.etl("apply", f"{name}.ini").stdout
        return int(line.split()[1])

    def load(self, content, name="load", status=0, **keys):
        """Write data/t.csv, define the job, run it."""
        self.csv("t", content)
        return self.etl("worker", "--job", self.job(name, **keys), status=status)

    def sql(self, statement, database="warehouse.db"):
        with closing(sqlite3.connect(self.path / database)) as db, db:
            return db.execute(statement).fetchall()

    def has_table(self, name):
        return (self.path / "warehouse.db").exists() and bool(
            self.sql(f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{name}'"))

    def run_row(self):
        """(state, error_code, rows_written) of the last run."""
        return self.sql("SELECT state, error_code, rows_written FROM etl_run"
                        " ORDER BY run_id DESC LIMIT 1", "control.db")[0]

    def leftovers(self):
        """Files beside the warehouse that a load left."""
        return [f.name for f in self.path.iterdir()
                if f.name.startswith("warehouse.db") and f.name != "warehouse.db"]
