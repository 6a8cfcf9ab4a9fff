"""The binary under test, and the trees that it can be built from."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ETL = Path(os.environ.get("ETL_TEST_BINARY", ROOT / "build/etl"))  # or another build of it
FULL = ROOT / "build/musl/etl.full"
VENDOR = ROOT / "build/vendor/musl"

# all that the build reads
INPUTS = ["Makefile", "cmd", "lib", "vendor"]


def make(tree, *arguments):
    """make as a person would call it, not as a part of `make test`."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SAN", "TSAN", "COV")}
    result = subprocess.run(["make", "-s", "-C", str(tree), *arguments], env=env, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=1800)
    assert result.returncode == 0, result.stdout[-4000:]


def copy_inputs(directory, *more):
    """Another tree with what the build reads, and no object of ours."""
    for name in [*INPUTS, *more]:
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, symlinks=True)
        else:
            shutil.copy2(ROOT / name, target)
    return directory


@pytest.fixture(scope="session")
def etl():
    """Path of the product, built when out of date."""
    make(ROOT)
    return ETL
