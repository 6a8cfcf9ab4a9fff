"""A real Kubernetes for tests: etcd, API server, and where a test wants them controllers, scheduler, containerd and
a kubelet, all children of the test. Binaries are made by `vendor/build glibc kubernetes`; the rest is Debian's.

ControlPlane listens on loopback ports of its own: any number may run. Cluster is a whole node. It needs fixed
addresses, mounts and cgroups, so that one lives in a network namespace (enter_network()) and in mount and PID
namespaces of its own: whatever ends the test, nothing of it is left.
"""

import base64
import ctypes
import datetime
import http.client
import ipaddress
import json
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from servers import PATH, ROOT, Server, answers, free_port, program, run, wait_for

SECONDS = 60  # nothing here takes longer on a loaded machine
CLONE_NEWNET = 0x40000000
SERVICES = "10.96.0.0/24"
API = "10.96.0.1"  # on lo, and the address of the Service `kubernetes`: pods reach it without a proxy
DNS = "10.96.0.10"
PODS = "10.244.0.0/24"
NODE = "node1"
CGROUP = "etl-test"
NAMES = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
         "localhost"]


def binaries():
    """The directory of Kubernetes' servers; skips where they are not built and cannot be."""
    if "ETL_TEST_KUBERNETES" in os.environ:
        return Path(os.environ["ETL_TEST_KUBERNETES"])
    made = subprocess.run([ROOT / "vendor/build", "glibc", "kubernetes"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=3600, check=False)
    if made.returncode != 0:
        pytest.skip(f"no binaries of Kubernetes: {made.stderr.strip()[-500:]}")
    return Path(made.stdout.split()[-1]) / "bin"


# --- certificates ------------------------------------------------------------


class Authority:
    """Signs what proves to the API server who somebody is."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.key = rsa.generate_private_key(65537, 2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-ca")])
        self.ca = self.dir / "ca.crt"
        self.ca_key = self.dir / "ca.key"
        self._certificate = self._sign(self.name, self.key, [(x509.BasicConstraints(ca=True, path_length=None), True)])
        self._write(self.ca, self._certificate)
        self._write_key(self.ca_key, self.key)

    def _sign(self, name, key, extensions):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=2)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    @staticmethod
    def _write(path, certificate):
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _write_key(path, key):
        path.touch(0o600)
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                           serialization.NoEncryption()))

    def issue(self, file, user, group=None, names=(), addresses=()):
        """Certificate and key of a user, or of a server with names and addresses, as paths."""
        key = rsa.generate_private_key(65537, 2048)
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        name = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        extensions = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), False)]
        if names or addresses:
            extensions.append((x509.SubjectAlternativeName([
                *(x509.DNSName(n) for n in names),
                *(x509.IPAddress(ipaddress.ip_address(a)) for a in addresses)]), False))
        crt, key_file = self.dir / f"{file}.crt", self.dir / f"{file}.key"
        self._write(crt, self._sign(name, key, extensions))
        self._write_key(key_file, key)
        return crt, key_file

    def service_accounts(self):
        """The key that signs their tokens, and its public half."""
        key = rsa.generate_private_key(65537, 2048)
        private, public = self.dir / "sa.key", self.dir / "sa.pub"
        self._write_key(private, key)
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                         serialization.PublicFormat.SubjectPublicKeyInfo))
        return private, public


# --- the API -----------------------------------------------------------------


class ApiError(Exception):
    def __init__(self, status, answer):
        super().__init__(f"{status} {answer.get('reason')}: {answer.get('message')}")
        self.status, self.answer = status, answer


class Client:
    """One user of an API server. Paths are as below /api/v1/namespaces/NAMESPACE, or whole ones."""

    def __init__(self, plane, token=None, namespace="etl"):
        self.plane, self.token, self.namespace = plane, token, namespace
        self.context = ssl.create_default_context(cafile=plane.authority.ca)
        if token is None:
            self.context.load_cert_chain(*plane.admin)
        self.connection = None

    def path(self, path):
        return path if path.startswith("/") else f"/api/v1/namespaces/{self.namespace}/{path}"

    def call(self, method, path, body=None, content_type="application/json", **query):
        """The answer as it is parsed, or its text; ApiError when it is refused."""
        url = self.path(path) + ("?" + urlencode(query) if query else "")
        headers = {"Content-Type": content_type} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        data = json.dumps(body) if body is not None else None
        for attempt in range(2):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.plane.address, self.plane.port, timeout=30,
                                                              context=self.context)
            try:
                self.connection.request(method, url, data, headers)
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                # it was kept and the server has ended it: a request that came to nothing is said once more
                self.connection.close()
                self.connection = None
                if attempt:
                    raise
        parsed = json.loads(text) if answer.headers.get_content_type() == "application/json" else text.decode()
        if answer.status >= 300:
            raise ApiError(answer.status, parsed if isinstance(parsed, dict) else {"message": parsed})
        return parsed

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def list(self, path, **query):
        return self.get(path, **query)["items"]

    def create(self, path, body, **query):
        return self.call("POST", path, body, **query)

    def delete(self, path, body=None, **query):
        return self.call("DELETE", path, body, **query)

    def patch(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def find(self, path):
        """The object, or None."""
        try:
            return self.get(path)
        except ApiError as e:
            if e.status == 404:
                return None
            raise

    def may(self, verb, resource, subresource=""):
        attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": self.namespace}
        return self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes}})["status"]["allowed"]


class ControlPlane:
    """etcd and an API server."""

    def __init__(self, directory, address="127.0.0.1", port=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.bin = binaries()
        self.address, self.port = address, port or free_port()
        self.servers = {}
        self.authority = Authority(self.dir / "pki")
        self.admin = self.authority.issue("admin", "admin", "system:masters")
        self.serving = self.authority.issue("apiserver", "kube-apiserver", names=NAMES,
                                            addresses=[API, "127.0.0.1"])
        self.sa_key, self.sa_pub = self.authority.service_accounts()
        self.etcd_port, self._peer_port = free_port(), free_port()
        self.kubeconfig = self.write_kubeconfig("admin", *self.admin)
        try:
            self.start_etcd()
            self.start_apiserver()
        except BaseException:
            self.stop()
            raise
        self.client = Client(self)

    def start_server(self, name, argv, ready):
        """A child that ends with us, whatever ends us."""
        server = Server([program("setpriv"), "--pdeathsig", "KILL", "--", *argv], self.dir / f"{name}.log")
        self.servers[name] = server
        return server.wait_ready(ready)

    def stop_server(self, name):
        if name in self.servers:
            self.servers.pop(name).stop()

    def kill_server(self, name):
        server = self.servers.pop(name)
        server.process.kill()
        server.process.wait()

    def start_etcd(self):
        client = f"http://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{self._peer_port}"
        self.start_server("etcd", [
            program("etcd"), "--data-dir", self.dir / "etcd", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"default={peer}", "--unsafe-no-fsync"], lambda: answers(self.etcd_port))

    def compact(self):
        """etcd forgets every revision but the present one."""
        def ask(path, body):
            connection = http.client.HTTPConnection("127.0.0.1", self.etcd_port, timeout=30)
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text)

        key = base64.b64encode(b"/registry/nothing").decode()
        revision = ask("/v3/kv/range", {"key": key})["header"]["revision"]
        ask("/v3/kv/compaction", {"revision": revision, "physical": True})

    def start_apiserver(self):
        self.start_server("apiserver", [
            self.bin / "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--bind-address={self.address}", f"--secure-port={self.port}", f"--advertise-address={API}",
            "--endpoint-reconciler-type=none", f"--tls-cert-file={self.serving[0]}",
            f"--tls-private-key-file={self.serving[1]}", f"--client-ca-file={self.authority.ca}",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-certificate-authority={self.authority.ca}", f"--kubelet-client-certificate={self.admin[0]}",
            f"--kubelet-client-key={self.admin[1]}", "--kubelet-preferred-address-types=InternalIP,Hostname",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={self.sa_pub}",
            f"--service-account-signing-key-file={self.sa_key}", f"--service-cluster-ip-range={SERVICES}",
            "--feature-gates=BoundServiceAccountTokenVolume=true",  # as every version since 1.21
            "--shutdown-delay-duration=0s", f"--cert-dir={self.dir}/certs"], self.is_ready)

    def is_ready(self):
        try:
            return Client(self).get("/readyz") == "ok"
        except (OSError, http.client.HTTPException, ApiError):
            return False

    def write_kubeconfig(self, name, certificate=None, key=None, token=None, namespace="etl"):
        """A file for a user of a certificate or a token."""
        user = {"token": token} if token else {"client-certificate": str(certificate), "client-key": str(key)}
        cluster = {"server": f"https://{self.address}:{self.port}", "certificate-authority": str(self.authority.ca)}
        path = self.dir / f"{name}.kubeconfig"
        path.touch(0o600)
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": namespace}}]}))
        return path

    def kubectl(self, *arguments, stdin=None, check=True):
        done = subprocess.run([program("kubectl"), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                              timeout=SECONDS, check=False,
                              env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.dir)})
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def apply(self, objects):
        """As kubectl does it, which also knows the schemas of this server."""
        text = objects if isinstance(objects, str) else yaml.safe_dump_all(objects)
        return self.kubectl("apply", "-f", "-", stdin=text).stdout

    def namespace(self, name):
        if not self.client.find(f"/api/v1/namespaces/{name}"):
            self.client.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def account(self, name, namespace="etl", rules=None):
        """A service account, with a Role of these rules bound to it."""
        self.client.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        if rules is not None:
            base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
            self.client.create(f"{base}/roles", {"metadata": {"name": name}, "rules": rules})
            self.client.create(f"{base}/rolebindings", {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]})

    def token(self, account, namespace="etl", seconds=3600, secret=None):
        """A token of a service account's; bound to a Secret it is worth nothing once that is deleted."""
        spec = {"audiences": [], "expirationSeconds": seconds}
        if secret:
            spec["boundObjectRef"] = {"kind": "Secret", "apiVersion": "v1", "name": secret}
        return self.client.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})["status"]["token"]

    def stop(self):
        for name in reversed(list(self.servers)):
            self.stop_server(name)


# --- a node ------------------------------------------------------------------


def libc(function, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


class Network:
    """A network namespace for this process and what it starts from now on, until leave()."""

    def __init__(self, *addresses):
        if os.geteuid() != 0:
            pytest.skip("a node needs root")
        self.before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        libc("unshare", CLONE_NEWNET)
        ip = program("ip")
        run(ip, "link", "set", "lo", "up")
        for address in addresses:
            run(ip, "addr", "add", f"{address}/32", "dev", "lo")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        # as root's there: nobody else's ports are here
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")

    def leave(self):
        libc("setns", self.before, CLONE_NEWNET)
        os.close(self.before)


# What the kubelet and containerd write to at fixed places, and the sysctls that the kubelet would set.
INIT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/netns "$1/varlog" "$1/cni-cache" /var/lib/cni
mount --bind "$1/varlog" /var/log
mount --bind "$1/cni-cache" /var/lib/cni
mount --bind "$1/resolv.conf" /etc/resolv.conf
for f in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
	kernel/keys/root_maxbytes; do
	mkdir -p "$1/sysctl/${f%/*}"
	cat "/proc/sys/$f" > "$1/sysctl/$f"
	mount --bind "$1/sysctl/$f" "/proc/sys/$f"
done
mount --make-rshared /
echo ready
trap 'exit 0' TERM
while :; do sleep 3600 & wait; done
"""

CONTAINERD = """\
version = 2
root = "{dir}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{dir}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{dir}/cni"
"""

BRIDGE = {
    "cniVersion": "0.4.0", "name": "k8s", "plugins": [{
        "type": "bridge", "bridge": "k8s0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
        "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": PODS}]],
                 "routes": [{"dst": "0.0.0.0/0"}]}}]}

PAUSE = """\
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void down(int s) { (void)s; _exit(0); }
static void reap(int s) { (void)s; while (waitpid(-1, NULL, WNOHANG) > 0); }
int main(void) { signal(SIGINT, down); signal(SIGTERM, down); signal(SIGCHLD, reap); for (;;) pause(); }
"""


def make_image(target, tag, root, config):
    """A docker-archive of one layer: what is in the directory `root`, as root's."""
    layer = target.with_suffix(".layer")

    def owned(member):
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(layer, "w") as tar:
        tar.add(root, ".", filter=owned)
    digest = run(program("sha256sum"), layer).stdout.split()[0]
    parts = {"config.json": {"architecture": "amd64", "os": "linux", "config": config,
                             "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}},
             "manifest.json": [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]}
    with tarfile.open(target, "w") as tar:
        for name, content in parts.items():
            file = target.with_suffix(".part")
            file.write_text(json.dumps(content))
            tar.add(file, name)
            file.unlink()
        tar.add(layer, "layer.tar")
    layer.unlink()
    return target


class Cluster(ControlPlane):
    """A whole one, with one node, in the network namespace that this process is in."""

    def __init__(self, directory):
        if not Path("/sys/fs/cgroup/memory").is_dir():
            pytest.skip("a node of this version needs the controllers of cgroup v1")
        for tool in ("containerd", "runc", "dnsmasq", "kubectl"):
            program(tool)
        super().__init__(directory, API, 443)
        self.cgroup = f"{CGROUP}-{os.getpid()}"
        self.init = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self.start_controllers()
        self._start_namespaces()
        self.start_dns()
        self._start_containerd()
        self.import_image(self._pause())
        self.start_kubelet()
        self.wait_node()

    # --- names

    def start_dns(self):
        """Of the hosts that `hosts` names; and the cluster's own names, as far as somebody asks for them."""
        self.hosts = self.dir / "hosts"
        self.hosts.write_text(f"{API} kubernetes.default.svc.cluster.local\n")
        self.start_server("dns", self.inside(
            program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--addn-hosts={self.hosts}", f"--listen-address={DNS}", "--bind-interfaces", "--user=root",
            "--pid-file=", "--local=/#/"), lambda: answers(53, DNS))

    def name(self, host, address):
        """The host has this address for whoever asks the cluster's DNS."""
        with open(self.hosts, "a", encoding="utf-8") as file:
            file.write(f"{address} {host}\n")
        os.kill(self.child_of(self.servers["dns"]), signal.SIGHUP)
        wait_for(lambda: resolves(host), f"the name {host}")

    # --- the others of the control plane

    def start_controllers(self):
        users = {"controller-manager": "system:kube-controller-manager", "scheduler": "system:kube-scheduler"}
        config = {name: self.write_kubeconfig(name, *self.authority.issue(name, user)) for name, user in users.items()}
        common = ["--leader-elect=false", "--bind-address=127.0.0.1", f"--cert-dir={self.dir}/certs"]
        self.start_server("controller-manager", [
            self.bin / "kube-controller-manager", f"--kubeconfig={config['controller-manager']}", *common,
            "--use-service-account-credentials=true", f"--root-ca-file={self.authority.ca}",
            f"--service-account-private-key-file={self.sa_key}", "--allocate-node-cidrs=false",
            f"--flex-volume-plugin-dir={self.dir}/flex"], lambda: answers(10257))
        self.start_server("scheduler", [
            self.bin / "kube-scheduler", f"--kubeconfig={config['scheduler']}", *common], lambda: answers(10259))

    # --- the node

    def _start_namespaces(self):
        self._forget_dead()
        (self.dir / "resolv.conf").write_text(f"nameserver {DNS}\n")
        for controller in self.cgroups():
            controller.mkdir(exist_ok=True)
        log = self.dir / "init.log"
        script = self.dir / "init.sh"
        script.write_text(INIT)
        self.start_server("init", [
            program("unshare"), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
            program("bash"), script, self.dir], lambda: "ready" in log.read_text())
        self.init = self.child_of(self.servers["init"])

    def cgroups(self):
        """Where this node's containers are counted."""
        return [c / self.cgroup for c in Path("/sys/fs/cgroup").iterdir()
                if c.is_dir() and not c.is_symlink() and c.name != "unified"]

    @staticmethod
    def _forget_dead():
        """Empty cgroups are all that a test leaves that was killed."""
        for directory in Path("/sys/fs/cgroup").glob(f"*/{CGROUP}-*"):
            if not Path(f"/proc/{directory.name.rsplit('-', 1)[1]}").exists():
                remove_tree(directory)

    @staticmethod
    def child_of(server):
        """What the command that enters namespaces has begun there."""
        pid = server.process.pid
        return int(wait_for(Path(f"/proc/{pid}/task/{pid}/children").read_text, "a child").split()[0])

    def inside(self, *argv):
        """An argv that runs in the node's namespaces."""
        return [program("nsenter"), "-t", str(self.init), "--mount", "--pid", *map(str, argv)]

    def ctr(self, *arguments):
        return run(*self.inside(program("ctr"), "-a", self.dir / "containerd.sock", "-n", "k8s.io", *arguments)).stdout

    def _start_containerd(self):
        (self.dir / "cni").mkdir()
        (self.dir / "cni/10-bridge.conflist").write_text(json.dumps(BRIDGE))
        config = self.dir / "containerd.toml"
        config.write_text(CONTAINERD.format(dir=self.dir, snapshotter="overlayfs"))
        self.start_server("containerd", self.inside(program("containerd"), "-c", config), self._containerd_serves)

    def _containerd_serves(self):
        done = subprocess.run(self.inside(program("ctr"), "-a", self.dir / "containerd.sock", "version"),
                              capture_output=True, timeout=SECONDS, check=False)
        return done.returncode == 0

    def _pause(self):
        root = self.dir / "pause"
        root.mkdir()
        (self.dir / "pause.c").write_text(PAUSE)
        run(program("gcc"), "-Os", "-static", "-s", "-o", root / "pause", self.dir / "pause.c")
        return make_image(self.dir / "pause.tar", "docker.io/library/pause:1", root, {"Entrypoint": ["/pause"]})

    def import_image(self, archive):
        self.ctr("images", "import", archive)

    def start_kubelet(self):
        certificate, key = self.authority.issue("kubelet", f"system:node:{NODE}", "system:nodes", [NODE], [API])
        kubeconfig = self.write_kubeconfig("kubelet", certificate, key)
        config = self.dir / "kubelet.yaml"
        config.write_text(yaml.safe_dump({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "address": API,
            "healthzBindAddress": "127.0.0.1", "readOnlyPort": 0, "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key), "authentication": {
                "anonymous": {"enabled": False}, "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.authority.ca)}},
            "authorization": {"mode": "Webhook"}, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{self.cgroup}",
            "failSwapOn": False, "makeIPTablesUtilChains": False, "oomScoreAdj": 0,
            "maxOpenFiles": resource_limit(), "enforceNodeAllocatable": ["pods"], "kubeAPIQPS": 100,
            "kubeAPIBurst": 200, "registryPullQPS": 0, "eventRecordQPS": 0, "maxPods": 250,
            "featureGates": {"BoundServiceAccountTokenVolume": True},
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100, "clusterDomain": "cluster.local", "clusterDNS": [DNS],
            "resolvConf": str(self.dir / "resolv.conf"), "volumePluginDir": str(self.dir / "flex"),
            "nodeStatusUpdateFrequency": "2s"}))
        self.start_server("kubelet", self.inside(
            self.bin / "kubelet", f"--config={config}", f"--kubeconfig={kubeconfig}", "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{self.dir}/containerd.sock", f"--hostname-override={NODE}",
            f"--node-ip={API}", f"--root-dir={self.dir}/kubelet", f"--cert-dir={self.dir}/certs"),
            lambda: answers(10248))

    def stop_kubelet(self):
        """As its crash; the containers go on."""
        child = self.child_of(self.servers["kubelet"])
        os.kill(child, signal.SIGKILL)
        self.servers.pop("kubelet").process.wait(SECONDS)

    def wait_node(self, ready="True"):
        def is_so():
            node = self.client.find(f"/api/v1/nodes/{NODE}")
            return node and any(c["type"] == "Ready" and c["status"] == ready for c in node["status"]["conditions"])
        wait_for(is_so, f"a node whose Ready is {ready}", SECONDS)

    def stop(self):
        if "init" in self.servers:
            # the first process of a PID namespace takes all others with it
            if self.init:
                os.kill(self.init, signal.SIGKILL)
            self.servers.pop("init").process.wait()
            for name in ("kubelet", "containerd", "dns"):
                if name in self.servers:
                    self.servers.pop(name).process.wait()
        super().stop()
        for controller in self.cgroups():
            remove_tree(controller)


def remove_tree(cgroup):
    for directory in sorted(cgroup.rglob("*/"), reverse=True) + [cgroup]:
        if directory.is_dir():
            wait_for(lambda d=directory: remove(d), f"{directory} to be empty")


def remove(directory):
    try:
        directory.rmdir()
        return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


def resource_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def resolves(host):
    """Has the cluster's DNS an address of it (RFC 1035 §4.1)?"""
    name = b"".join(bytes([len(part)]) + part.encode() for part in host.split("."))
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.sendto(struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 1, 1), (DNS, 53))
        return struct.unpack_from(">H", s.recv(512), 6)[0] > 0
