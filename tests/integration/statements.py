"""Statements as they are in the catalogue (docs/statements.md): without names, numbers, types and lists."""

import json
import re

from servers import ROOT

CATALOGUE = ROOT / "docs" / "statements.md"

TYPE = r"(?:sql_variant|uniqueidentifier|hierarchyid|geometry|geography|[a-z]*(?:int|char|binary|time|text|date|time2" \
       r"|timeoffset|money)|bit|real|float|decimal|numeric|xml|image|json)(?:\((?:[0-9, ]+|max)\))?"

RULES = [(re.compile(pattern), to) for pattern, to in (
    (r"\s+", " "),
    (r"N?'(?:[^']|'')*'", "'…'"),
    (r"\[(?:[^\]]|\]\])*\]", "[n]"),
    (r"\[n\]\.\[n\]", "[n]"),
    (r"0x[0-9A-Fa-f]+", "0"),
    (r"\b[0-9]+\b", "0"),
    (r"\bc[0-9]+\b", "c"),
    (r"'…' AS " + TYPE + r"\)", "'…' AS type)"),
    (r"(\[n\]|s\.c) (?:AS )?" + TYPE + r"(?: COLLATE \w+)?(?: NOT NULL| NULL)?(?=[,)]|$)", r"\1 type"),
    (r"CAST\((\S+) AS " + TYPE + r"\)", r"CAST(\1 AS type)"),
)]
LIST = re.compile(r"((?:[\[\]\w.@=<>' …]|\([^()]*\))+?)(?:, …)?(?:, \1(?:, …)?)+(?=[,)]| FROM| WHERE|$)")


def normal(text):
    """Two texts that differ in what somebody's tables are called, and have, are the same."""
    for pattern, to in RULES:
        text = pattern.sub(to, text)
    text = text.strip()
    while (shorter := LIST.sub(r"\1, …", text)) != text:
        text = shorter
    if text.startswith("UPDATE t SET"):  # a condition for each column, as its type wants it
        text = text[:text.index(" WHERE ")] + " WHERE …"
    return text


def of_product(said):
    """What a server was told, but for what the job's author or the selftest itself wrote, in whose texts names stand
    without brackets."""
    return {normal(s["text"]) for s in said if s["kind"] != "load" and "etl_selftest." not in s["text"]
            and s["application"] != "etl selftest"}


INTRO = """# Statements that a SQL Server gets from us

Made by `ETL_WRITE_STATEMENTS=1 python3 -m pytest tests/integration/test_statements.py`, and held against what the server of
the tests is told: a statement that is missing here, or that nobody sends any more, fails that test. Names, numbers, texts,
types and lists are left out: `[n]`, `0`, `'…'`, `type`, `, …`. What a job's author writes (source_query, pre_sql, post_sql, sql
jobs) is not among them.

## What they were verified on

| server | how |
| --- | --- |
| tests/tdsd, the TDS server of the tests | all of them, at every change |
| a grammar of T-SQL that others wrote | those of the store, at every change (`tests/integration/test_tsql.py`) |
| your SQL Server | those marked *selftest* by `etl selftest CONNECTION`, whose report names version and edition |

No report of a Microsoft server is known here yet.
"""


def write(by_selftest, others, store):
    out = [INTRO, "## Connections, loads, ledger\n"]
    for text in sorted(by_selftest | others):
        mark = "*selftest*" if text in by_selftest else "other commands"
        out.append(f"- {mark}\n  ```sql\n  {text}\n  ```")
    out.append("\n## The store\n\nOf `lib/job/statements_table.h`, the migrations, roles and words; `etl init --dry-run` prints "
               "the schema.\n")
    out += [f"- `{name}`\n  ```sql\n  {text}\n  ```" for name, text in sorted(store.items())]
    CATALOGUE.write_text("\n".join(out) + "\n", encoding="utf-8")


def read():
    """({statement: mark}, {name: statement}) of the catalogue."""
    loads, store = {}, {}
    for mark, text in re.findall(r"^- (.+)\n  ```sql\n  (.*)\n  ```$", CATALOGUE.read_text(encoding="utf-8"), re.M):
        if mark.startswith("`"):
            store[mark.strip("`")] = text
        else:
            loads[text] = mark
    return loads, store


def of_store(dumped):
    """The schema's texts are scripts of hundreds of lines, which begin with what they make."""
    shown = {}
    for s in json.loads(dumped):
        text = " ".join(s["tsql"].split())
        shown[s["name"]] = text if len(text) <= 2000 else text[:200] + " …"
    return shown
