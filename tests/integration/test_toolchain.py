"""The static stack against real peers, and the promises of vendor/build.

The first part runs the programs of tests/smoke, one per library that talks to
somebody: they are linked like the product.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time

import pytest

from kdcs import kdc  # noqa: F401 pylint: disable=unused-import
from servers import (  # noqa: F401 (fixtures are used by name)
    ROOT, Nginx, TlsServer, other_pki, pki, run, wait_for,
)

NAME = "server.etl.test"
CACHE = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")) + "/etl-build"


def without_make():
    """The environment without what a make that runs us passes to its children."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}


@pytest.fixture(scope="module")
def smoke():
    """Path of a smoke program by name, built when out of date."""
    run("make", "-C", ROOT, "smoke", env=without_make())
    return lambda name: ROOT / "build" / "musl" / "smoke" / name


def attempt(*argv, env=None):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})})


# --- the binary --------------------------------------------------------------


@pytest.mark.parametrize("name", ["krb5", "https", "tds_strict", "tds_query"])
def test_program_is_static_pie_and_hardened(smoke, name):
    headers = run("readelf", "-lWdn", smoke(name)).stdout
    assert "INTERP" not in headers
    assert "NEEDED" not in headers
    assert re.search(r"FLAGS_1.*PIE", headers)
    assert "GNU_RELRO" in headers
    assert re.search(r"FLAGS(_1)?\).*NOW", headers)
    assert "Build ID" in headers
    # threads take their stack size from here
    assert re.search(r"GNU_STACK.* 0x100000 RW ", headers)


# --- Kerberos ----------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["krb5", "spnego"])
def test_ticket_and_context_against_mit_kdc(smoke, kdc, tmp_path, mechanism):
    keytab = tmp_path / "keytab"
    kdc.add(f"loader-{mechanism}", keytab)
    kdc.add(f"MSSQLSvc/{mechanism}.etl.test", keytab)

    result = run(smoke("krb5"), mechanism, f"loader-{mechanism}", keytab,
                 f"FILE:{tmp_path}/ccache", f"MSSQLSvc@{mechanism}.etl.test",
                 env={**os.environ, "KRB5_CONFIG": str(kdc.krb5_conf)})

    assert result.stdout.splitlines() == [
        "ticket aes256-cts-hmac-sha1-96",
        f"accepted loader-{mechanism}@{kdc.realm}",
        "message hello sealed",
    ]
    # the KDC's side of it
    assert re.search(rf"TGS_REQ .* ISSUE: .* loader-{mechanism}@{kdc.realm} for MSSQLSvc/",
                     kdc.log())


def test_unknown_principal_is_told(smoke, kdc, tmp_path):
    keytab = tmp_path / "keytab"
    kdc.add("somebody", keytab)
    kdc.kadmin("delprinc -force somebody")
    result = attempt(smoke("krb5"), "krb5", "somebody", keytab, f"FILE:{tmp_path}/ccache",
                     "host@here.etl.test", env={"KRB5_CONFIG": str(kdc.krb5_conf)})
    assert result.returncode == 1
    # the words are the KDC's own
    assert result.stderr == "ticket: CLIENT_NOT_FOUND\n"


# --- HTTPS -------------------------------------------------------------------


@pytest.fixture(scope="module", params=["TLSv1.2", "TLSv1.3"])
def https(request, pki, tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx"), *pki.issue(NAME), request.param)
    server.protocol = request.param
    yield server
    server.stop()


def get(smoke, server, name, ca):
    return attempt(smoke("https"), f"https://{name}:{server.port}/index.html", ca,
                   f"{name}:{server.port}:127.0.0.1")


def test_https_gets_the_page(smoke, https, pki):
    result = get(smoke, https, NAME, pki.ca)
    assert (result.returncode, result.stdout) == (0, https.body), result.stderr
    https.wait_access(rf'^{re.escape(https.protocol)} .* "GET /index.html HTTP/1.1" 200$')


@pytest.mark.parametrize("protocol, cipher", [("-tls1_3", "TLS_AES_256_GCM_SHA384"),
                                              ("-tls1_2", "ECDHE-RSA-AES256-GCM-SHA384")])
def test_https_offers_the_fast_cipher_first(smoke, pki, tmp_path, protocol, cipher):
    """A server that takes the client's first takes AES-GCM, not ChaCha20."""
    server = TlsServer(tmp_path, *pki.issue(NAME), protocol)
    try:
        attempt(smoke("https"), f"https://{NAME}:{server.port}/", pki.ca, f"{NAME}:{server.port}:127.0.0.1")
        wait_for(lambda: "CIPHER is" in server.text() or "Ciphersuite:" in server.text(), "a handshake")
        assert cipher in server.text()
    finally:
        server.stop()


def test_https_refuses_another_name(smoke, https, pki):
    result = get(smoke, https, "elsewhere.etl.test", pki.ca)
    assert result.returncode == 1
    assert result.stderr.startswith("curl 60: SSL peer certificate or SSH remote key was not OK: ")
    assert "certificate Common Name (CN) does not match with the expected CN" in result.stderr


def test_https_refuses_an_unknown_authority(smoke, https, other_pki):
    result = get(smoke, https, NAME, other_pki.ca)
    assert result.returncode == 1
    assert result.stderr.startswith("curl 60: SSL peer certificate or SSH remote key was not OK: ")
    assert "not correctly signed by the trusted CA" in result.stderr


# --- TDS 8.0 -----------------------------------------------------------------


@pytest.fixture
def tls_server(tmp_path):
    servers = []

    def start(cert, key, *options):
        servers.append(TlsServer(tmp_path, cert, key, *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server_cert(pki):
    return pki.issue(NAME)


def strict(smoke, server, name, ca):
    return attempt(smoke("tds_strict"), "127.0.0.1", server.port, name, ca)


def test_strict_is_tls13_with_alpn(smoke, pki, server_cert, tls_server):
    server = tls_server(*server_cert, "-alpn", "tds/8.0")
    result = strict(smoke, server, NAME, pki.ca)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "TLSv1.3 TLS1-3-AES-256-GCM-SHA384",
        "unique 0",
        "reply olleh",
        "pending 0",
    ]
    server.server.wait_text("ALPN protocols selected: tds/8.0")
    server.server.wait_text("Protocol version: TLSv1.3")


def test_strict_takes_tls12_and_binds_channels(smoke, pki, server_cert, tls_server):
    server = tls_server(*server_cert, "-alpn", "tds/8.0", "-tls1_2")
    result = strict(smoke, server, NAME, pki.ca)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "TLSv1.2 TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"
    assert lines[1] == "unique 12"
    server.server.wait_text("Protocol version: TLSv1.2")


def test_aes_gcm_is_preferred_to_chacha(smoke, pki, server_cert, tls_server):
    # a server without a preference of its own takes the client's first
    server = tls_server(*server_cert, "-tls1_2", "-cipher",
                        "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256")
    result = strict(smoke, server, NAME, pki.ca)
    assert result.stdout.startswith("TLSv1.2 TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256\n")


def test_strict_refuses_another_name(smoke, pki, server_cert, tls_server):
    server = tls_server(*server_cert, "-alpn", "tds/8.0")
    result = strict(smoke, server, "elsewhere.etl.test", pki.ca)
    assert result.returncode == 1
    assert result.stderr.endswith(": the server's certificate is for another name\n")
    server.server.wait_text("alert")


def test_strict_refuses_an_unknown_authority(smoke, other_pki, server_cert, tls_server):
    server = tls_server(*server_cert, "-alpn", "tds/8.0")
    result = strict(smoke, server, NAME, other_pki.ca)
    assert result.returncode == 1
    assert result.stderr.endswith(
        ": the server's certificate is not signed by a trusted authority\n")
    server.server.wait_text("alert")


def test_strict_refuses_an_expired_certificate(smoke, pki, tls_server):
    server = tls_server(*pki.issue("expired.etl.test", days=-1))
    result = strict(smoke, server, "expired.etl.test", pki.ca)
    assert result.returncode == 1
    assert result.stderr.endswith(": the server's certificate has expired\n")


def test_strict_tells_an_unreadable_authority_file(smoke, server_cert, tls_server, tmp_path):
    server = tls_server(*server_cert)
    result = strict(smoke, server, NAME, tmp_path / "none.pem")
    assert result.returncode == 1
    assert result.stderr.endswith(": the file of trusted authorities cannot be read\n")


def test_strict_tells_a_server_without_tls13_or_tls12(smoke, pki, server_cert, tls_server):
    server = tls_server(*server_cert, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    result = strict(smoke, server, NAME, pki.ca)
    assert result.returncode == 1
    assert "SSL - " in result.stderr


# --- vendor/build ------------------------------------------------------------

USER_RECIPE = """# shellcheck shell=bash
package=libinih
suites=trixie
series=59
licence=BSD-3-Clause
licence_file=LICENSE.txt
deps=inih
archives=libuser.a

build() {
	grep -q ini_parse "$deps_dir/inih/include/ini.h"
	compile_archive libuser.a ini.c
}
"""


class Tree:
    """A copy of vendor/ with three cheap recipes, `user` depending on inih, and
    a cache of its own that starts with the tarballs we have."""

    def __init__(self, directory, cache):
        self.dir = directory
        self.cache = cache / "etl-build"
        shutil.copytree(ROOT / "vendor", directory / "vendor")
        for recipe in (directory / "vendor/recipes").iterdir():
            if recipe.stem not in ("inih", "cmocka"):
                recipe.unlink()
        self.recipe("user").write_text(USER_RECIPE)
        (directory / "Makefile").write_text(
            "VARIANT := glibc\n.DEFAULT_GOAL := vendor\ninclude vendor/vendor.mk\n")
        self.tarballs = self.cache / "tarballs"
        self.tarballs.mkdir(parents=True)
        for tarball in self.wanted_tarballs():
            shutil.copy(tarball, self.tarballs)

    @staticmethod
    def wanted_tarballs():
        lock = (ROOT / "vendor/lock").read_text().splitlines()
        names = [line.split()[2] for line in lock if line.startswith(("libinih ", "cmocka "))]
        paths = [os.path.join(CACHE, "tarballs", name) for name in names]
        if not all(map(os.path.exists, paths)):
            pytest.skip("the tarballs of inih and cmocka are not in the cache")
        return paths

    def recipe(self, name):
        return self.dir / "vendor/recipes" / f"{name}.sh"

    def make(self):
        """Status and output of make; .built are the libraries it built."""
        result = subprocess.run(
            ["make", "-C", self.dir, "-s"], text=True, timeout=120, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**without_make(), "XDG_CACHE_HOME": str(self.cache.parent)})
        result.built = set(re.findall(r"^vendor: (\w+) \(glibc\) built", result.stdout, re.M))
        return result

    def archives(self):
        root = self.dir / "build/vendor/glibc"
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in root.glob("*/lib/*.a")}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "tree", tmp_path / "cache")


def change(recipe):
    recipe.write_text(recipe.read_text().replace("build() {", "build() {\n\tCFLAGS+=' -DCHANGED'"))


def test_a_recipe_rebuilds_itself_and_its_dependants(tree):
    assert tree.make().built == {"inih", "user", "cmocka"}
    assert tree.make().stdout == ""
    before = tree.archives()

    original = tree.recipe("inih").read_text()
    change(tree.recipe("inih"))
    assert tree.make().built == {"inih", "user"}
    assert tree.make().stdout == ""

    # back to what the cache has: nothing to build
    tree.recipe("inih").write_text(original)
    result = tree.make()
    assert (result.returncode, result.built) == (0, set())
    assert tree.archives() == before


def test_nothing_to_do_is_quick(tree):
    tree.make()
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        assert tree.make().returncode == 0
        seconds.append(time.monotonic() - start)
    # the best: others may be using this machine
    assert min(seconds) < 0.2


def test_a_lost_cache_is_made_again(tree):
    tree.make()
    shutil.rmtree(tree.cache / "prefix")
    assert tree.make().built == {"inih", "user", "cmocka"}


def test_a_tampered_tarball_is_refused(tree):
    [tarball] = tree.tarballs.glob("libinih_*")
    with open(tarball, "ab") as f:
        f.write(b"\0")
    result = tree.make()
    assert result.returncode != 0
    assert "inih" not in result.built and "user" not in result.built
    assert f"{tarball.name} does not have the locked sha256" in result.stdout


def test_a_failure_shows_the_log(tree):
    recipe = tree.recipe("inih")
    recipe.write_text(recipe.read_text().replace("ini.c", "none.c"))
    result = tree.make()
    assert result.returncode != 0
    log = re.search(r"inih \(glibc\) failed after \d+ s; log: (\S+),", result.stdout).group(1)
    assert "none.c" in result.stdout
    assert "none.c" in open(log).read()


def test_same_bytes_wherever_the_cache_is(tmp_path):
    first = Tree(tmp_path / "a", tmp_path / "cache")
    second = Tree(tmp_path / "b/deeper", tmp_path / "another/place/for/the/cache")
    for tree in (first, second):
        assert tree.make().returncode == 0
    assert len(first.archives()) == 3
    assert first.archives() == second.archives()
