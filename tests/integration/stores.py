"""The back ends that a store can have, each with what a test asks of it: its settings, queries, locks, backups.

A test says its queries in SQLite's names (etl_run) and with ?; what comes back is the same from all: numbers,
and texts for times and uids.

SQL Server is tests/tdsd, a server of its own for each test, as it starts in 20 ms. Or a real one:

    ETL_TEST_MSSQL=HOST,PORT             where
    ETL_TEST_MSSQL_USER                  who; may CREATE DATABASE, or
    ETL_TEST_MSSQL_PASSWORD[_FILE]
    ETL_TEST_MSSQL_DATABASE              uses this one, whose schema etl is dropped before and after each test
    ETL_TEST_MSSQL_ENCRYPT, _CA_FILE     as in etl.ini (encrypt = off)
"""

import datetime
import os
import re
import secrets
import sqlite3
import uuid
from contextlib import closing, contextmanager
from pathlib import Path

from tdsd import PASSWORD, USER, Tdsd

BACK_ENDS = ("sqlite", "mssql")
TABLES = ("job", "run", "run_event", "run_log", "run_heartbeat", "run_lineage", "controller", "kerberos_key")


class SqliteStore:
    kind = "sqlite"
    broken = "the store cannot be used"

    def __init__(self, directory, file="control.db"):
        self.directory, self.name = Path(directory), file

    def config(self):
        return f"driver = sqlite\npath = {self.name}"

    def another(self, directory):
        """A second store, for another project."""
        return SqliteStore(directory)

    def _connect(self, timeout=30):
        return closing(sqlite3.connect(self.directory / self.name, timeout=timeout, isolation_level=None))

    def query(self, statement, *values):
        """Rows as tuples."""
        with self._connect() as db:
            return db.execute(statement, values).fetchall()

    def row(self, statement, *values):
        """The first row by column, or None."""
        with self._connect() as db:
            db.row_factory = sqlite3.Row
            return db.execute(statement, values).fetchone()

    def is_free(self):
        """Nobody writes in it just now."""
        return is_free(self.directory / self.name)

    @contextmanager
    def locked(self):
        """Nobody can write."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")

    def backup(self, name="backup"):
        copy(self.directory / self.name, self.directory / name)

    def restore(self, name="backup"):
        """Moved into its place, at whatever moment."""
        copy(self.directory / name, self.directory / "restored")
        self.remove()
        (self.directory / "restored").rename(self.directory / self.name)

    def remove(self):
        """There is no store any more."""
        for file in self.directory.glob(self.name + "*"):
            file.unlink()

    def become(self, other, name="backup"):
        """A copy of what another one's backup holds."""
        copy(other.directory / name, self.directory / self.name)

    def end(self):
        pass


def copy(source, target):
    with closing(sqlite3.connect(source)) as a, closing(sqlite3.connect(target, timeout=30)) as b:
        a.backup(b)


def is_free(path):
    """Nobody writes in this file of SQLite's just now."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return True
        except sqlite3.OperationalError:
            return False


# --- SQL Server --------------------------------------------------------------


def plain(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return value


class MssqlStore:
    """What is the same with any server."""

    kind = "mssql"
    broken = "the store cannot be used"

    def __init__(self, directory, address, database, user, password, encrypt="off", ca_file=None):
        self.directory, self.address, self.database = Path(directory), address, database
        self.user, self.password, self.encrypt, self.ca_file = user, password, encrypt, ca_file
        self.name = f"{address}/{database}"
        self.more = []  # keys of the connection
        self._db = None
        (self.directory / "store-password").write_text(password, encoding="utf-8")

    def config(self):
        lines = ["driver = mssql", f"server = {self.address}", f"database = {self.database}", f"user = {self.user}",
                 "password_file = store-password", f"encrypt = {self.encrypt}", "login_timeout = 5s", *self.more]
        return "\n".join(lines + ([f"ca_file = {self.ca_file}"] if self.ca_file else []))

    def connect(self, database=None):
        import pymssql  # pylint: disable=import-outside-toplevel
        host, _, port = self.address.partition(",")
        return pymssql.connect(server=host, port=port or "1433", user=self.user, password=self.password,
                               database=database or self.database, tds_version="7.3", autocommit=True,
                               charset="UTF-8", login_timeout=20, timeout=60)

    @staticmethod
    def translate(statement):
        return re.sub(r"\betl_(\w+)", r"etl.\1", statement).replace("?", "%s")

    def ask(self, statement, values=()):
        """One batch as it stands; (columns, rows) of its last result."""
        if self._db is None:
            self._db = self.connect()
        with self._db.cursor() as cursor:
            cursor.execute(statement, values or None)
            if not cursor.description:
                return [], []
            return [d[0] for d in cursor.description], [tuple(map(plain, row)) for row in cursor.fetchall()]

    def forget(self):
        """The connection, which the server may have ended."""
        if self._db is not None:
            self._db.close()
        self._db = None

    def query(self, statement, *values):
        return self.ask(self.translate(statement), values)[1]

    def row(self, statement, *values):
        columns, rows = self.ask(self.translate(statement), values)
        return dict(zip(columns, rows[0])) if rows else None

    @contextmanager
    def locked(self, timeout=-1, tables=TABLES):
        """Nobody can write, nor read what is not a version."""
        with closing(self.connect()) as db, db.cursor() as cursor:
            cursor.execute(f"SET LOCK_TIMEOUT {timeout}")
            cursor.execute("BEGIN TRANSACTION")
            for table in tables:
                cursor.execute(f"SELECT COUNT(*) FROM etl.{table} WITH (TABLOCKX, HOLDLOCK)")
                cursor.fetchall()
            yield
            cursor.execute("ROLLBACK")

    def is_free(self):
        """No session has changed or locked anything. Twice: what was sent may be about to begin."""
        import pymssql  # pylint: disable=import-outside-toplevel
        for _ in range(2):
            try:
                with self.locked(timeout=0):
                    pass
            except pymssql.Error as e:
                assert "1222" in str(e) or "Lock request" in str(e), e
                return False
        return True

    def _try(self, statements):
        """Those that were refused."""
        import pymssql  # pylint: disable=import-outside-toplevel
        refused = []
        for statement in statements:
            try:
                self.ask(statement)
            except pymssql.Error as e:
                refused.append(e)
        return refused

    def remove(self):
        """There is no store any more: schema and roles are dropped, in whatever order that can be done."""
        kinds = {"V": "VIEW", "P": "PROCEDURE", "U": "TABLE"}

        def dropped():
            left = self.ask("SELECT o.type, o.name FROM sys.objects o JOIN sys.schemas s"
                            " ON s.schema_id = o.schema_id WHERE s.name = N'etl' AND o.type IN ('V', 'P', 'U')")[1]
            refused = self._try(f"DROP {kinds[kind.strip()]} etl.[{name}]" for kind, name in left)
            return not refused or len(refused) < len(left) and dropped()
        assert dropped(), "schema etl cannot be emptied"
        if self.ask("SELECT 1 FROM sys.schemas WHERE name = N'etl'")[1]:
            self._try(["DROP SCHEMA etl"])

    def end(self):
        self.forget()


class TdsdStore(MssqlStore):
    """tests/tdsd."""

    def __init__(self, directory, pki, server=None, database="ETL"):
        self.owner, self.pki, self.server = server is None, pki, server
        if self.owner:
            self._start(directory, "--database", database)
        super().__init__(directory, f"localhost,{self.server.port}", database, USER, PASSWORD, "require", pki.ca)

    def _start(self, directory, *arguments, **options):
        certificate, key = self.pki.localhost()
        self.server = Tdsd(Path(directory) / "tdsd", *arguments, encrypt="on", certificate=certificate,
                           key=key, **options)

    def another(self, directory):
        self.ask(f"CREATE DATABASE {self.database}2")
        return TdsdStore(directory, self.pki, self.server, self.database + "2")

    @property
    def file(self):
        return self.server.dir / "db" / f"{self.database}.db"

    def backup(self, name="backup"):
        copy(self.file, self.directory / name)

    def become(self, other, name="backup"):
        """As a server restores: every session is ended, then the pages are those of the backup."""
        self.server.kill_all()
        other.forget()
        self.forget()
        copy(other.directory / name, self.file)

    def restore(self, name="backup"):
        self.become(self, name)

    def stop(self):
        """The server goes away."""
        self.forget()
        self.server.stop()

    def start(self):
        """And is back, at the same address and with what it had."""
        self._start(self.directory, listen=f"127.0.0.1:{self.server.port}")

    def end(self):
        super().end()
        if self.owner and self.server.alive():
            self.server.stop()


class ServerStore(MssqlStore):
    """The one that the environment names."""

    def __init__(self, directory):
        env = {k[len("ETL_TEST_MSSQL"):].lstrip("_").lower(): v for k, v in os.environ.items()
               if k.startswith("ETL_TEST_MSSQL")}
        password = env.get("password") or Path(env["password_file"]).read_text(encoding="utf-8").rstrip("\n")
        super().__init__(directory, env[""], env.get("database", "master"), env["user"], password,
                         env.get("encrypt", "off"), env.get("ca_file"))
        self.made = None
        name = "etl_test_" + secrets.token_hex(6)
        if not self._try([f"CREATE DATABASE {name}", f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT ON"]):
            self.made = self.database = name
            self.name = f"{self.address}/{name}"
            self.forget()
        else:
            assert "database" in env, "CREATE DATABASE is refused, and ETL_TEST_MSSQL_DATABASE names none"
            self.remove()

    def another(self, directory):
        assert self.made, "a second store needs CREATE DATABASE"
        return ServerStore(directory)

    def backup(self, name="backup"):
        self.ask(f"BACKUP DATABASE {self.database} TO DISK = N'{self.database}-{name}.bak' WITH INIT")

    def become(self, other, name="backup"):
        self.forget()
        with closing(self.connect("master")) as db, db.cursor() as cursor:
            for statement in (f"ALTER DATABASE {self.database} SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
                              f"RESTORE DATABASE {self.database} FROM DISK = N'{other.database}-{name}.bak'"
                              " WITH REPLACE",
                              f"ALTER DATABASE {self.database} SET MULTI_USER"):
                cursor.execute(statement)

    def restore(self, name="backup"):
        self.become(self, name)

    def end(self):
        if self.made:
            self.forget()
            with closing(self.connect("master")) as db, db.cursor() as cursor:
                cursor.execute(f"ALTER DATABASE {self.made} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
                cursor.execute(f"DROP DATABASE {self.made}")
        else:
            self.remove()
            self.forget()


def make_store(kind, directory, authority):
    """authority(): the servers.Pki of a server that is started here."""
    if kind == "sqlite":
        return SqliteStore(directory)
    return ServerStore(directory) if "ETL_TEST_MSSQL" in os.environ else TdsdStore(directory, authority())
