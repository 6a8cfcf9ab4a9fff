"""npm packages that tests need, at the versions and digests of a package-lock.json."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))) / "etl-build"
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")


def install(directory, name):
    """The node_modules of directory's lock file, made once in the build cache; without npm, or
    without network, the test is skipped."""
    for command in ("node", "npm"):
        if not shutil.which(command):
            pytest.skip(f"no {command} on this machine")
    files = [directory / "package.json", directory / "package-lock.json"]
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:20]
    ready = CACHE / f"npm-{name}-{digest}"
    if ready.exists():
        return ready / "node_modules"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"npm-{name}.") as new:
        for f in files:
            shutil.copy(f, new)
        result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                                cwd=new, capture_output=True, text=True, timeout=300)
        if result.returncode and any(code in result.stderr for code in NO_NETWORK):
            pytest.skip("npm cannot reach its registry")
        assert result.returncode == 0, result.stderr
        try:
            os.rename(new, ready)
        except OSError:
            assert ready.exists()  # somebody else was faster
        else:
            os.mkdir(new)  # for its removal
    return ready / "node_modules"
