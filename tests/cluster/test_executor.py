"""Workers as pods, at a real API server: what the executor asks of it, and what it makes of its answers."""

import json

import pytest
from kube_project import RULES, KubeProject, namespace_of
from servers import wait_for

IMAGE = "registry.test/etl:1"


@pytest.fixture
def make(tmp_path, plane, request):
    made = []

    def new(**settings):
        made.append(KubeProject(tmp_path, plane, namespace_of(request, "x"), **settings))
        return made[-1]
    yield new
    for project in made:
        project.end()


@pytest.fixture
def kube(make):
    return make()


def start(kube, **keys):
    """A run whose pod is there, of a job that a test may let end as it likes."""
    kube.exec_job("job", "true", **keys)
    kube.order("job")
    kube.controller()
    return kube.wait_pod(1)


def test_a_run_becomes_a_pod_and_its_end_a_state(kube):
    kube.copy_job("load", "planes", rows=10)
    kube.order("load")
    controller = kube.controller()
    pod = kube.wait_pod(1)
    spec, meta = pod["spec"], pod["metadata"]
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["image"] == IMAGE
    assert meta["labels"]["etl/run"] == "1" and meta["labels"]["etl/fence"] == "1"
    assert kube.run(1)["state"] == "starting"
    assert kube.work(pod) == 0
    kube.wait_run(1, state="succeeded")
    kube.wait_no_pod(meta["name"])
    assert kube.count("planes") == 10
    assert controller.stop() == 0


def test_the_secret_of_a_run_goes_with_its_pod(kube):
    pod = start(kube)
    secret = kube.client.get(f"secrets/{pod['metadata']['name']}")
    assert [o["uid"] for o in secret["metadata"]["ownerReferences"]] == [pod["metadata"]["uid"]]
    mounted = [v["name"] for v in pod["spec"]["volumes"] if v.get("secret", {}).get("secretName") == pod["metadata"]["name"]]
    assert len(mounted) == 1
    assert kube.run(1)["run_uid"] not in json.dumps(pod["spec"])


def test_what_a_job_patches(kube):
    pod = start(kube, timeout="90s", pod_patch=json.dumps({"spec": {
        "nodeSelector": {"disk": "ssd"}, "containers": [{"resources": {"limits": {"memory": "3Gi"}}}]}}))
    container = pod["spec"]["containers"][0]
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert pod["spec"]["activeDeadlineSeconds"] == 150
    assert (container["name"], container["image"]) == ("worker", IMAGE)
    assert container["resources"]["limits"] == {"memory": "3Gi"}
    assert container["args"][:3] == ["worker", "--job", "1"]


# What a kubelet, or a scheduler, says; how the run ends; what stands on it.
ENDS = {
    "oom": ({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, {},
            "OOMKilled: it needed more memory than its limit of 1Gi", 0),
    "exit": ({"terminated": {"exitCode": 3, "reason": "Error"}}, {}, "exit status 3", 0),
    "signal": ({"terminated": {"exitCode": 139, "reason": "Error"}}, {}, "killed by signal 11", 0),
    "evicted": ({}, {"reason": "Evicted", "message": "The node was low on resource: memory."},
                "evicted: The node was low on resource: memory.", 1),
    "preempted": ({"terminated": {"exitCode": 143}}, {"conditions": [
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "for another"}]},
                  "preempted by a pod of higher priority: for another", 1),
    "deadline": ({}, {"reason": "DeadlineExceeded", "message": "Pod was active on the node longer than"},
                 "longer than its deadline", 0),
    "shutdown": ({}, {"reason": "Shutdown", "message": "Node is shutting down"}, "its node shuts down", 1),
}


@pytest.mark.parametrize("kind", ENDS)
def test_how_a_pod_dies_stands_on_its_run(make, kind):
    state, status, words, disruptions = ENDS[kind]
    kube = make()
    pod = start(kube, idempotent="yes", max_attempts=2, retry_delay="1h")
    kube.container(pod, "Running", running={})
    kube.store("UPDATE etl_run SET state = 'running' WHERE run_id = 1")  # its worker took it
    kube.status(pod, phase="Failed", **status, **({"containerStatuses": [{
        "name": "worker", "image": IMAGE, "imageID": "", "restartCount": 0, "ready": False,
        "state": state}]} if state else {"containerStatuses": []}))
    row = kube.wait_run(1, seconds=20, message=lambda m: m and words in m)
    kube.wait_run(1, disruptions=disruptions)
    assert row["fence"] in (1, 2)
    assert not disruptions or row["attempt"] - row["disruptions"] <= 1


WAITS = {
    "unschedulable": ({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                       "message": "0/1 nodes are available: 1 Insufficient memory."}]},
                      "it is not scheduled (Unschedulable): 0/1 nodes are available: 1 Insufficient memory."),
    "pull": ({"containerStatuses": {"reason": "ErrImagePull", "message": "manifest unknown"}},
             "its image cannot be pulled (ErrImagePull): manifest unknown"),
    "create": ({"containerStatuses": {"reason": "CreateContainerConfigError", "message": "secret \"x\" not found"}},
               "its container cannot be made (CreateContainerConfigError): secret \"x\" not found"),
}


@pytest.mark.parametrize("kind", WAITS)
def test_what_a_pod_waits_for_stands_on_its_run(make, kind):
    status, words = WAITS[kind]
    kube = make(lease="2s")
    pod = start(kube)
    if "containerStatuses" in status:
        kube.container(pod, "Pending", waiting=status["containerStatuses"])
    else:
        kube.status(pod, phase="Pending", **status)
    kube.wait_run(1, state="starting", error_code="waiting", message=words)
    if kind == "pull":  # that it is tried again says less
        kube.container(pod, "Pending", waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling image"})
    before = kube.lease(1)
    wait_for(lambda: kube.lease(1) - before > 3, "a run that is held for longer than its lease")
    assert kube.run(1)["error_message"] == words
    assert kube.work(pod) == 0  # it comes up after all
    row = kube.wait_run(1, state="succeeded")
    assert (row["error_code"], row["error_message"], row["fence"]) == (None, None, 1)


def test_a_pod_that_never_begins_is_given_up(make):
    kube = make(more="start_timeout = 2s\n")
    pod = start(kube)
    kube.container(pod, "Pending", waiting={"reason": "ErrImagePull", "message": "no such host"})
    row = kube.wait_run(1, disruptions=lambda n: n >= 1)
    assert "has not begun after" in row["error_message"] and "no such host" in row["error_message"]
    kube.wait_no_pod(pod["metadata"]["name"])
    kube.wait_pod(1, fence=2)


def test_an_image_that_can_never_be_is_given_up_at_once(kube):
    pod = start(kube)
    kube.container(pod, "Pending", waiting={"reason": "InvalidImageName", "message": "couldn't parse image reference"})
    row = kube.wait_run(1, disruptions=1)
    assert "its image's name is none" in row["error_message"]


def test_a_pod_deleted_by_hand_is_no_failure(kube):
    pod = start(kube, idempotent="yes")
    kube.container(pod, "Running", running={})
    kube.store("UPDATE etl_run SET state = 'running' WHERE run_id = 1")
    kube.client.delete(f"pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
    row = kube.wait_run(1, disruptions=1)
    assert "its pod was deleted, by hand or by the cluster" in row["error_message"]
    kube.wait_pod(1, fence=2)


def test_a_cancelled_run_loses_its_pod(kube):
    pod = start(kube)
    kube.etl("cancel", "1")
    kube.wait_no_pod(pod["metadata"]["name"])


def test_a_restart_leaves_pods_alone(kube):
    pod = start(kube)
    kube.container(pod, "Running", running={})
    kube.controllers[0].kill()
    kube.controller().wait_text("worker adopted", 30)
    again = kube.client.get(f"pods/{pod['metadata']['name']}")
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    assert "deletionTimestamp" not in again["metadata"]
    assert len(kube.pods()) == 1
    assert kube.work(again) == 0
    kube.wait_run(1, state="succeeded", attempt=1)
    kube.wait_no_pod(pod["metadata"]["name"])


def test_a_run_whose_pod_vanished_with_the_controller_is_ordered_again(kube):
    pod = start(kube)
    kube.controllers[0].kill()
    kube.client.delete(f"pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
    kube.controller()
    kube.wait_pod(1, fence=2)
    assert kube.run(1)["disruptions"] == 1


def test_pods_without_a_run_are_removed_and_others_stay(kube):
    start(kube)
    store = kube.store("SELECT value FROM etl_meta WHERE name = 'store_uid'")[0][0]

    def stray(name, labels):
        kube.client.create("pods", {"metadata": {"name": name, "labels": labels}, "spec": {
            "containers": [{"name": "worker", "image": IMAGE}]}})
    stray(kube.pod_name(99), {"etl/store": store, "etl/run": "99", "etl/fence": "1"})
    stray("somebody-else", {"etl/store": "another", "etl/run": "98", "etl/fence": "1"})
    kube.wait_no_pod(kube.pod_name(99), 60)
    assert {p["metadata"]["name"] for p in kube.pods()} == {"somebody-else", kube.pod_name(1)}


def test_a_failed_pod_is_kept_for_a_while(make):
    kube = make(more="keep_failed_for = 1h\n")
    pod = start(kube)
    kube.store("UPDATE etl_run SET state = 'running' WHERE run_id = 1")
    kube.status(pod, phase="Failed", containerStatuses=[{
        "name": "worker", "image": IMAGE, "imageID": "", "restartCount": 0, "ready": False,
        "state": {"terminated": {"exitCode": 1, "finishedAt": "2099-01-01T00:00:00Z"}}}])
    kube.wait_run(1, state="unknown")
    polls = kube.store("SELECT heartbeat_at FROM etl_controller")[0][0]
    wait_for(lambda: kube.store("SELECT heartbeat_at FROM etl_controller")[0][0] > polls, "a round", 60)
    assert kube.client.find(f"pods/{pod['metadata']['name']}")


def test_a_full_quota_is_waited_for(make):
    kube = make(max_workers=8)
    kube.client.create("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}})
    kube.client.patch("resourcequotas/few/status", {"status": {"hard": {"pods": "2"}, "used": {"pods": "0"}}})
    kube.exec_job("job", "true", max_active=10)
    for _ in range(4):
        kube.order("job")
    kube.controller()
    wait_for(lambda: sum("exceeded quota" in (kube.run(r)["error_message"] or "") for r in range(1, 5)) == 2,
             "two runs that wait for room")
    assert len(kube.pods()) == 2
    assert all(kube.run(r)["disruptions"] == 0 for r in range(1, 5))


def test_a_missing_right_is_named(make):
    rules = [r for r in RULES if r["resources"] != ["secrets"]]
    kube = make(rules=rules)
    kube.exec_job("job", "true")
    kube.order("job")
    kube.controller()
    row = kube.wait_run(1, error_code="not_started", message=lambda m: m and "'create' 'secrets'" in m)
    assert f"namespace '{kube.namespace}'" in row["error_message"]


def test_creating_again_is_no_second_pod(kube):
    """The answer to the first was lost: the pod is there, and ours."""
    kube.exec_job("job", "true")
    kube.order("job")
    store = kube.store("SELECT value FROM etl_meta WHERE name = 'store_uid'")[0][0]
    made = kube.client.create("pods", {
        "metadata": {"name": kube.pod_name(1), "labels": {"etl/store": store, "etl/run": "1", "etl/fence": "1"}},
        "spec": {"containers": [{"name": "worker", "image": IMAGE}]}})
    kube.controller()
    pod = kube.wait_pod(1)
    assert pod["metadata"]["uid"] == made["metadata"]["uid"]
    assert kube.run(1)["fence"] == 1


def test_a_pod_of_its_name_that_is_not_ours_is_refused(kube):
    kube.exec_job("job", "true")
    kube.order("job")
    kube.client.create("pods", {"metadata": {"name": kube.pod_name(1)}, "spec": {
        "containers": [{"name": "worker", "image": IMAGE}]}})
    kube.controller()
    kube.wait_run(1, disruptions=1, message=lambda m: m and "not ours" in m)
    kube.wait_pod(1, fence=2)


def test_two_controllers_share_the_work_and_disturb_no_pod(make):
    kube = make(max_workers=3)
    kube.exec_job("job", "true", max_active=20)
    for _ in range(6):
        kube.order("job")
    kube.controller()
    kube.controller()
    wait_for(lambda: len(kube.pods()) == 6, "six pods")
    assert kube.controllers[0].stop() == 0  # a rolling update
    kube.controller()
    wait_for(lambda: any("worker adopted" in c.text() for c in kube.controllers[1:]), "an adoption")
    for run in range(1, 7):
        pod = kube.wait_pod(run)
        assert "deletionTimestamp" not in pod["metadata"]
        assert kube.work(pod) == 0
    wait_for(lambda: kube.states() == {"succeeded": 6}, "all runs")
    wait_for(lambda: not kube.pods(), "no pod")
    assert {kube.run(r)["attempt"] for r in range(1, 7)} == {1}


def test_a_plugin_gives_the_token(kube):
    """As the command lines of clouds do it; one that is refused is asked for again."""
    token = next(line.split()[1] for line in kube.kubeconfig.read_text().splitlines() if line.strip().startswith("token:"))
    kube.write("token", "ended")
    kube.write("login", '#!/bin/sh\necho asked >> asked\nprintf \'{"kind":"ExecCredential","status":{"token":"%s"}}\' '
               '"$(cat $TOKEN_FILE)"\n')
    (kube.path / "login").chmod(0o755)
    text = kube.kubeconfig.read_text()
    kube.kubeconfig.write_text(text.replace(f"token: {token}", "exec: {apiVersion: client.authentication.k8s.io/v1, "
        f"command: {kube.path}/login, env: [{{name: TOKEN_FILE, value: {kube.path}/token}}]}}"))
    kube.exec_job("job", "true")
    kube.order("job")
    controller = kube.controller()
    controller.wait_text("the API does not know us")
    kube.write("token", token)
    kube.wait_pod(1, seconds=90)
    assert (kube.path / "asked").read_text().count("asked") == 2
    assert token not in controller.text()


def test_a_watch_survives_a_compaction_and_a_restart_of_the_api(kube, plane):
    pod = start(kube)
    plane.kill_server("apiserver")
    plane.start_apiserver()
    kube.client.connection = None
    for i in range(20):
        kube.client.create("configmaps", {"metadata": {"name": f"c{i}"}})
    plane.compact()
    assert kube.work(kube.client.get(f"pods/{pod['metadata']['name']}")) == 0
    kube.wait_run(1, state="succeeded", seconds=60)
    kube.wait_no_pod(pod["metadata"]["name"], 60)
