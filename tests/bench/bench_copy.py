"""Rows: out of files into memory, from one end to the other, beside the sqlite3 shell."""
import datetime
import itertools
import os
import random
import subprocess
import sys

from bench_common import ETL, WORK, program, remove, run, side_by_side

ROWS = 1_000_000


def project(connections, jobs):
    """etl.ini and a new store; connections: {name: (driver, path)}, jobs: the text of jobs.ini."""
    with open(os.path.join(WORK, "etl.ini"), "w", encoding="utf-8") as f:
        f.write("[store]\npath = control.db\n")
        for name, (driver, path) in connections.items():
            f.write(f"[connection {name}]\ndriver = {driver}\npath = {path}\n")
    with open(os.path.join(WORK, "jobs.ini"), "w", encoding="utf-8") as f:
        f.write(jobs)
    remove("control.db")
    run([ETL, "init"], WORK)
    run([ETL, "apply", "jobs.ini"], WORK)


def worker(job, prepare=lambda: None):
    """One side of side_by_side."""
    return f"etl worker, {job}", prepare, [ETL, "worker", "--job", job], None


def show(database, query):
    answer = subprocess.run(["sqlite3", database, query], cwd=WORK, check=True, capture_output=True, text=True)
    print(f"  {database}: {answer.stdout.strip()}")


def make_csv(path):
    """int, bigint, decimal, money, float, timestamp, two texts, uuid, bit; the same every time."""
    if os.path.exists(path):
        return
    chance = random.Random(1)
    words = ["alpha", "beta", "gamma", "délta", "epsilon, the fifth", 'the "zeta"', "eta", "theta"]

    def quote(text):
        return '"' + text.replace('"', '""') + '"' if set(text) & set(',"') else text

    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write("id,account,amount,fee,ratio,at,name,note,uid,active\n")
        for i in range(ROWS):
            f.write(
                f"{i},{chance.getrandbits(48)},{chance.randrange(10**9) / 10000:.4f},"
                f"{chance.randrange(10**6) / 100:.2f},{chance.random():.15g},"
                f"2024-{chance.randrange(12) + 1:02}-{chance.randrange(28) + 1:02}T"
                f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}.000,"
                f"{quote(f'{chance.choice(words)} {i}')},"
                f"{quote(chance.choice(words)) if chance.random() < 0.8 else ''},"
                f"{chance.getrandbits(128):032x},{i & 1}\n")
    os.rename(path + ".new", path)


TYPED = ("CREATE TABLE rows (id INTEGER, account INTEGER, amount REAL, fee REAL, ratio REAL, at TEXT,"
         " name TEXT, note TEXT, uid TEXT, active INTEGER);")


def csv():
    make_csv(os.path.join(WORK, "rows.csv"))
    declared = ("id bigint, account bigint, amount float, fee float, ratio float, at varchar(max),"
                " name varchar(max), note varchar(max), uid varchar(max), active bigint")
    project({"raw": ("csv", "."), "warehouse": ("sqlite", "ours.db")},
            "[defaults]\nsource = raw\nsource_table = rows\ntarget = warehouse\ntarget_table = rows\n"
            "load_mode = replace\n[job inferred]\n"
            f"[job declared]\ncolumns = {declared}\n"
            f"[job digested]\ncolumns = {declared}\nverify = digest\n")
    peer = ("sqlite3 .import, typed table", lambda: remove("theirs.db"), ["sqlite3", "theirs.db"],
            TYPED + "\n.mode csv\n.import --skip 1 rows.csv rows\n")
    size_mb = os.path.getsize(os.path.join(WORK, "rows.csv")) / 1e6
    for job in ("declared", "inferred"):
        side_by_side(
            f"CSV to SQLite: {ROWS:,} rows x 10 columns, {size_mb:.0f} MB, types {job}",
            worker(job, lambda: remove("ours.db")), peer)
    side_by_side(
        "What verify = digest costs, on the same rows",
        worker("digested", lambda: remove("ours.db")), worker("declared", lambda: remove("ours.db")))
    for database in ("ours.db", "theirs.db"):
        show(database, "SELECT count(*), sum(id), total(account), count(note) FROM rows")


MIXED = TYPED.replace("note TEXT", "note")


def make_database(path):
    """The rows of make_csv; in a column without type texts, integers and nulls, in another texts and
    blobs."""
    if os.path.exists(path):
        return
    make_csv(os.path.join(WORK, "rows.csv"))
    remove(path + ".new")
    run(["sqlite3", path + ".new"], WORK,
        MIXED + "\n.mode csv\n.import --skip 1 rows.csv rows\n"
        "UPDATE rows SET note = NULL WHERE note = '';\n"
        "UPDATE rows SET note = id WHERE id % 7 = 0;\n"
        "UPDATE rows SET uid = CAST(uid AS BLOB) WHERE id % 3 = 0;\nVACUUM;\n")
    os.rename(path + ".new", path)


def sqlite():
    make_database(os.path.join(WORK, "source.db"))
    project({"source": ("sqlite", "source.db"), "warehouse": ("sqlite", "ours.db")},
            "[defaults]\nsource = source\ntarget = warehouse\ntarget_table = rows\n"
            "load_mode = replace\n[job table]\nsource_table = rows\n"
            "[job query]\nsource_query = SELECT * FROM rows\n")
    size_mb = os.path.getsize(os.path.join(WORK, "source.db")) / 1e6
    for job, select in (("table", "SELECT * FROM s.rows"),
                        ("query", "SELECT id, account, amount, fee, ratio, at, name, note, uid, active"
                                  " FROM s.rows")):
        side_by_side(
            f"SQLite to SQLite, {job}: {ROWS:,} rows x 10 columns, {size_mb:.0f} MB",
            worker(job, lambda: remove("ours.db")),
            (f"ATTACH + INSERT {'SELECT *' if job == 'table' else 'SELECT a, b, ...'}",
             lambda: remove("theirs.db"), ["sqlite3", "theirs.db"],
             MIXED + f"ATTACH 'source.db' AS s; INSERT INTO rows {select};\n"))
        for database in ("ours.db", "theirs.db"):
            show(database, "SELECT count(*), sum(id), total(ratio), sum(typeof(note) = 'integer'),"
                 " sum(length(uid)) FROM rows")


# --- TPC-H's lineitem: 16 columns, most of them short ---

LINEITEM = {
    "l_orderkey": "bigint", "l_partkey": "bigint", "l_suppkey": "bigint", "l_linenumber": "int",
    "l_quantity": "decimal(15,2)", "l_extendedprice": "decimal(15,2)", "l_discount": "decimal(15,2)",
    "l_tax": "decimal(15,2)", "l_returnflag": "char(1)", "l_linestatus": "char(1)", "l_shipdate": "date",
    "l_commitdate": "date", "l_receiptdate": "date", "l_shipinstruct": "varchar(25)",
    "l_shipmode": "varchar(10)", "l_comment": "varchar(44)",
}


def make_lineitem(path):
    """The columns and the ranges of their values as TPC-H 4.2.3 has them; the same every time."""
    if os.path.exists(path):
        return
    chance = random.Random(2)
    words = "furiously sly carefully final deposits packages requests about the quickly ironic".split()
    instruct = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"]
    modes = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"]
    first = datetime.date(1992, 1, 2)
    days = [str(first + datetime.timedelta(days=i)) for i in range(2557)]
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(",".join(LINEITEM) + "\n")
        for i in range(ROWS):
            ship = chance.randrange(2400)
            quantity, part = chance.randrange(50) + 1, chance.randrange(200_000) + 1
            price = quantity * (90_000 + part // 10 % 20_001 + 100 * (part % 1000))
            comment = " ".join(chance.choice(words) for _ in range(5))[:43]
            f.write(f"{i // 4 * 8 + 1},{part},{chance.randrange(10_000) + 1},{i % 4 + 1},{quantity}.00,"
                    f"{price // 100}.{price % 100:02},0.{chance.randrange(11):02},0.{chance.randrange(9):02},"
                    f"{chance.choice('RAN')},{chance.choice('OF')},{days[ship]},"
                    f"{days[ship + chance.randrange(60)]},{days[ship + chance.randrange(30) + 1]},"
                    f"{chance.choice(instruct)},{chance.choice(modes)},{comment}\n")
    os.rename(path + ".new", path)


def lineitem():
    """Into typed columns, from one database to the other, and out again."""
    make_lineitem(os.path.join(WORK, "lineitem.csv"))
    create = f"CREATE TABLE lineitem ({', '.join(f'{n} {t}' for n, t in LINEITEM.items())});"
    remove("lineitem.db", "out/.etl_ledger.db")
    run(["sqlite3", "lineitem.db"], WORK, create + "\n.mode csv\n.import --skip 1 lineitem.csv lineitem\n")
    os.makedirs(os.path.join(WORK, "out"), exist_ok=True)
    project({"raw": ("csv", "."), "db": ("sqlite", "lineitem.db"), "warehouse": ("sqlite", "ours.db"),
             "out": ("csv", "out")},
            "[defaults]\nsource_table = lineitem\ntarget_table = lineitem\nload_mode = replace\n"
            "[job in]\nsource = raw\ntarget = warehouse\n"
            f"columns = {', '.join(f'{n} {t}' for n, t in LINEITEM.items())}\n"
            "[job across]\nsource = db\ntarget = warehouse\n[job out]\nsource = db\ntarget = out\n")
    title = f"lineitem, {ROWS:,} rows x {len(LINEITEM)} columns: "
    side_by_side(
        title + "CSV to SQLite", worker("in", lambda: remove("ours.db")),
        ("sqlite3 .import, typed table", lambda: remove("theirs.db"), ["sqlite3", "theirs.db"],
         create + "\n.mode csv\n.import --skip 1 lineitem.csv lineitem\n"))
    for database in ("ours.db", "theirs.db"):
        show(database, "SELECT count(*), sum(l_orderkey), round(sum(l_extendedprice), 2), max(l_shipdate) FROM lineitem")
    side_by_side(
        title + "SQLite to SQLite", worker("across", lambda: remove("ours.db")),
        ("ATTACH + INSERT SELECT *", lambda: remove("theirs.db"), ["sqlite3", "theirs.db"],
         create + "ATTACH 'lineitem.db' AS s; INSERT INTO lineitem SELECT * FROM s.lineitem;\n"))
    side_by_side(
        title + "SQLite to CSV", worker("out", lambda: remove("out/lineitem.csv")),
        ("sqlite3 -csv", lambda: remove("out/theirs.csv"),
         ["/bin/sh", "-c", "sqlite3 -csv -header lineitem.db 'SELECT * FROM lineitem' > out/theirs.csv"], None))


# --- memory: a worker's, whatever the number of rows ---

MEMORY_LIMIT = 32 << 20
FEW_ROWS = ROWS // 10


def most_resident(argv):
    """Bytes. By GNU time: to a child of ours the kernel would count what Python has before the exec."""
    out = os.path.join(WORK, "most-resident")
    run(["/usr/bin/time", "-f", "%M", "-o", out, *argv], WORK)
    with open(out, encoding="ascii") as f:
        return int(f.read()) << 10


def memory():
    make_database(os.path.join(WORK, "source.db"))
    os.makedirs(os.path.join(WORK, "out"), exist_ok=True)
    with open(os.path.join(WORK, "rows.csv"), encoding="utf-8") as rows_csv, \
            open(os.path.join(WORK, "few.csv"), "w", encoding="utf-8") as few:
        few.writelines(itertools.islice(rows_csv, FEW_ROWS + 1))
    remove("few.db", "ours.db", "out/.etl_ledger.db")
    run(["sqlite3", "few.db"], WORK, MIXED + "ATTACH 'source.db' AS s;"
        f"INSERT INTO rows SELECT * FROM s.rows LIMIT {FEW_ROWS};\n")
    ends = {"CSV to SQLite": ("raw", "few", "raw", "rows", "warehouse", "replace"),
            "SQLite to SQLite": ("few", "rows", "source", "rows", "warehouse", "replace"),
            "SQLite, merged": ("few", "rows", "source", "rows", "warehouse", "merge\nkey_columns = id"),
            "SQLite to CSV": ("few", "rows", "source", "rows", "out", "replace")}
    jobs = ""
    for i, (few_source, few_table, source, table, target, mode) in enumerate(ends.values()):
        jobs += f"[job few{i}]\nsource = {few_source}\nsource_table = {few_table}\n"
        jobs += f"target = {target}\ntarget_table = t{i}\nload_mode = {mode}\n"
        jobs += f"[job all{i}]\nsource = {source}\nsource_table = {table}\n"
        jobs += f"target = {target}\ntarget_table = t{i}\nload_mode = {mode}\n"
    project({"raw": ("csv", "."), "few": ("sqlite", "few.db"), "source": ("sqlite", "source.db"),
             "warehouse": ("sqlite", "ours.db"), "out": ("csv", "out")}, jobs)
    print(f"\nmemory: the most that a worker has resident (limit {MEMORY_LIMIT >> 20} MiB)")
    for i, name in enumerate(ends):
        few, many = (most_resident([ETL, "worker", "--job", f"{job}{i}"]) for job in ("few", "all"))
        print(f"  {name:<20} {FEW_ROWS:>9,} rows {few / (1 << 20):5.1f} MiB  {ROWS:,} rows {many / (1 << 20):5.1f} MiB")
        if many >= MEMORY_LIMIT:
            sys.exit("a worker takes too much memory")


# --- rows in memory: no peer, but aims ---

ROW_AIMS = {"scan": 20, "encode": 5, "decode": 5}  # million rows/s of one core


def csv_out():
    """The same rows out of one SQLite database; ours reads back what it wrote, and keeps 17 digits."""
    make_csv(os.path.join(WORK, "rows.csv"))
    if not os.path.exists(os.path.join(WORK, "out.db")):
        run(["sqlite3", "out.db"], WORK, TYPED + "\n.mode csv\n.import --skip 1 rows.csv rows\n")
    os.makedirs(os.path.join(WORK, "out"), exist_ok=True)
    remove("out/.etl_ledger.db")
    project({"db": ("sqlite", "out.db"), "out": ("csv", "out")},
            "[job out]\nsource = db\nsource_table = rows\ntarget = out\ntarget_table = rows\n"
            "load_mode = replace\n")
    side_by_side(
        f"SQLite to CSV: {ROWS:,} rows x 10 columns",
        worker("out", lambda: remove("out/rows.csv")),
        ("sqlite3 -csv", lambda: remove("out/theirs.csv"),
         ["/bin/sh", "-c", "sqlite3 -csv -header out.db 'SELECT * FROM rows' > out/theirs.csv"], None))
    for name in ("rows.csv", "theirs.csv"):
        with open(os.path.join(WORK, "out", name), "rb") as f:
            print(f"  {name}: {sum(1 for _ in f):,} lines")


CSV_AIMS = {"split_plain": 1000, "split_quoted": 500, "typed": 200}  # MB/s of one core


def csv_parse():
    """In CPU time: the parser by itself in memory, and the source with its file in the cache."""
    path = os.path.join(WORK, "rows.csv")
    make_csv(path)
    declared = ("id bigint, account bigint, amount decimal(18,4), fee decimal(18,2), ratio float,"
                " at datetime2(3), name varchar(max), note varchar(max), uid varchar(max), active bit")
    print("\nCSV, one core (median of 7)")
    for what in (["split", "plain"], ["split", "quoted"], ["typed", path, declared], ["inferred", path]):
        output = subprocess.run([program("csv"), *what], check=True, capture_output=True, text=True).stdout
        name, figure = output.splitlines()[0].split()
        name = name.removesuffix("_mb_s")
        aim = f"  (aim: {CSV_AIMS[name]})" if name in CSV_AIMS else ""
        print(f"  {name:<14} {int(figure):6,} MB/s{aim}")


def rows():
    print("\nrows of 10 columns in memory, one core (median of 9)")
    output = subprocess.run(program("rows"), check=True, capture_output=True, text=True).stdout
    for name, figure in (line.split() for line in output.splitlines()):
        if name == "bytes":
            print(f"  {figure} bytes a row")
            continue
        aim = f"  (aim: {ROW_AIMS[name]})" if name in ROW_AIMS else ""
        print(f"  {name:<10} {float(figure) / 1e6:7.1f} million rows/s{aim}")
