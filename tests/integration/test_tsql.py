"""The store's T-SQL against a grammar that nobody here wrote.

tests/tsql/dump prints the texts, tests/tsql/parse.js parses them with the T-SQL grammar of
antlr4ts-sql, which npm puts into the build cache at the versions and digests of package-lock.json.
"""

import json
import os
import re
import subprocess

import pytest

import npm
from servers import ROOT, run

HERE = ROOT / "tests" / "tsql"

# what a reader of SQLite would write, and what only looks like T-SQL
WRONG = [
    "SELECT a FROM etl.run LIMIT 1",
    "INSERT INTO etl.run (a) VALUES (1) RETURNING a",
    "INSERT INTO etl.run (a) VALUES (1) ON CONFLICT (a) DO NOTHING",
    "SELECT key FROM etl.run",
    "UPDATE etl.run AS r SET a = 1",
    "DELETE FROM etl.run WHERE (a = 1",
    "SELECT a FROM etl.run WITH (UPDLOCK HOLDLOCK WHERE a = 1",
    "INSERT INTO etl.run (a) VALUES (1) OUTPUT inserted.a INTO @_new",
]


@pytest.fixture(scope="module")
def grammar():
    """The directory of the node_modules."""
    return npm.install(HERE, "tsql")


@pytest.fixture(scope="module")
def parse(grammar):
    def parse(texts):
        result = subprocess.run(["node", HERE / "parse.js"], input=json.dumps(texts),
                                capture_output=True, text=True, timeout=300,
                                env={**os.environ, "NODE_PATH": str(grammar)})
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)
    return parse


@pytest.fixture(scope="module")
def statements():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    run("make", "-C", ROOT, "tsql", env=env)
    return json.loads(run(ROOT / "build" / "musl" / "tests" / "tsql" / "dump").stdout)


def test_the_grammar_refuses_what_is_wrong(parse):
    accepted = [text for text, found in zip(WRONG, parse(WRONG)) if not found["errors"]]
    assert accepted == []


def test_each_statement_is_t_sql_with_the_columns_of_sqlite(parse, statements):
    names = [s["name"] for s in statements]
    assert len(set(names)) == len(names)
    assert {"RUN_CLAIM", "LEASE_GIVE", "RUN_UNKNOWN", "DEFINITION_UPDATE", "SCHEMA_0", "ROLES_0", "WORDS_0", "LEDGER_0"} <= set(names)

    wrong = []
    # the grammar knows no GRANT of these two
    texts = [re.sub(r"GRANT (UPDATE|DELETE)\b", "GRANT INSERT", s["tsql"]) for s in statements]
    for statement, found in zip(statements, parse(texts)):
        if found["errors"]:
            wrong.append((statement["name"], found["errors"]))
        elif (not statement["name"].startswith(("DEFINITION_", "SCHEMA_", "ROLES_", "WORDS_", "LEDGER_"))
                and found["columns"] != statement.get("columns")):
            wrong.append((statement["name"], found["columns"], statement.get("columns")))
    assert wrong == []
