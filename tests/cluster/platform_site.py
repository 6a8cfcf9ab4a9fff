"""What a platform team has: a cluster with deploy/ in it, a domain, a SQL Server with store and warehouse."""

import json
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import yaml
from cluster import Client, make_image
from kdcs import MitKdc
from product import ETL, ROOT
from queue_project import FINAL
from servers import program, run, wait_for
from stores import MssqlStore
from tdsd import PASSWORD, USER, Tdsd

SQL, KDC = "10.96.0.14", "10.96.0.88"
HOST = "sql01.example.org"
SECONDS = 90
ROWS = 3000
APPS = "/apis/apps/v1/namespaces"

CONFIG = """\
[store]
driver = mssql
server = {host}
database = ETL
auth = kerberos
ca_file = ca.pem
[controller]
executor = kubernetes
max_workers = {max_workers}
poll = {poll}
lease = {lease}
[kerberos]
realm = {realm}
kdc = kdc1.example.org
keytab = /etc/etl-keytab/etl.keytab
keytab_group = yes
[log]
format = json
level = debug
[kubernetes]
{kubernetes}
[connection dw]
driver = mssql
server = {host}
database = DW
auth = kerberos
ca_file = ca.pem
"""

LAPTOP = """\
[store]
{store}
host_name_in_certificate = {host}
[connection dw]
{store}
host_name_in_certificate = {host}
"""


def dockerfile():
    """What the image says besides its files."""
    last = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", 1)[1]
    words = dict(re.findall(r"^(WORKDIR|USER|ENTRYPOINT|CMD) (.*)$", last, re.MULTILINE))
    return {"WorkingDir": words["WORKDIR"], "User": words["USER"], "Entrypoint": json.loads(words["ENTRYPOINT"]),
            "Cmd": json.loads(words.get("CMD", "null"))}


def image(cluster, directory, binary, tag):
    """The Dockerfile's image of a binary that is built here, but for time zones and documents; its name in the
    cluster."""
    root = directory / tag
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(binary, root / "usr/bin/etl")
    (root / "work").mkdir()
    (root / "work").chmod(0o1777)
    name = f"registry.example.org/etl:{tag}"
    cluster.import_image(make_image(directory / f"{tag}.tar", name, root, dockerfile()))
    return tag


class Domain:
    """The KDC and its accounts; and a SQL Server, whose databases ETL is the store and DW the warehouse."""

    def __init__(self, cluster, directory, pki):
        self.dir, self.cluster, self.pki = directory, cluster, pki
        self.kdc = MitKdc(directory / "kdc", address=KDC, port=88)
        self.keytab = directory / "etl.keytab"
        self.kdc.add("svc_etl", self.keytab)
        self.kdc.add(f"MSSQLSvc/{HOST}:1433", directory / "sql.keytab")
        self.certificate, self.key = pki.issue(HOST)
        cluster.name(HOST, SQL)
        cluster.name("kdc1.example.org", KDC)
        self.server = self.store = None

    def serve(self, directory):
        """A server with empty databases."""
        self.server = Tdsd(directory, "--database", "ETL", "--database", "DW", "--keytab", self.dir / "sql.keytab",
                           "--principal", f"svc_etl@{self.kdc.realm}={USER}", listen=f"{SQL}:1433",
                           certificate=self.certificate, key=self.key, encrypt="required")
        self.store = MssqlStore(directory, f"{SQL},1433", "ETL", USER, PASSWORD, "require", self.pki.ca)
        return self.store

    def stop_server(self):
        self.store.forget()
        self.server.kill_all()
        self.server.stop()

    def ask(self, statement, database="DW"):
        """All rows of an answer, if it has any."""
        db = self.store.connect(database)
        try:
            with db.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
        finally:
            db.close()

    def tsql(self, *batches):
        """As somebody with a ticket says it."""
        cache = self.dir / "krb5cc"
        env = {**os.environ, "KRB5_CONFIG": str(self.kdc.krb5_conf), "KRB5CCNAME": f"FILE:{cache}",
               "FREETDSCONF": str(self.dir / "freetds.conf"), "LC_ALL": "C.UTF-8"}
        (self.dir / "freetds.conf").write_text(
            f"[server]\nhost = {HOST}\nport = 1433\ntds version = 7.4\nencryption = require\nca file = {self.pki.ca}\n")
        run(program("kinit"), "-k", "-t", self.keytab, "svc_etl", env=env)
        done = subprocess.run(self.cluster.inside(program("tsql"), "-S", "server", "-D", "ETL", "-o", "fhq"),
                              input="\ngo\n".join([*batches, "quit\n"]), env=env, capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0 and "Msg" not in done.stderr, done.stdout + done.stderr
        return done.stdout


class Site:
    """deploy/ in a namespace of its own, on an empty store."""

    def __init__(self, domain, directory, overlay="kubernetes", tag="0.1.0", binary=None, **settings):
        self.domain, self.cluster, self.dir = domain, domain.cluster, Path(directory)
        self.namespace = f"etl-{uuid.uuid4().hex[:8]}"
        self.client = Client(self.cluster, namespace=self.namespace)
        self.overlay, self.tag, self.binary = overlay, tag, binary
        self.settings = {"poll": "1s", "lease": "60s", "max_workers": 20, "kubernetes": "", **settings}
        self.store = domain.serve(self.dir / "tdsd")
        self.query = self.store.query
        self.etl("init")

    # --- as on a laptop

    def etl(self, *arguments, status=0):
        (self.dir / "laptop.ini").write_text(LAPTOP.format(store=self.store.config(), host=HOST))
        shutil.copy(self.store.directory / "store-password", self.dir)
        done = subprocess.run([self.binary or ETL, "--config", "laptop.ini", *map(str, arguments)],
                              cwd=self.dir, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def job(self, name, **keys):
        """Its number."""
        (self.dir / "job.ini").write_text(f"[job {name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))
        return int(self.etl("apply", "job.ini").split()[1])

    def copy_job(self, name, **keys):
        """Appends what is in `src` to a table of the job's name: what is loaded twice is there twice."""
        if not self.domain.ask("SELECT 1 FROM sys.tables WHERE name = N'src'"):
            self.domain.ask("CREATE TABLE src (id int NOT NULL, name nvarchar(50), fee decimal(18,4))")
            for first in range(0, ROWS, 500):
                self.domain.ask("INSERT INTO src VALUES " + ", ".join(
                    f"({i}, N'mémber {i}', {i}.0{i % 1000:03})" for i in range(first, first + 500)))
        return self.job(name, **{"source": "dw", "source_table": "src", "target": "dw", "target_table": name,
                                 "load_mode": "append", "create": "yes", **keys})

    def slow(self, times=1, seconds=60):
        """The next so many copies wait so long in the middle of what they read."""
        self.domain.server.fault(f'stall phase=result packet=2 app="etl worker reads" match=src ms={seconds * 1000}'
                                 f" times={times}")

    def wait_copying(self, run):
        """Until it is at work on its target; its pod."""
        self.wait_state(run, "running")
        uid = self.row(run)["run_uid"]
        wait_for(lambda: self.ledger().get(uid) == "open", "the run in the ledger", SECONDS)
        return self.wait_pod(run)

    def check(self, table, *runs):
        """These runs have succeeded, and the table has each one's rows, once."""
        states = {self.row(run)["run_uid"]: self.row(run)["state"] for run in runs}
        assert set(states.values()) == {"succeeded"}
        ledger = self.ledger()
        assert {uid: ledger[uid] for uid in states} == dict.fromkeys(states, "published")
        there = self.domain.ask(f"SELECT id, name, fee FROM {table} ORDER BY id")
        source = self.domain.ask("SELECT id, name, fee FROM src ORDER BY id")
        assert there == [row for row in source for _ in runs]
        known = {"src", "done", "load_ledger", "load_reject"} | {name for name, in self.query("SELECT name FROM etl_job")}
        assert {name for name, in self.domain.ask("SELECT name FROM sys.tables")} <= known  # no staging is left

    # --- in the cluster

    def render(self, change=None):
        """Kustomize's objects of an overlay of a user's own, over ours."""
        user = self.dir / "overlay"
        user.mkdir(exist_ok=True)
        (user / "etl.ini").write_text(CONFIG.format(host=HOST, realm=self.domain.kdc.realm, **self.settings))
        shutil.copy(self.domain.pki.ca, user / "ca.pem")
        shutil.copy(self.domain.keytab, user / "etl.keytab")
        (user / "kustomization.yaml").write_text(yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": self.namespace,
            "resources": [os.path.relpath(ROOT / "deploy/overlays" / self.overlay, user.resolve())],
            "images": [{"name": f"{self.registry()}/etl", "newName": "registry.example.org/etl", "newTag": self.tag}],
            "configMapGenerator": [{"name": "etl-config", "behavior": "replace", "files": ["etl.ini", "ca.pem"]}],
            "secretGenerator": [{"name": "etl-keytab", "files": ["etl.keytab"]}]}))
        objects = list(yaml.safe_load_all(self.cluster.kubectl("kustomize", user).stdout))
        for each in objects:
            if each["kind"] == "PodDisruptionBudget":
                each["apiVersion"] = "policy/v1beta1"  # the cluster here is 1.20
            if each["kind"] == "Deployment":
                each["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Never"
        if change:
            change(objects)
        return objects

    def registry(self):
        return {"kubernetes": "registry.example.org",
                "openshift": "image-registry.openshift-image-registry.svc:5000/etl"}[self.overlay]

    def apply(self, change=None, wait=True):
        """kubectl apply -k, and until the Deployment says that all of it is there."""
        self.cluster.namespace(self.namespace)
        self.cluster.apply(self.render(change))
        if wait:
            self.wait_deployed()

    def deployment(self):
        return self.client.get(f"{APPS}/{self.namespace}/deployments/etl-controller")

    def wait_deployed(self):
        def there():
            object_ = self.deployment()
            status, wanted = object_["status"], object_["spec"]["replicas"]
            return (status.get("observedGeneration", 0) >= object_["metadata"]["generation"]
                    and status.get("updatedReplicas") == wanted == status.get("replicas")
                    and status.get("availableReplicas") == wanted)
        try:
            wait_for(there, "the Deployment", SECONDS)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.describe()}") from e

    def describe(self):
        return (self.cluster.kubectl("describe", "pods", "-n", self.namespace).stdout[-6000:]
                + self.controller_log()[-6000:])

    def pods(self, component="worker"):
        return self.client.list("pods", labelSelector=f"app.kubernetes.io/component={component}")

    def controllers(self):
        """Those that are not about to go."""
        return [p for p in self.pods("controller") if "deletionTimestamp" not in p["metadata"]]

    def controller_log(self):
        said = ""
        for pod in self.pods("controller"):
            for previous in ("true", "false"):
                try:
                    said += str(self.client.get(f"pods/{pod['metadata']['name']}/log", previous=previous))
                except Exception as e:  # pylint: disable=broad-except
                    said += f"({e})\n" if previous == "false" else ""
        return said

    def wait_pod(self, run, phase="Running"):
        """The pod of a run, once it is in this phase."""
        def found():
            pods = self.client.list("pods", labelSelector=f"etl/run={run}")
            return next((p for p in pods if p["status"].get("phase") == phase), None)
        return wait_for(found, f"a pod of run {run} that is {phase}", SECONDS)

    def wait_no_workers(self):
        """Until no pod of a run is left."""
        wait_for(lambda: self.pods() == [], "the pods to go", SECONDS)

    # --- runs

    def order(self, job):
        """As anybody orders one, in SSMS; its number."""
        return int(self.domain.tsql(
            f"INSERT INTO etl.run (job_id) VALUES ({job})\nSELECT MAX(run_id) FROM etl.run").split()[-1])

    def row(self, number):
        return self.store.row("SELECT * FROM etl_run WHERE run_id = ?", number)

    def wait_state(self, number, *states, seconds=SECONDS):
        def there():
            row = self.row(number)
            assert row["state"] in states or row["state"] not in FINAL, \
                f"run {number} is {row['state']}: {row['error_message']}\n{self.controller_log()[-4000:]}"
            return row["state"] in states and row
        try:
            return wait_for(there, f"run {number} to be {' or '.join(states)}", seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{dict(self.row(number))}\n{self.describe()}") from e

    def states(self):
        return dict(self.query("SELECT state, count(*) FROM etl_run GROUP BY state"))

    def wait_all(self, *states, seconds=SECONDS):
        try:
            wait_for(lambda: set(self.states()) <= set(states), "every run's end", seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.states()}\n{self.describe()}") from e

    def events(self, number):
        return [r[0] for r in self.query(
            "SELECT new_state FROM etl_run_event WHERE run_id = ? ORDER BY event_id", number)]

    def ledger(self):
        """{run_uid: state}"""
        if not self.domain.ask("SELECT 1 FROM sys.tables WHERE name = N'load_ledger'"):
            return {}
        return {str(uid): state for uid, state in self.domain.ask("SELECT run_uid, state FROM etl.load_ledger")}

    def end(self):
        """No pod of it goes on, and the server is gone; the rest of the namespace goes in its own time."""
        try:
            if self.client.find(f"{APPS}/{self.namespace}/deployments/etl-controller"):
                self.client.delete(f"{APPS}/{self.namespace}/deployments/etl-controller")
                wait_for(lambda: not self.pods("controller"), "the controllers' end", SECONDS)
                self.client.delete("pods", {"gracePeriodSeconds": 1})
                wait_for(lambda: not self.client.list("pods"), "the pods' end", SECONDS)
                self.client.delete(f"/api/v1/namespaces/{self.namespace}")
        finally:
            self.domain.stop_server()
