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
ADMINISTRATOR = ["-U", "Administrator", f"--password={PASSWORD}"]


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

    @staticmethod
    def resolver(name, *servers):
        """Who answers DNS in a namespace: its own /etc/resolv.conf, as 'ip netns exec' mounts it."""
        etc = Path("/etc/netns") / name
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text("".join(f"nameserver {s}\n" for s in servers)
                                         + f"search {REALM.lower()}\n")

    @staticmethod
    def hosts(name, controllers):
        """Names that it finds without the DNS: a controller that is at replicating does not answer."""
        (Path("/etc/netns") / name / "hosts").write_text(
            "127.0.0.1 localhost\n" + "".join(f"{dc.address} {dc.host}\n" for dc in controllers))

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False)
            shutil.rmtree(Path("/etc/netns") / name, ignore_errors=True)
        subprocess.run(["ip", "link", "del", f"{self.tag}b"], check=False)


class Inside:
    """A namespace to run programs in."""

    name = None

    def inside(self, *argv, check=True, env=None, **options):
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], capture_output=True, text=True,
                              env={**os.environ, "PATH": PATH} if env is None else env, timeout=180, check=False,
                              **options)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


class Client(Inside):
    """A machine that uses the domain's DNS."""

    def __init__(self, net, number, dc):
        self.net = net
        self.name, _, self.address = net.add(number)
        self.ask(dc)

    def ask(self, *controllers):
        """For names, from now on."""
        self.net.resolver(self.name, *(dc.address for dc in controllers))


class Dc(Inside):
    def __init__(self, directory, net, number, join=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True)
        self.name, self.interface, self.address = net.add(number)
        self.conf = self.dir / "etc/smb.conf"
        shared = ["--dns-backend=SAMBA_INTERNAL", f"--targetdir={self.dir}", f"--option=interfaces={self.interface} lo",
                  "--option=bind interfaces only=yes"]
        self.host = f"dc{number}.{REALM.lower()}"
        if join:
            net.resolver(self.name, join.address)
            net.hosts(self.name, [self, join])
            self.inside("samba-tool", "domain", "join", REALM.lower(), "DC", f"--realm={REALM}", *ADMINISTRATOR,
                        f"--server={join.host}", f"--option=netbios name=dc{number}", *shared)
        else:
            self.inside("samba-tool", "domain", "provision", f"--realm={REALM}", "--domain=ADT", "--server-role=dc",
                        f"--host-name=dc{number}", f"--host-ip={self.address}", f"--adminpass={PASSWORD}", *shared)
            net.resolver(self.name, self.address)
        self.settle()
        self.server = None
        self.start()

    def settle(self):
        """What its children read, too: places of its own, or it would meet another one of this machine. It asks
        nobody about names that it does not know."""
        lines = [line for line in self.conf.read_text().splitlines()
                 if not line.strip().startswith(("dns forwarder", "log file"))]
        at = lines.index("[global]") + 1
        lines[at:at] = [f"\tpid directory = {self.dir}", f"\tncalrpc dir = {self.dir}/ncalrpc",
                        f"\twinbindd socket directory = {self.dir}/winbindd", f"\tlog file = {self.dir}/log.%m"]
        self.conf.write_text("\n".join(lines) + "\n")

    def tool(self, *argv):
        return self.inside("samba-tool", *argv, "-s", self.conf)

    def start(self):
        self.server = Server(["ip", "netns", "exec", self.name, program("samba"), "-i", "-M", "standard", "-s", self.conf],
                             self.dir / "samba.out")
        self.server.wait_ready(lambda: all(self.listens(p) for p in (88, 389)))

    def listens(self, port):
        return re.search(rf"{re.escape(self.address)}:{port}\b",
                         self.inside("ss", "-Hltn", check=False).stdout) is not None

    def stop(self):
        self.server.stop()

    def replicate_from(self, other):
        """What the other one knows; by itself it would come minutes later."""
        for part in "DC=ad,DC=test", "DC=DomainDnsZones,DC=ad,DC=test":
            wait_for(lambda part=part: self.inside("samba-tool", "drs", "replicate", self.host.partition(".")[0],
                                                   other.host, part, "--local", "-s", self.conf, *ADMINISTRATOR,
                                                   check=False).returncode == 0, f"{other.host} to tell {part}", 90)

    def add_dns(self, *record):
        """name type data, in the domain's zone"""
        self.inside("samba-tool", "dns", "add", self.address, REALM.lower(), *record, *ADMINISTRATOR)

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
def domain_net():
    for name in "samba", "samba-tool", "ldbmodify", "ss":
        program(name)
    net = Net()
    yield net
    net.remove()


def made_dc(directory, *arguments):
    """A controller for as long as a fixture lasts."""
    dc = Dc(directory, *arguments)
    yield dc
    dc.stop()
    shutil.rmtree(dc.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def directory(tmp_path_factory, domain_net):  # pylint: disable=redefined-outer-name
    yield from made_dc(tmp_path_factory.mktemp("ad") / "dc1", domain_net, 1)


@pytest.fixture(scope="session")
def second(tmp_path_factory, domain_net, directory):  # pylint: disable=redefined-outer-name
    """Another controller of the same domain."""
    yield from made_dc(tmp_path_factory.mktemp("ad") / "dc2", domain_net, 2, directory)


@pytest.fixture(scope="session")
def client(domain_net, directory):  # pylint: disable=redefined-outer-name
    """A machine in the domain's network, with the domain's DNS."""
    return Client(domain_net, 8, directory)


