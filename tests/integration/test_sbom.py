"""The bill of materials: what the binary says is linked, in the schema's form."""

import json
import subprocess

import pytest

import npm
from product import ROOT, etl  # noqa: F401 (a fixture)

# as the project calls it, where the recipe has another name
RECIPES = {"libcurl": "curl"}

# routines without a function that tells a version
SILENT = {"ipsecmb"}


@pytest.fixture(scope="module")
def text():
    made = subprocess.run([ROOT / "scripts/sbom", "1.2.3"], capture_output=True, text=True,
                          cwd="/", timeout=60)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def bom(text):
    return json.loads(text)


def test_names_what_is_linked(bom, etl):
    said = json.loads(subprocess.run([etl, "version", "--json"], capture_output=True, text=True,
                                     check=True, timeout=60).stdout)["libraries"]
    listed = {c["name"]: c["version"] for c in bom["components"]}
    assert SILENT <= listed.keys()
    listed = {name: version for name, version in listed.items() if name not in SILENT}
    # a snapshot of git stands behind Heimdal's number: 7.8.git…
    listed["heimdal"] = listed["heimdal"].split(".git")[0] + ".0"
    assert listed == {RECIPES.get(name, name.lower()): said[name] for name in said}
    assert bom["metadata"]["component"]["version"] == "1.2.3"


def test_names_the_locked_sources(bom):
    locked = {}
    for line in (ROOT / "vendor/lock").read_text().splitlines():
        if not line.startswith(("#", "cmocka ", "kubernetes ")):
            package, _, name, digest = line.split()
            locked[f"etl:source:{name}"] = f"sha256:{digest}"
    listed = {p["name"]: p["value"] for c in bom["components"] for p in c["properties"]}
    assert {n: v for n, v in listed.items() if n.startswith("etl:source:")} == locked
    assert "etl:patch:heimdal-no-plugins.patch" in listed


def test_is_the_same_each_time(text):
    again = subprocess.run([ROOT / "scripts/sbom", "1.2.3"], capture_output=True, text=True,
                           check=True, timeout=60).stdout
    assert again == text


def check(text):
    modules = npm.install(ROOT / "tests/sbom", "sbom")
    return subprocess.run(["node", ROOT / "tests/sbom/check.js", modules], input=text,
                          capture_output=True, text=True, timeout=60)


def test_is_by_the_schema(text):
    result = check(text)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("old, new, said", [
    ('"type": "library"', '"type": "book"', "/components/0/type"),
    ('"id": "Zlib"', '"id": "zlib licence"', "/license/id"),
    ('"bom-ref": "curl"', '"bomref": "curl"', "additionalProperties"),
    ("BSD-3-Clause OR GPL", "BSD-3-Clause, GPL", "spdx-expression-parse/scan.js"),
    ("arch=source", "Arch=source", "purl-spec"),
])
def test_the_check_finds(text, old, new, said):
    assert old in text
    result = check(text.replace(old, new))
    assert result.returncode != 0
    assert said in result.stdout + result.stderr
