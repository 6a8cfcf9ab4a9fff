"""The image: built by a daemon of our own, offline, on a base made from this
machine's Debian, with the vendor cache of this machine; then run as OpenShift
would: any UID, nothing writable but a volume, no capability, no network."""

import io
import json
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import tarfile
import tempfile

import pytest

from product import ROOT, VENDOR, copy_inputs, etl  # noqa: F401 (a fixture)

BASE, IMAGE = "etl-build-base", "etl-test"
ROWS = {"airlines": 16, "airports": 1458, "planes": 3322, "weather": 26115}

CONFIG = """\
[store]
driver = sqlite
path = /work/control.db
[connection raw]
driver = csv
path = /data
[connection warehouse]
driver = sqlite
path = /work/warehouse.db
"""

JOB = """\
[job load_{table}]
source = raw
source_table = {table}
target = warehouse
target_table = {table}
load_mode = replace
null = NA
"""


def say(result):
    return (result.stdout + result.stderr).strip()[-4000:]


class Docker:
    """The client of one daemon."""

    def __init__(self, address):
        # the classic builder: Debian's docker.io has no other
        self.env = {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "0"}

    def __call__(self, *arguments, check=True, timeout=120, text=True):
        result = subprocess.run(["docker", *map(str, arguments)], env=self.env, text=text,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        assert not check or result.returncode == 0, say(result)
        return result


@pytest.fixture(scope="module")
def docker():
    for tool in ("docker", "debootstrap", "dpkg-repack"):
        if shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin") is None:
            pytest.skip(f"{tool} is not installed (scripts/install-deps)")
    # not below tmp_path: a socket's path has to be short
    state = tempfile.mkdtemp(prefix="etl-docker.")
    try:
        daemon = subprocess.run([ROOT / "scripts/dockerd", "start", state], text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        if daemon.returncode == 3:
            pytest.skip(daemon.stderr.strip())
        assert daemon.returncode == 0, say(daemon)
        yield Docker(daemon.stdout.strip())
    finally:
        subprocess.run([ROOT / "scripts/dockerd", "stop", state], check=True, timeout=120)
        shutil.rmtree(state)


@pytest.fixture(scope="module")
def base(docker):
    made = subprocess.run([ROOT / "scripts/docker-base", BASE], env=docker.env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=1200)
    assert made.returncode == 0, say(made)
    # what a kernel or a sandbox forbids shows here first
    probe = docker("run", "--rm", "--network", "none", BASE, "true", check=False)
    if probe.returncode != 0:
        pytest.skip(f"containers cannot run here: {say(probe)}")
    return BASE


def copy_cache(target):
    """The libraries of the product, as a cache that holds nothing else."""
    for link in VENDOR.iterdir():
        if link.is_symlink():
            prefix = link.resolve()
            shutil.copytree(prefix, target / "prefix" / prefix.name, symlinks=True)


@pytest.fixture(scope="module")
def image(docker, base, etl, tmp_path_factory):
    context = copy_inputs(tmp_path_factory.mktemp("context"),
                          "Dockerfile", "LICENSE", "NOTICES", ".dockerignore", "scripts/install-deps",
                          "scripts/sbom")
    copy_cache(context / ".vendor-cache")
    # what must not get in
    (context / "password").write_text("secret")
    # no network: with the cache, nothing is fetched
    docker("build", "--network", "none", "--build-arg", f"BUILD_BASE={base}",
           "--build-arg", "REVISION=0123abc", "-t", IMAGE, context, timeout=1800)
    return IMAGE


@pytest.fixture(scope="module")
def saved(docker, image):
    """(configuration, tar members by path, content of a path) of the image."""
    archive = tarfile.open(fileobj=io.BytesIO(docker("save", image, text=False).stdout))
    manifest = json.load(archive.extractfile("manifest.json"))[0]
    config = json.load(archive.extractfile(manifest["Config"]))
    members, layers = {}, {}
    for name in manifest["Layers"]:
        layer = tarfile.open(fileobj=io.BytesIO(archive.extractfile(name).read()))
        for member in layer.getmembers():
            path = member.name.removeprefix("./").rstrip("/")
            members[path], layers[path] = member, layer
    members.pop("", None)

    def content(path):
        return layers[path].extractfile(members[path]).read()

    return config, members, content


# --- what is in it -----------------------------------------------------------


def test_binary_is_the_hosts_own(saved, etl):
    _, _, content = saved
    assert content("usr/bin/etl") == etl.read_bytes()


def test_holds_nothing_else(saved):
    _, members, _ = saved
    zones = "usr/share/zoneinfo/"
    files = {path for path, m in members.items() if not m.isdir() and not path.startswith(zones)}
    assert files == {"usr/bin/etl", "etc/ssl/certs/ca-certificates.crt",
                     "usr/share/doc/etl/LICENSE", "usr/share/doc/etl/NOTICES",
                     "usr/share/doc/etl/etl.cdx.json"}
    directories = {path for path, m in members.items() if m.isdir() and not path.startswith(zones)}
    assert directories == {"etc", "etc/ssl", "etc/ssl/certs", "usr", "usr/bin", "usr/share",
                           "usr/share/doc", "usr/share/doc/etl", "usr/share/zoneinfo", "work"}


def test_says_what_is_linked(saved):
    _, _, content = saved
    version = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = subprocess.run([ROOT / "scripts/sbom", version.group(1)], capture_output=True,
                          check=True, timeout=60)
    assert content("usr/share/doc/etl/etl.cdx.json") == made.stdout


def test_has_authorities_and_time_zones(saved):
    _, members, content = saved
    assert content("etc/ssl/certs/ca-certificates.crt").count(b"BEGIN CERTIFICATE") > 100
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        path = f"usr/share/zoneinfo/{zone}"
        if members[path].issym():
            path = os.path.normpath(os.path.join(os.path.dirname(path), members[path].linkname))
        assert content(path).startswith(b"TZif")


def test_files_are_roots_and_closed(saved):
    _, members, _ = saved
    for path, member in members.items():
        assert (member.uid, member.gid) == (0, 0), path
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), path
        if not member.issym() and path != "work":
            assert not member.mode & 0o022, path
    assert members["work"].mode & 0o7777 == 0o1777


def test_configuration(saved):
    config, _, _ = saved
    run = config["config"]
    version = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert run["User"] == "65532:65532"
    assert run["Entrypoint"] == ["/usr/bin/etl"]
    assert run["WorkingDir"] == "/work"
    assert run["Cmd"] == ["demo"]
    assert run["Labels"]["org.opencontainers.image.title"] == "etl"
    assert run["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert run["Labels"]["org.opencontainers.image.version"] == version.group(1)
    assert run["Labels"]["org.opencontainers.image.revision"] == "0123abc"
    assert [e for e in run["Env"] if not e.startswith("PATH=")] == []


# --- running it --------------------------------------------------------------

RESTRICTED = ["--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
              "--network", "none", "--env", "HOME="]


def test_shows_what_it_does(docker, image):
    """With nothing mounted and nothing said."""
    said = docker("run", "--rm", "--network", "none", image).stdout
    assert said.endswith('"Early retirement, old scheme",3333,39996,10795440.00\n')
    assert said.count("succeeded") == 4


def test_runs_without_a_volume(docker, image):
    assert docker("run", *RESTRICTED, image, "version").stdout.startswith("etl ")
    # where the root file system is writable, the working directory takes the store
    docker("run", "--rm", "--cap-drop", "ALL", "--network", "none", image, "init")


@pytest.mark.parametrize("user", ["123456:0", "random:0", "65532:65532"])
def test_loads_tables_as_any_user(docker, image, tmp_path, user):
    user = user.replace("random", str(random.randrange(100_000, 2**31 - 1)))
    state, config = tmp_path / "state", tmp_path / "config"
    state.mkdir()
    state.chmod(0o777)  # as an emptyDir
    config.mkdir()
    (config / "etl.ini").write_text(CONFIG)
    (config / "jobs.ini").write_text("".join(JOB.format(table=table) for table in ROWS))

    def run(*arguments):
        return docker("run", *RESTRICTED, "--user", user, "-v", f"{state}:/work",
                      "-v", f"{config}:/etc/etl:ro", "-v", f"{ROOT}/tests/data:/data:ro",
                      image, *arguments)

    run("init")
    run("apply", "/etc/etl/jobs.ini")
    by_hand, *ordered = ROWS
    run("worker", "--job", f"load_{by_hand}")
    for table in ordered:
        run("run", f"load_{table}")
    run("controller", "--until-idle")  # as PID 1; workers from a binary that is all there is

    warehouse = state / "warehouse.db"
    assert warehouse.stat().st_uid == int(user.split(":")[0])
    with sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True) as db:
        assert {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ROWS} == ROWS
        assert db.execute("SELECT name FROM airlines WHERE carrier = 'UA'").fetchall() == [
            ("United Air Lines Inc.",)]
        # NA became a null, not a text
        assert db.execute("SELECT count(*) FROM planes WHERE speed = 'NA'").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM planes WHERE speed IS NULL").fetchone()[0] > 3000
    with sqlite3.connect(f"file:{state}/control.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT state, count(*) FROM etl_run GROUP BY state").fetchall() == [
            ("succeeded", len(ROWS))]
    # nothing is left behind beside the two databases
    assert {f.name.split("-")[0] for f in state.iterdir()} == {"control.db", "warehouse.db"}


def test_says_why_it_cannot_write(docker, image):
    result = docker("run", *RESTRICTED, "--user", "123456:0", image, "init", check=False)
    assert result.returncode != 0
    assert "etl.db" in result.stderr
