"""A queue whose workers are pods of a control plane without nodes; what a kubelet would say of a pod, a test says."""

import json
import re
import subprocess

from queue_project import QueueProject
from servers import wait_for

RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
]
KUBERNETES = """\
[kubernetes]
kubeconfig = {kubeconfig}
namespace = {namespace}
image = registry.test/etl:1
"""


def namespace_of(request, prefix):
    """One for each test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    return f"{prefix}-{name[:50].strip('-')}"


class KubeProject(QueueProject):
    """On SQLite, whose workers a test may run beside the cluster."""

    def __init__(self, path, plane, namespace, more="", rules=None, **settings):
        self.plane, self.namespace = plane, namespace
        plane.namespace(namespace)
        self.client = plane.client.__class__(plane, namespace=namespace)
        plane.account("default", namespace)  # which a controller manager would make
        plane.account("etl", namespace, RULES if rules is None else rules)
        self.kubeconfig = plane.write_kubeconfig(f"etl-{namespace}", token=plane.token("etl", namespace),
                                                 namespace=namespace)
        self.more = more
        super().__init__(path, **settings)

    def config(self):
        text = super().config().replace("[controller]\n", "[controller]\nexecutor = kubernetes\n")
        return text + KUBERNETES.format(kubeconfig=self.kubeconfig, namespace=self.namespace) + self.more

    # --- pods ---

    def pods(self):
        return self.client.list("pods")

    def pod_name(self, run, fence=1):
        store = self.store("SELECT value FROM etl_meta WHERE name = 'store_uid'")[0][0]
        return f"etl-{store[-12:]}-{run}-{fence}"

    def wait_pod(self, run, fence=1, seconds=30):
        """The run's pod, when its Secret is there too."""
        name = self.pod_name(run, fence)
        try:
            wait_for(lambda: self.client.find(f"secrets/{name}"), f"pod {name}", seconds)
        except TimeoutError as e:
            raise AssertionError(f"{e}\n{self.controllers[-1].text()}") from e
        return self.client.get(f"pods/{name}")

    def wait_no_pod(self, name, seconds=30):
        wait_for(lambda: not self.client.find(f"pods/{name}"), f"the end of pod {name}", seconds)

    def status(self, pod, **status):
        """What a kubelet says of it."""
        self.client.patch(f"pods/{pod['metadata']['name']}/status", {"status": status})

    def container(self, pod, phase, **state):
        self.status(pod, phase=phase, containerStatuses=[{
            "name": "worker", "image": "registry.test/etl:1", "imageID": "", "restartCount": 0,
            "ready": phase == "Running", "state": state}])

    def bind(self, pod, node="node1"):
        self.client.create(f"pods/{pod['metadata']['name']}/binding", {
            "metadata": {"name": pod["metadata"]["name"]}, "target": {"kind": "Node", "name": node}})

    def work(self, pod):
        """Does what the pod's container would do, here; its exit status."""
        container = pod["spec"]["containers"][0]
        secret = self.client.get(f"secrets/{pod['metadata']['name']}")
        self.container(pod, "Running", running={})
        env = {e["name"]: e.get("value", "") for e in container["env"]}
        assert env.pop("ETL_RUN_FILE") == "/run/etl/run/run"
        file = self.path / f"{pod['metadata']['name']}.run"
        file.write_bytes(subprocess.run(["base64", "-d"], input=secret["data"]["run"].encode(), check=True,
                                        capture_output=True).stdout)
        done = subprocess.run(self.argv(*container["args"]), cwd=self.path, capture_output=True, text=True, check=False,
                              env=self.env(**env, ETL_RUN_FILE=str(file)))
        (self.path / f"{pod['metadata']['name']}.log").write_text(done.stdout + done.stderr)
        self.container(pod, "Succeeded" if done.returncode == 0 else "Failed",
                       terminated={"exitCode": done.returncode, "finishedAt": "2026-11-28T00:00:00Z"})
        return done.returncode

    # --- runs ---

    def lease(self, run):
        """When it ends, in seconds."""
        return self.store("SELECT unixepoch(lease_until) FROM etl_run_heartbeat WHERE run_id = ?", run)[0][0]

    def wait_run(self, run, seconds=30, **what):
        """Until its row has all of that; a value that is called is a condition."""
        if "message" in what:
            what["error_message"] = what.pop("message")

        def has():
            row = self.run(run)
            return all(w(row[k]) if callable(w) else row[k] == w for k, w in what.items())
        try:
            wait_for(has, f"run {run}: {what}", seconds)
        except TimeoutError as e:
            raise AssertionError(f"{e}: {json.dumps(dict(self.run(run)), default=str)}\n{self.controllers[-1].text()}") from e
        return self.run(run)
