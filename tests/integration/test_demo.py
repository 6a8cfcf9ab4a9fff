"""`etl demo`: what a newcomer and `docker run` see."""

import sqlite3

MONTHS, MEMBERS = 12, 10_000


def test_loads_and_reports(project):
    said = project.etl("demo").stdout
    directory = project.path / "etl-demo"
    with sqlite3.connect(directory / "warehouse.db") as db:
        rows = db.execute("SELECT count(*), count(DISTINCT member), sum(cents) FROM contributions").fetchone()
        funds = db.execute("SELECT name FROM funds ORDER BY fund").fetchall()
    cents = MONTHS * sum(15000 + member % 97 * 250 for member in range(MEMBERS))
    assert rows == (MONTHS * MEMBERS, MEMBERS, cents)
    assert funds[2] == ("Early retirement, old scheme",)
    report = (directory / "contributions_by_fund.csv").read_text()
    assert said.endswith(report)
    euros = [float(line.rsplit(",", 1)[1]) for line in report.split()[1:] if "," in line and line[-1].isdigit()]
    assert round(sum(euros) * 100) == cents
    # the commands are what they say: one can go on with them
    for job in ("load_funds", "work"):
        project.etl("--config", "etl-demo/etl.ini", "run", job)
    assert "nothing is left to do" in project.etl("--config", "etl-demo/etl.ini", "controller", "--until-idle").stderr


def test_leaves_alone_what_is_there(project):
    (project.path / "mine").mkdir()
    said = project.etl("demo", "mine", status=2).stderr
    assert "'mine' is there already" in said
    assert list((project.path / "mine").iterdir()) == []


def test_takes_no_notice_of_another_configuration(project):
    project.write("broken.ini", "[nonsense]\n")
    project.etl("demo", "d", ETL_CONFIG=str(project.path / "broken.ini"), ETL_LOG_LEVEL="debug")
    assert (project.path / "d/warehouse.db").exists()
    assert not (project.path / "control.db").exists()


def test_says_what_to_do_where_nothing_can_be_written(project):
    said = project.etl("demo", "/proc/nowhere", status=1).stderr
    assert "cannot make directory '/proc/nowhere'" in said and "--tmpfs" in said
