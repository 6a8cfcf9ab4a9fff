"""The tests' own cluster is one: what the others rely on."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import ApiError, Client, make_image
from queue_project import alive
from servers import program, wait_for

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from cluster import API, DNS, Cluster, Network
network = Network(API, DNS)
cluster = Cluster(sys.argv[2])
print("up", cluster.init, *(s.process.pid for s in cluster.servers.values()), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shell(cluster, tmp_path_factory):
    """An image with a shell in it."""
    directory = tmp_path_factory.mktemp("shell")
    (directory / "root/bin").mkdir(parents=True)
    shutil.copy(program("busybox"), directory / "root/bin/busybox")
    for name in ("sh", "id", "cat", "sleep", "touch", "nslookup"):
        (directory / "root/bin" / name).symlink_to("busybox")
    cluster.import_image(make_image(directory / "shell.tar", "docker.io/library/shell:1", directory / "root",
                                    {"Env": ["PATH=/bin"]}))
    cluster.namespace("rig")
    wait_for(lambda: cluster.client.find("/api/v1/namespaces/rig/serviceaccounts/default"), "its account")
    return Client(cluster, namespace="rig")


def pod(name, command, uid):
    return {"metadata": {"name": name}, "spec": {
        "restartPolicy": "Never", "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": uid, "runAsGroup": 0,
                            "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "image": "docker.io/library/shell:1", "imagePullPolicy": "Never",
                        "command": ["sh", "-c", command],
                        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                                            "capabilities": {"drop": ["ALL"]}}}]}}


def test_a_pod_runs_as_anybody_without_rights(cluster, shell):
    uid = random.randrange(100_000, 2**31 - 1)
    cluster.name("somewhere.example.org", "10.96.0.77")
    shell.create("pods", pod("anybody", "id; touch /x; cat /proc/self/status; nslookup somewhere.example.org; exit 3",
                             uid))
    wait_for(lambda: shell.get("pods/anybody")["status"]["phase"] == "Failed", "its end")
    said = shell.get("pods/anybody/log")
    assert f"uid={uid} gid=0" in said
    assert "Read-only file system" in said
    assert "CapBnd:\t0000000000000000" in said and "NoNewPrivs:\t1" in said and "Seccomp:\t2" in said
    assert "10.96.0.77" in said
    state = shell.get("pods/anybody")["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 3
    shell.delete("pods/anybody")
    wait_for(lambda: shell.find("pods/anybody") is None, "its deletion")


def test_containers_outlive_the_kubelet(cluster, shell):
    shell.create("pods", pod("stays", "sleep 600", 100_000))
    wait_for(lambda: shell.get("pods/stays")["status"]["phase"] == "Running", "it to run")
    container = shell.get("pods/stays")["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    cluster.stop_kubelet()
    assert container in cluster.ctr("tasks", "ls", "-q")
    cluster.start_kubelet()
    cluster.wait_node()
    status = shell.get("pods/stays")["status"]
    assert status["containerStatuses"][0]["restartCount"] == 0 and status["phase"] == "Running"
    shell.delete("pods/stays", {"gracePeriodSeconds": 0})
    wait_for(lambda: shell.find("pods/stays") is None, "its deletion")


def test_nothing_is_left_when_it_is_killed(tmp_path):
    """The worst end: SIGKILL to the process that runs the tests."""
    (tmp_path / "script.py").write_text(SCRIPT)
    integration = Path(__file__).resolve().parents[1] / "integration"
    child = subprocess.Popen([sys.executable, tmp_path / "script.py", integration, tmp_path / "k8s"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        said = child.stdout.readline().split()
        assert said and said[0] == "up"
        pids = [int(pid) for pid in said[1:]]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()
    wait_for(lambda: not any(alive(pid) for pid in pids), "the servers' end")
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


# --- the control plane -------------------------------------------------------


@pytest.fixture(scope="module")
def space(plane):
    plane.namespace("etl")
    return plane


def test_rights_are_checked(space):
    space.account("reader", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    client = Client(space, token=space.token("reader"))
    assert client.list("pods") == []
    assert client.may("list", "pods") and not client.may("create", "pods") and not client.may("get", "pods", "log")
    with pytest.raises(ApiError) as refused:
        client.create("pods", pod("x", "true", 1000))
    assert refused.value.status == 403


def test_a_token_ends_with_what_it_is_bound_to(space):
    space.client.create("secrets", {"metadata": {"name": "leash"}})
    space.account("leashed", rules=[])
    client = Client(space, token=space.token("leashed", secret="leash"))
    assert not client.may("list", "pods")  # who it is, it knows
    space.client.delete("secrets/leash")

    def refused():
        try:
            client.may("list", "pods")
            return False
        except ApiError as e:
            return e.status == 401
    wait_for(refused, "the token's end", 30)


def test_a_watch_of_a_compacted_revision_is_gone(space):
    space.client.create("configmaps", {"metadata": {"name": "old"}})
    revision = space.client.get("configmaps/old")["metadata"]["resourceVersion"]
    for number in range(3):
        space.client.create("configmaps", {"metadata": {"name": f"new-{number}"}})
    space.kill_server("apiserver")
    space.compact()
    space.start_apiserver()
    event = space.client.get("configmaps", watch="1", resourceVersion=revision, timeoutSeconds="1")
    assert event["type"] == "ERROR" and event["object"]["code"] == 410
    assert "too old resource version" in event["object"]["message"]
