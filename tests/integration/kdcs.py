"""Real KDCs on loopback, each with a realm of its own: MIT's and Heimdal's.

Both are driven in the same words: add(principal, keytab), change(principal), stop(), start().
"""

import os
import select
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from servers import Server, answers, free_port, program, run

AES256 = "aes256-cts-hmac-sha1-96"
AES256_SHA2 = "aes256-cts-hmac-sha384-192"
AES128 = "aes128-cts-hmac-sha1-96"
RC4 = "arcfour-hmac"
# Debian's heimdal-kdc cannot be installed beside krb5-kdc: scripts/install-deps unpacks it there
HEIMDAL = Path(os.environ.get("ETL_TEST_HEIMDAL", "/opt/etl-test/heimdal"))


class Kdc:
    """What both have. `enctypes` are those of new keys, `life` that of tickets, `clock` an offset for
    faketime ("+10m"). MIT's may have another address and port than a free one of loopback."""

    def __init__(self, directory, enctypes=(AES256,), life="10h", clock=None, address="127.0.0.1", port=None,
                 realm="ETL.TEST"):
        self.dir, self.realm = Path(directory), realm
        self.dir.mkdir(parents=True, exist_ok=True)
        self.enctypes, self.life, self.clock = enctypes, life, clock
        self.address, self.port = address, port or free_port()
        self.server = None
        self.krb5_conf = self.dir / "krb5.conf"
        self.configure()
        self.start()

    def skewed(self):
        """The environment with the clock in it: the program `faketime` forks, and would leave the KDC behind."""
        if not self.clock:
            return self.env
        library = next(iter(Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketime.so.1")), None)
        if library is None:
            pytest.skip("faketime is not installed (scripts/install-deps)")
        return {**self.env, "LD_PRELOAD": str(library), "FAKETIME": self.clock}

    def section(self, **keys):
        """[kerberos] of an etl.ini."""
        values = {"realm": self.realm, "kdc": f"{self.address}:{self.port}", "timeout": "2s", **keys}
        return "[kerberos]\n" + "".join(f"{k} = {v}\n" for k, v in values.items() if v is not None)

    def stop(self):
        self.server.stop()

    def log(self):
        return (self.dir / "kdc.log").read_text(errors="replace")


class MitKdc(Kdc):
    name = "mit"

    def configure(self):
        self.env = {"KRB5_CONFIG": str(self.krb5_conf), "KRB5_KDC_PROFILE": str(self.dir / "kdc.conf")}
        self.krb5_conf.write_text(f"""
[libdefaults]
	default_realm = {self.realm}
	dns_lookup_kdc = false
	dns_canonicalize_hostname = false
	rdns = false
	allow_weak_crypto = true
	allow_rc4 = true
	permitted_enctypes = {" ".join((*self.enctypes, AES256))}
[realms]
	{self.realm} = {{
		kdc = {self.address}:{self.port}
	}}
[domain_realm]
	.{self.realm.lower()} = {self.realm}
""")
        (self.dir / "kdc.conf").write_text(f"""
[kdcdefaults]
	kdc_listen = {self.address}:{self.port}
	kdc_tcp_listen = {self.address}:{self.port}
[realms]
	{self.realm} = {{
		database_name = {self.dir}/principal
		key_stash_file = {self.dir}/stash
		acl_file = {self.dir}/acl
		supported_enctypes = {" ".join(e + ":normal" for e in dict.fromkeys((*self.enctypes, AES256)))}
		master_key_type = {AES256}
		max_life = {self.life}
		default_principal_flags = +preauth
	}}
[logging]
	kdc = FILE:{self.dir}/kdc.log
""")
        run(program("kdb5_util"), "create", "-s", "-r", self.realm, "-P", "master", env={**os.environ, **self.env})

    def start(self):
        self.server = Server([program("krb5kdc"), "-n"], self.dir / "kdc.out", self.skewed())
        self.server.wait_ready(lambda: answers(self.port, self.address))

    def kadmin(self, query):
        return run(program("kadmin.local"), "-r", self.realm, "-q", query, env={**os.environ, **self.env}).stdout

    def add(self, principal, keytab=None, password=None):
        kinds = ",".join(e + ":normal" for e in self.enctypes)
        self.kadmin(f"addprinc -e {kinds} {'-pw ' + password if password else '-randkey'} {principal}")
        if keytab:
            self.export(principal, keytab)

    def export(self, principal, keytab):
        """The keys as they are now, without changing them."""
        self.kadmin(f"ktadd -norandkey -k {keytab} {principal}")

    def change(self, principal):
        """New keys: what a keytab has of it is old now."""
        self.kadmin(f"cpw -e {','.join(e + ':normal' for e in self.enctypes)} -randkey {principal}")

    def refers(self, host, realm):
        """To whoever asks for a service of the host, as its name is in SPNs."""
        with self.krb5_conf.open("a", encoding="ascii") as conf:
            conf.write(f"\t{host} = {realm}\n")  # [domain_realm] is the last section
        self.stop()
        self.start()

    def trust(self, other):
        """Who has a ticket of the other realm gets one here."""
        for kdc in self, other:
            kdc.add(f"krbtgt/{self.realm}@{other.realm}", password="between-the-two")

    def disable(self, principal):
        self.kadmin(f"modprinc -allow_tix {principal}")

    def expire(self, principal):
        self.kadmin(f"modprinc -expire yesterday {principal}")

    def expire_password(self, principal):
        self.kadmin(f"modprinc -pwexpire yesterday {principal}")


class HeimdalKdc(Kdc):
    name = "heimdal"

    def configure(self):
        if not (HEIMDAL / "usr").is_dir():
            pytest.skip("heimdal-kdc is not unpacked (scripts/install-deps)")
        libraries = next((HEIMDAL / "usr/lib").glob("*-linux-gnu"))
        self.env = {"KRB5_CONFIG": str(self.krb5_conf), "LD_LIBRARY_PATH": str(libraries)}
        self.krb5_conf.write_text(f"""
[libdefaults]
	default_realm = {self.realm}
	dns_lookup_kdc = false
	default_keys = {" ".join(e + ":pw-salt" for e in self.enctypes)}
	allow_weak_crypto = true
[realms]
	{self.realm} = {{
		kdc = 127.0.0.1:{self.port}
	}}
[kadmin]
	default_keys = {" ".join(e + ":pw-salt" for e in self.enctypes)}
[kdc]
	database = {{
		dbname = {self.dir}/heimdal
		realm = {self.realm}
		mkey_file = {self.dir}/m-key
		acl_file = /dev/null
		log_file = {self.dir}/log
	}}
	ports = {self.port}
	addresses = 127.0.0.1
	require-preauth = yes
[logging]
	kdc = 0-/FILE:{self.dir}/kdc.log
""")
        self.kadmin(f"init --realm-max-ticket-life={self.life} --realm-max-renewable-life=7d {self.realm}")

    def kadmin(self, query):
        return run(HEIMDAL / "usr/bin/kadmin.heimdal", "-l", "-r", self.realm, *query.split(),
                   env={**os.environ, **self.env}).stdout

    def start(self):
        self.server = Server([HEIMDAL / "usr/lib/heimdal-servers/kdc", f"--config-file={self.krb5_conf}",
                              f"--ports={self.port}", "--addresses=127.0.0.1"],
                             self.dir / "kdc.out", self.skewed())
        self.server.wait_ready(lambda: answers(self.port))

    def add(self, principal, keytab=None, password=None):
        self.kadmin(f"add {'-p ' + password if password else '--random-key'} --use-defaults {principal}")
        if keytab:
            self.export(principal, keytab)

    def export(self, principal, keytab):
        self.kadmin(f"ext_keytab -k {keytab} {principal}")

    def change(self, principal):
        self.kadmin(f"passwd --random-key {principal}")

    def disable(self, principal):
        self.kadmin(f"modify --attributes=+disallow-all-tix {principal}")

    def expire(self, principal):
        self.kadmin(f"modify --expiration-time=2001-01-01 {principal}")

    def expire_password(self, principal):
        self.kadmin(f"modify --pw-expiration-time=2001-01-01 {principal}")


KDCS = [MitKdc, HeimdalKdc]


@pytest.fixture(scope="session")
def kdc(tmp_path_factory):
    made = MitKdc(tmp_path_factory.mktemp("kdc"))
    yield made
    made.stop()


@pytest.fixture
def make_kdc(tmp_path):
    """Makes KDCs that are stopped when the test ends."""
    made = []

    def make(kind=MitKdc, **options):
        made.append(kind(tmp_path / f"kdc{len(made)}", **options))
        return made[-1]

    yield make
    for kdc in made:
        kdc.stop()


class Relay:
    """The address of a KDC that is down, silently: nothing is refused, nothing answered. Counts what it is asked;
    when `answering` it hands the questions on (UDP)."""


    def __init__(self, to):
        self.to, self.answering, self.answered = to, False, 0
        self.datagrams = self.connections = 0
        while True:  # one number that is free for both protocols
            self.udp, self.tcp = (socket.socket(type=kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.end()
        self.tcp.listen()
        self.ending, self.end_of = os.pipe()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        held = []
        while True:
            ready = select.select([self.udp, self.tcp, self.ending], [], [])[0]
            if self.ending in ready:
                break
            if self.tcp in ready:
                held.append(self.tcp.accept()[0])
                self.connections += 1
            if self.udp in ready:
                self._datagram(*self.udp.recvfrom(65536))

    def _datagram(self, data, sender):
        self.datagrams += 1
        if not self.answering:
            return
        with socket.socket(type=socket.SOCK_DGRAM) as kdc:
            kdc.settimeout(10)
            kdc.sendto(data, ("127.0.0.1", self.to))
            self.udp.sendto(kdc.recv(65536), sender)
        self.answered += 1

    def stop(self):
        os.write(self.end_of, b".")
        self.thread.join()
        os.close(self.ending)
        os.close(self.end_of)
        self.end()

    def end(self):
        self.udp.close()
        self.tcp.close()


@pytest.fixture
def relay():
    made = []
    yield lambda to: made.append(Relay(to)) or made[-1]
    for each in made:
        each.stop()
