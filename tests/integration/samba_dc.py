"""An Active Directory: Samba's domain controllers, each in a network namespace of its own, since they want the real
ports. Root and network namespaces are needed; without them the tests are skipped with that reason.

The first one is made once for all tests (half a minute), the second one only where a test wants two.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from servers import PATH, Server, program, run, wait_for

REALM = "AD.TEST"
PASSWORD = "Dc-Geheim-1x"


class Net:
    """Namespaces on a bridge: the host is .1, controllers .2 and .3."""

    def __init__(self):
        self.tag = f"etl{os.getpid() % 100000}"
        self.prefix = f"10.213.{os.getpid() % 200 + 20}"
        self.host = f"{self.prefix}.1"
        self.made = []
        ip = program("ip")
        if os.geteuid() != 0:
            pytest.skip("network namespaces need root")
        done = subprocess.run([ip, "link", "add", f"{self.tag}b", "type", "bridge"], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            pytest.skip(f"no network namespaces here: {done.stderr.strip()}")
        run(ip, "addr", "add", f"{self.host}/24", "dev", f"{self.tag}b")
        run(ip, "link", "set", f"{self.tag}b", "up")

    def add(self, number):
        name, inside, outside = f"{self.tag}-{number}", f"{self.tag}i{number}", f"{self.tag}o{number}"
        run("ip", "netns", "add", name)
        self.made.append(name)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside)
        run("ip", "link", "set", inside, "netns", name)
        run("ip", "link", "set", outside, "master", f"{self.tag}b", "up")
        for command in (["addr", "add", f"{self.prefix}.{number + 1}/24", "dev", inside], ["link", "set", inside, "up"],
                        ["link", "set", "lo", "up"]):
            run("ip", "netns", "exec", name, "ip", *command)
        return name, inside, f"{self.prefix}.{number + 1}"

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", f"{self.tag}b"], check=False)


class Dc:
    def __init__(self, directory, net, number, join=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True)
        self.name, self.interface, self.address = net.add(number)
        self.conf = self.dir / "etc/smb.conf"
        shared = ["--dns-backend=SAMBA_INTERNAL", f"--targetdir={self.dir}", f"--option=interfaces={self.interface} lo",
                  "--option=bind interfaces only=yes"]
        if join is None:
            self.inside("samba-tool", "domain", "provision", f"--realm={REALM}", "--domain=ADT", "--server-role=dc",
                        f"--host-name=dc{number}", f"--host-ip={self.address}", f"--adminpass={PASSWORD}", *shared)
        self.server = None
        self.start()

    def inside(self, *argv, check=True):
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], capture_output=True, text=True,
                              env={**os.environ, "PATH": PATH}, timeout=180, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def tool(self, *argv):
        return self.inside("samba-tool", *argv, "-s", self.conf)

    def start(self):
        self.server = Server(["ip", "netns", "exec", self.name, program("samba"), "-i", "-M", "single", "-s", self.conf,
                              # or it would meet another one of this machine
                              f"--option=pid directory={self.dir}", f"--option=ncalrpc dir={self.dir}/ncalrpc",
                              f"--option=winbindd socket directory={self.dir}/winbindd"],
                             self.dir / "samba.out")
        self.server.wait_ready(lambda: all(self.listens(p) for p in (88, 389)))

    def listens(self, port):
        return re.search(rf"{re.escape(self.address)}:{port}\b",
                         self.inside("ss", "-Hltn", check=False).stdout) is not None

    def stop(self):
        self.server.stop()

    # accounts

    def add_user(self, name, *options):
        self.tool("user", "create", name, "Ab-Geheim-1x", *options)
        self.tool("user", "setexpiry", name, "--noexpiry")

    def aes_only(self, name):
        """msDS-SupportedEncryptionTypes = 24, which takes effect with the next password."""
        self.modify(name, "msDS-SupportedEncryptionTypes", "24")
        self.change(name)

    def modify(self, name, attribute, value):
        ldif = self.dir / "change.ldif"
        ldif.write_text(f"dn: CN={name},CN=Users,DC=ad,DC=test\nchangetype: modify\nreplace: {attribute}\n"
                        f"{attribute}: {value}\n")
        self.inside("ldbmodify", "-H", self.dir / "private/sam.ldb", ldif)

    def change(self, name):
        self.tool("user", "setpassword", name, f"--newpassword=Ab-Geheim-{os.urandom(4).hex()}")

    def export(self, principal, keytab):
        Path(keytab).unlink(missing_ok=True)
        self.tool("domain", "exportkeytab", keytab, f"--principal={principal}")
        Path(keytab).chmod(0o600)

    def attribute(self, name, attribute):
        out = self.inside("ldbsearch", "-H", self.dir / "private/sam.ldb", f"(sAMAccountName={name})", attribute).stdout
        found = re.search(rf"^{attribute}: (.*)$", out, re.M)
        return found.group(1) if found else None


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    for name in "samba", "samba-tool", "ldbmodify", "ss":
        program(name)
    net = Net()
    made = []
    try:
        made.append(Dc(tmp_path_factory.mktemp("ad") / "dc1", net, 1))
        yield made[0]
    finally:
        for dc in made:
            dc.stop()
            shutil.rmtree(dc.dir, ignore_errors=True)
        net.remove()


__all__ = ["directory", "wait_for"]
