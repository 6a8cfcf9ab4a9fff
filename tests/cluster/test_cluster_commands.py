"""`etl job pod` and the cluster's part of `etl doctor`, at a real API server."""

import json
import sqlite3
import subprocess

import pytest
from kube_project import RULES, KubeProject, namespace_of


@pytest.fixture
def make(tmp_path, plane, request):
    def new(**settings):
        kube = KubeProject(tmp_path, plane, namespace_of(request, "c"), **settings)
        sqlite3.connect(tmp_path / "warehouse.db").execute("CREATE TABLE t (a)").connection.close()
        return kube
    return new


def doctor(kube, status=0):
    """{check: finding} of the cluster's part."""
    said = json.loads(kube.etl("doctor", "--json", status=status).stdout)["checks"]
    return {c["check"]: c for c in said if c["area"] == "cluster"}


def test_the_pod_that_is_shown_is_one_that_the_cluster_takes(make):
    kube = make()
    kube.exec_job("job", "true", timeout="10m", pod_patch='{"metadata": {"labels": {"team": "dwh"}}}')
    shown = kube.etl("job", "pod", "job").stdout
    pod = json.loads(shown)
    assert pod["metadata"]["labels"]["team"] == "dwh"
    assert pod["spec"]["activeDeadlineSeconds"] == 660
    assert pod["spec"]["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]}}
    kube.plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=shown)
    assert kube.pods() == []


def test_a_template_is_filled_in(make):
    kube = make(more="pod_template = pod.json\n")
    kube.write("pod.json", json.dumps({"kind": "Pod", "spec": {
        "priorityClassName": "low", "restartPolicy": "Always", "containers": [
            {"name": "proxy", "image": "proxy:1"},
            {"name": "worker", "env": [{"name": "TZ", "value": "Europe/Berlin"}]}]}}))
    kube.exec_job("job", "true")
    spec = json.loads(kube.etl("job", "pod", "1").stdout)["spec"]
    proxy, worker = spec["containers"]
    assert proxy == {"name": "proxy", "image": "proxy:1"}
    assert worker["image"] == "registry.test/etl:1" and worker["args"][:3] == ["worker", "--job", "1"]
    assert {"name": "TZ", "value": "Europe/Berlin"} in worker["env"]
    assert (spec["priorityClassName"], spec["restartPolicy"]) == ("low", "Never")


@pytest.mark.parametrize("text, words", [("{", "byte"), ("[]", "is not a Pod"), ('{"kind": "Job"}', "is not a Pod")])
def test_a_template_that_is_none(make, text, words):
    kube = make(more="pod_template = pod.json\n")
    kube.write("pod.json", text)
    kube.exec_job("job", "true")
    assert words in kube.etl("job", "pod", "job", status=3).stderr


def test_a_patch_that_is_none_is_refused(make):
    kube = make()
    kube.write("bad.ini", "[job bad]\nkind = exec\ncommand = true\npod_patch = [1]\n")
    assert "'pod_patch' is not a JSON object" in kube.etl("apply", "bad.ini", status=3).stderr


def test_without_an_image_it_says_what_to_set(make):
    kube = make()
    kube.exec_job("job", "true")
    kube.write("etl.ini", kube.config().replace("image = registry.test/etl:1\n", ""))
    assert "[kubernetes] image" in kube.etl("job", "pod", "job", status=3).stderr


def test_the_doctor_finds_a_cluster_well(make):
    kube = make()
    checks = doctor(kube)
    assert checks["api"]["text"].startswith("Kubernetes v1.20.2")
    assert {c for c, f in checks.items() if f["state"] == "ok" and c.startswith("may ")} == {
        f"may {verb} {r}" for rule in RULES for r in rule["resources"] for verb in rule["verbs"]}
    assert checks["admission"]["state"] == "ok"
    assert checks["token"]["state"] == "ok" and "ends in" in checks["token"]["text"]
    assert checks["quota"]["state"] == "skipped"  # it may not list them
    assert checks["owner"]["state"] == "warning"


@pytest.mark.parametrize("rule", range(len(RULES)))
def test_each_right_is_missed_by_its_name(make, rule):
    kube = make(rules=[r for i, r in enumerate(RULES) if i != rule])
    checks = doctor(kube, status=5)
    missing = {c for c, f in checks.items() if f["state"] == "problem" and c.startswith("may ")}
    assert missing == {f"may {verb} {r}" for r in RULES[rule]["resources"] for verb in RULES[rule]["verbs"]}
    assert all("a Role in the namespace must grant" in checks[c]["remedy"] for c in missing)


def test_a_full_quota_and_a_wrong_certificate_are_seen(make, tmp_path):
    kube = make(rules=[*RULES, {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["list"]}])
    kube.client.create("resourcequotas", {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    kube.client.patch("resourcequotas/none/status", {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}})
    checks = doctor(kube)
    assert checks["quota"]["state"] == "warning" and "none: 0 of 0 pods used" in checks["quota"]["text"]
    assert checks["admission"]["state"] == "warning" and "exceeded quota" in checks["admission"]["text"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out",
                    tmp_path / "other.crt", "-days", "2", "-subj", "/CN=other"], check=True, capture_output=True)
    kubeconfig = kube.kubeconfig.read_text()
    kube.kubeconfig.write_text(kubeconfig.replace(str(kube.plane.authority.ca), str(tmp_path / "other.crt")))
    checks = doctor(kube, status=4)
    assert checks["api"]["state"] == "problem" and "its certificate is not trusted" in checks["api"]["text"]
