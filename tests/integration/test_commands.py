"""The command line: dispatch, help, exit codes, output for scripts."""

import json
import re
import subprocess

import pytest
from product import ETL, ROOT
from servers import program

COMMANDS = ["init", "apply", "worker", "status", "logs", "version", "help", "completion"]


def etl(*args, cwd=None, **env):
    return subprocess.run([str(ETL), *args], cwd=cwd, env=env or None, capture_output=True,
                          text=True, timeout=60)


def test_version_names_every_library():
    text = etl("version").stdout
    libraries = json.loads(etl("version", "--json").stdout)["libraries"]
    assert set(libraries) == {
        "musl", "FreeTDS", "Heimdal", "mbedTLS", "libcurl", "inih", "libyaml", "SQLite", "xxHash",
        "yyjson", "zlib", "zstd"}
    for name, version in libraries.items():
        assert re.search(rf"^ *{name} +{re.escape(version)}$", text, re.M), name
    locked = (ROOT / "vendor/lock").read_text()
    for package, name in {"musl": "musl", "freetds": "FreeTDS", "mbedtls": "mbedTLS",
                          "curl": "libcurl", "libinih": "inih", "sqlite3": "SQLite",
                          "xxhash": "xxHash", "yyjson": "yyjson", "libzstd": "zstd",
                          "zlib": "zlib"}.items():
        assert re.search(rf"^{package} (\S+really)?{re.escape(libraries[name])}\b", locked, re.M), name
    assert etl("--version").stdout == text


def test_help_knows_every_command():
    usage = etl("help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", usage, re.M)
        page = etl("help", command).stdout
        assert page.startswith(f"usage: etl {command}")
        assert etl(command, "--help").stdout == page


def test_no_command_prints_the_usage_and_fails():
    done = etl()
    assert done.returncode == 2 and "commands:" in done.stdout


@pytest.mark.parametrize("args, message", [
    (["wroker"], "unknown command 'wroker', did you mean 'worker'?"),
    (["worker"], "'etl worker' needs --job JOB"),
    (["worker", "--jbo", "3"], "unknown option '--jbo', did you mean '--job'?"),
    (["worker", "--job"], "option '--job' needs a value"),
    (["worker", "--job", "1", "--job", "2"], "option '--job' is given twice"),
    (["worker", "-j", "1"], "unknown option '-j'"),
    (["apply"], "'etl apply' needs FILE"),
    (["apply", "a", "b"], "'etl apply': unexpected argument 'b'"),
    (["version", "--json=yes"], "option '--json' takes no value"),
    (["help", "inti"], "no help on 'inti', did you mean 'init'?"),
    (["completion", "fish"], "'fish' is not bash or zsh"),
    (["status", "x"], "'x' is not the number of a run"),
    (["status", "--last", "0"], "--last '0' is not a number from 1"),
    (["logs"], "'etl logs' needs RUN"),
    (["logs", "-1"], "unknown option '-1'"),
    (["init", "--log-level", "loud"], "log level 'loud'"),
    (["init", "--log-format", "xml"], "log format 'xml'"),
])
def test_usage_errors(args, message, tmp_path):
    done = etl(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert f"etl: {message}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_flags_stand_before_or_behind_the_command(project):
    behind = subprocess.run([str(ETL), "init", "--config=etl.ini"], cwd=project.path,
                            capture_output=True, text=True, timeout=60)
    assert behind.returncode == 0 and "made store 'control.db'" in behind.stdout
    assert "up to date" in project.etl("init").stdout


def test_output_for_scripts(project):
    first = json.loads(project.etl("init", "--json").stdout)
    assert first["store"] == "control.db" and first["from_version"] == 0
    project.write("jobs.ini", "[job a]\nsource = raw\nsource_table = t\ntarget = warehouse\n"
                  "target_table = t\n")
    assert json.loads(project.etl("apply", "jobs.ini", "--json").stdout) == [
        {"job_id": 1, "name": "a", "change": "created"}]


def test_output_that_cannot_be_written_is_an_error():
    done = subprocess.run([str(ETL), "version"], stdout=open("/dev/full", "w"),
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "standard output" in done.stderr


def complete(words):
    """What bash offers for the last word."""
    script = (f"source <({ETL} completion bash); COMP_WORDS=({' '.join(repr(w) for w in words)}); "
              f"COMP_CWORD={len(words) - 1}; _etl; echo \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_bash_completion():
    assert complete(["etl", "wo"]) == ["worker"]
    assert set(COMMANDS) <= set(complete(["etl", ""]))
    assert complete(["etl", "worker", "--j"]) == ["--job"]
    assert "--config" in complete(["etl", "init", "--"])
    assert complete(["etl", "apply", "job"]) == []  # files, by bash's default


def test_manual_page_is_current():
    assert etl("help", "--man").stdout == (ROOT / "docs/etl.1").read_text()


def test_manual_page_is_well_formed():
    done = subprocess.run([program("man"), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                           str(ROOT / "docs/etl.1")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_help_lists_every_key(project):
    config = etl("help", "config").stdout
    example = (ROOT / "etl.ini.example").read_text()
    for key in re.findall(r"^(\w+) =", example, re.M):
        assert re.search(rf"^  {key}\b", config, re.M), key
    job = etl("help", "job").stdout
    for key in ["source", "target_table", "load_mode", "columns", "null", "delimiter"]:
        assert re.search(rf"^  {key}\b", job, re.M), key


def test_readme_has_the_exit_codes():
    usage = etl("help").stdout
    readme = (ROOT / "README.md").read_text()
    codes = re.findall(r"^  (\d)  (.*)$", usage, re.M)
    assert [int(c) for c, _ in codes] == list(range(9))
    for code, meaning in codes:
        assert re.search(rf"^\| {code} \| {meaning}", readme, re.M), (code, meaning)
