"""etl.ini and job files: found, read, and refused with file, line and the nearest name."""

import subprocess

import pytest
from product import ETL
from project import CONFIG


@pytest.mark.parametrize("text, message", [
    ("[stoer]\n", "etl.ini:1: unknown section 'stoer', did you mean 'store'?"),
    ("[store]\npth = x\n", "etl.ini:2: unknown key in [store]: 'pth', did you mean 'path'?"),
    ("[store]\npath = a\npath = b\n", "etl.ini:3: 'path' is set on line 2 already"),
    ("[store]\n[log]\n[store]\n", "etl.ini:3: [store] stands on line 1 already"),
    ("[store]\ndriver = sqlit\n",
     "etl.ini:2: 'driver': 'sqlit' is not one of sqlite, mssql, did you mean 'sqlite'?"),
    ("[log] ; a comment\n[store] path = x\n", "etl.ini:2: text behind '[store]'"),
    ("[store]\nnonsense\n", "etl.ini:2: neither '[section]' nor 'key = value'"),
    ("path = x\n", "etl.ini:1: 'path' stands before the first [section]"),
    ("[controller]\npoll = soon\n", "etl.ini:2: 'poll': 'soon' is not a duration"),
    ("[controller]\npoll = 1ms\n", "etl.ini:2: 'poll': '1ms' is less than 10ms"),
    ("[controller]\nmax_workers = many\n", "etl.ini:2: 'max_workers': 'many' is not a whole number"),
    ("[store]\npath = ${NOT_SET_ANYWHERE}\n",
     "etl.ini:2: the environment has no variable 'NOT_SET_ANYWHERE'"),
    ("[connection]\ndriver = csv\n", "etl.ini:1: [connection] needs a name"),
    ("[connection x]\npath = y\n", "etl.ini:1: [connection x] needs 'driver'"),
    ("[connection x]\ndriver = csv\n", "etl.ini:1: [connection x] needs 'path'"),
    ("[connection x]\ndriver = sqlite\npath = y\ndelimiter = ,\n",
     "etl.ini:4: unknown key in [connection x]: 'delimiter'"),
    ("[connection x]\ndriver = csv\npath = y\ndelimiter = ab\n",
     "etl.ini:4: 'delimiter': 'ab' is not one ASCII character"),
    ("[store]\n\x00\n", "etl.ini:2: a NUL byte"),
])
def test_bad_configuration(project, text, message):
    project.write("etl.ini", text)
    done = project.etl("init", status=3)
    assert message in done.stderr
    assert not (project.path / "control.db").exists()


JOB = "[job a]\nsource = raw\nsource_table = t\ntarget = warehouse\ntarget_table = t\n"


@pytest.mark.parametrize("text, message", [
    ("", "has no [job NAME] section"),
    ("[jbo a]\n", "jobs.ini:1: unknown section 'jbo', did you mean 'job'?"),
    ("[job]\n", "jobs.ini:1: [job] needs a name"),
    ("[job 7]\n", "jobs.ini:1: job name '7' is a number"),
    (JOB + "sorce = raw\n", "jobs.ini:6: unknown key in [job a]: 'sorce', did you mean 'source'?"),
    (JOB + "load_mode = relpace\n",
     "jobs.ini:6: 'load_mode': 'relpace' is not one of replace, append, truncate, merge, incremental, did you mean 'replace'?"),
    (JOB + "retry_delay = later\n", "jobs.ini:6: 'retry_delay': 'later' is not a duration"),
    ("[job a]\nsource = raw\n", "jobs.ini:1: job 'a': a job of kind copy needs 'target'"),
    ("[defaults]\nsource = raw\n", "has no [job NAME] section"),
    ("[defaults x]\n" + JOB, "jobs.ini:1: [defaults x]: this section has no name"),
    ("[defualts]\n" + JOB, "jobs.ini:1: unknown section 'defualts', did you mean 'defaults'?"),
    ("[defaults]\nlaod_mode = append\n" + JOB,
     "jobs.ini:2: unknown key in [job a]: 'laod_mode', did you mean 'load_mode'?"),
])
def test_bad_jobs_store_nothing(project, text, message):
    project.etl("init")
    project.write("jobs.ini", text)
    assert message in project.etl("apply", "jobs.ini", status=3).stderr
    assert project.sql("SELECT count(*) FROM etl_job", "control.db") == [(0,)]


def test_a_file_is_stored_whole_or_not(project):
    project.etl("init")
    project.write("jobs.ini", JOB + "[job b]\nsource = raw\n")
    project.etl("apply", "jobs.ini", status=3)
    assert project.sql("SELECT count(*) FROM etl_job", "control.db") == [(0,)]


def test_defaults_hold_for_jobs_that_do_not_say(project):
    project.etl("init")
    project.write("jobs.ini", "[job a]\nsource_table = a\ntarget_table = a\n"
                  "[defaults]\nsource = raw\ntarget = warehouse\nload_mode = replace\nnull = NA\n"
                  "[job b]\nsource_table = b\ntarget_table = b\nload_mode = append\nnull =\n")
    project.etl("apply", "jobs.ini")
    assert project.sql("SELECT name, source, load_mode, format FROM etl_job ORDER BY name",
                       "control.db") == [("a", "raw", "replace", '{"null":"NA"}'),
                                         ("b", "raw", "append", '{"null":""}')]


def test_apply_says_what_changed_and_keeps_history(project):
    project.etl("init")
    project.write("jobs.ini", JOB)
    assert project.etl("apply", "jobs.ini").stdout == "job 1\ta\tcreated\n"
    assert project.etl("apply", "jobs.ini").stdout == "job 1\ta\tunchanged\n"
    text = JOB + "retry_delay = 90s\nnull = NA\n"
    assert project.etl("apply", "-", stdin=text).stdout == "job 1\ta\tchanged\n"
    assert project.sql("SELECT version, retry_delay, format FROM etl_job", "control.db") == [
        (2, 90.0, '{"null":"NA"}')]
    assert project.sql("SELECT job_id, version FROM etl_job_history", "control.db") == [
        (1, 1), (1, 2)]


def test_the_environment_and_other_directories(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    project.write("etl.ini", CONFIG.replace("control.db", "${STORE_NAME}.db"))
    done = project.etl("init", STORE_NAME="from_env")
    assert "made store 'from_env.db'" in done.stdout
    done = subprocess.run([str(ETL), "init"], cwd=elsewhere, capture_output=True, text=True,
                          env=project.env(ETL_CONFIG=str(project.path / "etl.ini"),
                                          STORE_NAME="again"))
    assert done.returncode == 0, done.stderr
    assert (project.path / "again.db").exists() and not list(elsewhere.iterdir())


def test_without_a_configuration_the_store_is_etl_db(tmp_path):
    done = subprocess.run([str(ETL), "init"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "etl.db").exists()


def test_a_configuration_that_is_not_there(project):
    (project.path / "etl.ini").unlink()
    done = project.etl("init", status=3)
    assert "open 'etl.ini': No such file or directory" in done.stderr


def test_no_store(project):
    done = project.etl("worker", "--job", 1, status=4)
    assert "control.db" in done.stderr and "hint: run 'etl init'" in done.stderr
    assert not (project.path / "control.db").exists()


def test_a_store_that_is_none(project):
    project.write("control.db", "this is not a database, " * 100)
    assert "control.db" in project.etl("worker", "--job", 1, status=4).stderr


def test_a_store_of_a_newer_version(project):
    project.etl("init")
    project.sql("INSERT INTO etl_migration (version, name) VALUES (999, 'future')", "control.db")
    for command in (["init"], ["worker", "--job", "1"]):
        done = project.etl(*command, status=4)
        assert "schema version 999" in done.stderr and "hint: use the version" in done.stderr
