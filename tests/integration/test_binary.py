"""What the binary promises as a file: static, hardened, small, and the same
bytes wherever it is built."""

import os
import re
import socket
import subprocess

from product import FULL, ROOT, copy_inputs, etl, make  # noqa: F401 (a fixture)

MAX_BYTES = 8 << 20


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def build_id(path):
    return re.search(r"Build ID: ([0-9a-f]{40})$", readelf("-n", path), re.MULTILINE).group(1)


def test_needs_no_loader_and_no_library(etl):
    assert "INTERP" not in readelf("-l", etl)
    assert "NEEDED" not in readelf("-d", etl)


def test_is_position_independent(etl):
    assert re.search(r"Type:\s+DYN ", readelf("-h", etl))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("-d", etl))


def test_is_hardened(etl):
    segments, dynamic = readelf("-l", etl), readelf("-d", etl)
    assert "GNU_RELRO" in segments
    assert re.search(r"\(FLAGS\).*\bBIND_NOW\b", dynamic)
    assert re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic)
    assert re.search(r"GNU_STACK .* RW  ?0x", segments), "the stack is executable"
    # no segment is writable and executable
    assert not re.search(r"LOAD .* RWE ", segments)
    assert "TEXTREL" not in dynamic


def test_is_stripped_but_can_be_debugged(etl):
    sections = readelf("-S", etl)
    assert ".symtab" not in sections and ".debug_info" not in sections
    # the same build with its symbols lies beside it
    assert ".debug_info" in readelf("-S", FULL)
    assert build_id(etl) == build_id(FULL)


def test_is_small(etl):
    assert etl.stat().st_size < MAX_BYTES


def test_names_no_path_of_the_build_machine(etl):
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    paths = {str(ROOT), cache, os.path.expanduser("~") + "/", "etl-build"}
    host = socket.gethostname()
    if len(host) > 6:  # a shorter one may be any word
        paths.add(host)
    for binary in (etl, FULL):
        content = binary.read_bytes()
        assert [p for p in sorted(paths) if p.encode() in content] == [], binary


def test_runs_without_any_environment(etl, tmp_path):
    result = subprocess.run([etl, "version"], env={}, cwd=tmp_path, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=10)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("etl ")


def test_same_inputs_same_bytes(etl, tmp_path):
    other = copy_inputs(tmp_path / "another/place")
    make(other)
    # debug information too, or the build id would differ
    assert (other / "build/musl/etl.full").read_bytes() == FULL.read_bytes()
    assert (other / "build/etl").read_bytes() == etl.read_bytes()
