"""Clients of SQL Server that nobody here wrote: FreeTDS's tsql and freebcp, pymssql, tedious."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import npm
from servers import ROOT, program, run
from tdsd import PASSWORD, USER

TEDIOUS = ROOT / "tests" / "tdsd" / "tedious"


class FreeTds:
    """tsql and freebcp with a configuration of their own."""

    def __init__(self, directory, server, version="7.4", encryption="request", **more):
        self.dir = directory
        self.config = directory / f"freetds-{version}-{encryption}.conf"
        lines = ["[server]", "host = 127.0.0.1", f"port = {server.port}", f"tds version = {version}",
                 f"encryption = {encryption}", "client charset = UTF-8"]
        lines += [f"{name.replace('_', ' ')} = {value}" for name, value in more.items()]
        self.config.write_text("\n".join(lines) + "\n")
        self.env = {**os.environ, "FREETDSCONF": str(self.config), "LC_ALL": "C.UTF-8"}

    def tsql(self, *batches, user=USER, password=PASSWORD, database=None):
        """The output without its prompts; an unsuccessful login has another status."""
        argv = [program("tsql"), "-S", "server", "-U", user, "-P", password, "-o", "fhq"]
        if database:
            argv += ["-D", database]
        return subprocess.run(argv, input="\ngo\n".join([*batches, "quit\n"]), env=self.env,
                              capture_output=True, text=True, timeout=120, check=False)

    def rows(self, sql, **login):
        result = self.tsql(sql, **login)
        assert result.returncode == 0, result.stdout + result.stderr
        return [line.split("\t") for line in result.stdout.splitlines()]

    def bcp(self, table, direction, path, *options):
        return run(program("freebcp"), table, direction, path, "-S", "server", "-U", USER, "-P",
                   PASSWORD, *options, env=self.env)


@pytest.fixture(scope="session")
def node_modules():
    return npm.install(TEDIOUS, "tdsd")


@pytest.fixture
def tedious(node_modules):  # pylint: disable=redefined-outer-name
    """tedious(server, steps, options) runs client.js."""

    def start(server, *steps, user=USER, password=PASSWORD, **options):
        options = {"port": server.port, "encrypt": False, "trustServerCertificate": True,
                   "rowCollectionOnDone": False, "useUTC": True, **options}
        config = {"server": "127.0.0.1", "options": options,
                  "authentication": {"type": "default",
                                     "options": {"userName": user, "password": password}}}
        result = subprocess.run(["node", TEDIOUS / "client.js"], text=True, capture_output=True,
                                input=json.dumps({"config": config, "steps": steps}), timeout=120,
                                env={**os.environ, "NODE_PATH": str(node_modules)}, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return start


@pytest.fixture(scope="session")
def libtds():
    """libtds(server, sql, encryption=…) runs tests/smoke/tds_query, the libtds that the product
    has: its lines by their first word, or its complaint under 'error'."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    run("make", "-s", "-C", ROOT, "smoke", env=env)

    def start(server, sql, encryption="off", ca="", name="", cancel_after=None):
        argv = [ROOT / "build/musl/smoke/tds_query", "127.0.0.1", str(server.port), encryption,
                str(ca), name, sql, *([str(cancel_after)] if cancel_after else [])]
        result = subprocess.run(argv, env={**os.environ, "TDS_USER": USER, "TDS_PASSWORD": PASSWORD},
                                capture_output=True, text=True, timeout=120, check=False)
        told = dict(line.partition(" ")[::2] for line in result.stdout.splitlines())
        return {**told, "error": result.stderr} if result.returncode else told

    return start


@pytest.fixture
def pymssql():
    """The module; skips the test where it is not installed."""
    module = pytest.importorskip("pymssql", reason="python3-pymssql (scripts/install-deps)")
    return module


def pymssql_connect(module, server, **options):
    options = {"user": USER, "password": PASSWORD, "tds_version": "7.3", "autocommit": True,
               "charset": "UTF-8", **options}
    return module.connect(server="127.0.0.1", port=str(server.port), **options)


def have_tshark():
    return shutil.which("tshark") is not None and sys.platform == "linux"
