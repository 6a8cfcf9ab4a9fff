"""CSV by the real binary: every way of writing a file that there is an option for."""

import pytest


def test_quote_escape_and_null_text(project):
    project.load('id|name\n1|\'O\\\'Brien|x\'\n2|\\N\n3|a\\|b\\\\\n', delimiter="|", quote="'",
                 escape="\\", null="\\N")
    assert project.sql("SELECT * FROM t") == [(1, "O'Brien|x"), (2, None), (3, "a|b\\")]


def test_no_quotes_at_all(project):
    project.load('id\tname\n1\t"x\n2\ty"\n', delimiter="tab", quote="none")
    assert project.sql("SELECT * FROM t") == [(1, '"x'), (2, 'y"')]


def test_columns_by_position(project):
    project.load("1,x,2.5\n2,,7\n", header="no")
    assert project.sql("SELECT column1, column2, column3 FROM t") == [(1, "x", 2.5), (2, None, 7.0)]
    project.load("1,x,2.5\n2,,7\n", header="no", target_table="named",
                 columns="id int not null, name varchar(max), price decimal(18,2)")
    assert project.sql("SELECT id, name, price FROM named") == [(1, "x", "2.50"), (2, None, "7.00")]
    done = project.load("1,x\n", header="no", columns="id int", target_table="u", status=1)
    assert "t.csv: line 1, column 3: 2 fields, 'columns' has 1" in done.stderr


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(project, end):
    project.load(end.join(["id,name", '1,"a\r\nb"', "2,c", ""]).encode())
    assert project.sql("SELECT * FROM t") == [(1, "a\r\nb"), (2, "c")]


@pytest.mark.parametrize("keys, message", [
    ({"quote": "''"}, "jobs.ini:6: 'quote': '''' is not one ASCII character"),
    ({"escape": "none"}, "'escape': 'none' is not one ASCII character ('tab', 'semicolon' and "
                         "'space' have names) or 'doubled'"),
    ({"header": "maybe"}, "'header': 'maybe' is not one of yes, no"),
])
def test_options_that_are_refused_when_they_are_read(project, keys, message):
    project.etl("init")
    section = {"source": "raw", "source_table": "t", "target": "warehouse", "target_table": "t",
               **keys}
    project.write("jobs.ini", "[job load]\n" + "".join(f"{k} = {v}\n" for k, v in section.items()))
    assert message in project.etl(
        "apply", "jobs.ini", status=3).stderr


def test_a_delimiter_that_is_the_quote(project):
    done = project.load("a\n", delimiter='"', status=1)
    assert "delimiter and quote are both" in done.stderr
