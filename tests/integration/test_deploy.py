"""deploy/: what is rendered is by the schemas of Kubernetes, may what the strictest clusters allow, and fits
together. That it runs is in tests/cluster."""

import copy
import json
import re
import subprocess

import npm
import pytest
import yaml
from product import ETL, ROOT, etl  # noqa: F401 pylint: disable=unused-import
from restricted import violations
from servers import program

# pylint: disable=redefined-outer-name

OVERLAYS = ["kubernetes", "openshift"]
KINDS = ["ConfigMap", "Deployment", "NetworkPolicy", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding",
         "Service", "ServiceAccount"]


def render(directory):
    """The objects of a directory of Kustomize's."""
    kubectl = program("kubectl")
    done = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, timeout=60, check=False)
    if "invalid Kustomization" in done.stderr or "unknown field" in done.stderr:
        pytest.skip(f"this kubectl is too old for the overlays: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def rendered():
    return {name: render(ROOT / "deploy/overlays" / name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(request, rendered):
    return request.param, rendered[request.param]


def of_kind(objects, kind, name=None):
    return next(o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]))


def pod_of(objects):
    return of_kind(objects, "Deployment")["spec"]["template"]


# --- by the schemas ----------------------------------------------------------


def check(objects):
    modules = npm.install(ROOT / "tests/deploy", "deploy")
    return subprocess.run(["node", ROOT / "tests/deploy/check.mjs", modules], input=json.dumps(objects),
                          capture_output=True, text=True, timeout=120, check=False)


def test_is_by_the_schemas(overlay):
    result = check(overlay[1])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("kind, old, new", [
    ("Deployment", '"periodSeconds": 5', '"periodSecond": 5'),
    ("Deployment", '"periodSeconds": 5', '"periodSeconds": "5"'),
    ("Deployment", "RuntimeDefault", "Default"),
    ("NetworkPolicy", '"UDP"', '"udp"'),
    ("PodDisruptionBudget", "maxUnavailable", "maxMissing"),
    ("PodDisruptionBudget", "policy/v1", "policy/v3"),
])
def test_the_check_finds(rendered, kind, old, new):
    text = json.dumps([of_kind(rendered["kubernetes"], kind)])
    assert old in text
    result = check(json.loads(text.replace(old, new)))
    assert result.returncode == 1
    assert result.stderr == ""


# --- what it is --------------------------------------------------------------


def test_renders_all_that_is_installed(overlay):
    name, objects = overlay
    more = ["Namespace"] if name == "kubernetes" else []
    assert sorted(o["kind"] for o in objects) == sorted(KINDS + more)
    assert {o["metadata"].get("namespace") for o in objects if o["kind"] != "Namespace"} == {"etl"}


def test_asks_for_no_right_beyond_its_namespace(overlay):
    objects = overlay[1]
    assert not [o for o in objects if o["kind"].startswith("Cluster") or o["kind"] == "CustomResourceDefinition"]
    for rule in of_kind(objects, "Role")["rules"]:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
    binding = of_kind(objects, "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "etl-controller", "namespace": "etl"}]


def test_only_controllers_get_a_token(overlay):
    objects = overlay[1]
    assert all(o["automountServiceAccountToken"] is False for o in objects if o["kind"] == "ServiceAccount")
    assert pod_of(objects)["spec"]["automountServiceAccountToken"] is True


def test_names_fit_together(overlay):
    objects = overlay[1]
    pod = pod_of(objects)
    labels = pod["metadata"]["labels"].items()
    for kind, path in (("Service", ["selector"]), ("PodDisruptionBudget", ["selector", "matchLabels"]),
                       ("Deployment", ["selector", "matchLabels"])):
        selector = of_kind(objects, kind)["spec"]
        for key in path:
            selector = selector[key]
        assert selector.items() <= labels, kind
    assert of_kind(objects, "NetworkPolicy", "etl-controller")["spec"]["podSelector"]["matchLabels"].items() <= labels
    volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == of_kind(objects, "ConfigMap")["metadata"]["name"]
    assert {m["name"] for c in pod["spec"]["containers"] for m in c["volumeMounts"]} == volumes.keys()
    assert of_kind(objects, "ServiceAccount", pod["spec"]["serviceAccountName"])


def test_another_configuration_is_a_rolling_update(overlay):
    assert re.fullmatch(r"etl-config-[0-9a-z]{10}", of_kind(overlay[1], "ConfigMap")["metadata"]["name"])
    assert of_kind(overlay[1], "Deployment")["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1, "maxUnavailable": 0}


def test_the_program_knows_every_key(overlay, etl, tmp_path):  # noqa: F811
    (tmp_path / "etl.ini").write_text(of_kind(overlay[1], "ConfigMap")["data"]["etl.ini"])
    done = subprocess.run([etl, "--config", tmp_path / "etl.ini", "healthcheck"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert "no controller of store 'sql01.example.org/ETL' runs here" in done.stderr


def test_the_labels_are_those_of_the_version(overlay):
    version = re.search(r"^VERSION := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
    assert {c["image"].rsplit(":", 1)[1] for c in pod_of(overlay[1])["spec"]["containers"]} == {version}


# --- what it may -------------------------------------------------------------


def test_is_restricted(overlay):
    name, objects = overlay
    assert violations(pod_of(objects)["spec"], openshift=name == "openshift") == []


def test_the_namespace_takes_no_other_pods(rendered):
    labels = of_kind(rendered["kubernetes"], "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_any_uid_reads_the_secret_by_its_group(rendered):
    context = pod_of(rendered["kubernetes"])["spec"]["securityContext"]
    assert context["runAsUser"] > 1000 and context["runAsGroup"] == 0 and context["fsGroup"] > 0
    keytab = next(v for v in pod_of(rendered["openshift"])["spec"]["volumes"] if v["name"] == "keytab")
    assert keytab["secret"]["defaultMode"] == 0o440


BROKEN = {
    "hostNetwork": lambda pod, c: pod.update(hostNetwork=True),
    "hostPath": lambda pod, c: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "mode 400": lambda pod, c: pod["volumes"][1]["secret"].update(defaultMode=0o400),
    "mode 777": lambda pod, c: pod["volumes"][1]["secret"].update(defaultMode=0o777),
    "privileged": lambda pod, c: c["securityContext"].update(privileged=True),
    "allowPrivilegeEscalation": lambda pod, c: c["securityContext"].pop("allowPrivilegeEscalation"),
    "capabilities": lambda pod, c: c["securityContext"]["capabilities"].update(add=["NET_BIND_SERVICE"]),
    "readOnlyRootFilesystem": lambda pod, c: c["securityContext"].update(readOnlyRootFilesystem=False),
    "runAsNonRoot": lambda pod, c: c["securityContext"].update(runAsNonRoot=False),
    "runAsUser 0": lambda pod, c: c["securityContext"].update(runAsUser=0),
    "seccompProfile": lambda pod, c: pod["securityContext"].pop("seccompProfile"),
    "hostPort": lambda pod, c: c.update(ports=[{"containerPort": 1, "hostPort": 1}]),
    "resources": lambda pod, c: c["resources"].pop("limits"),
    "fsGroup": lambda pod, c: pod["securityContext"].update(fsGroup=65532),
    "runAsUser": lambda pod, c: c["securityContext"].update(runAsUser=65532),
    "runAsGroup": lambda pod, c: pod["securityContext"].update(runAsGroup=0),
    "sysctls": lambda pod, c: pod["securityContext"].update(sysctls=[{"name": "kernel.shm_rmid_forced"}]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_every_rule_finds_its_breach(rendered, what):
    pod = copy.deepcopy(pod_of(rendered["openshift"])["spec"])
    BROKEN[what](pod, pod["containers"][0])
    assert any(what in found for found in violations(pod, openshift=True))


# --- where it may go ---------------------------------------------------------


def ports(objects, policy):
    spec = of_kind(objects, "NetworkPolicy", policy)["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec  # from nobody
    return {(p["port"], p["protocol"]) for rule in spec["egress"] for p in rule["ports"]}


def test_networks(overlay):
    worker = {(53, "UDP"), (53, "TCP"), (5353, "UDP"), (5353, "TCP"), (88, "UDP"), (88, "TCP"), (1433, "TCP"),
              (1434, "UDP")}
    assert ports(overlay[1], "etl-worker") == worker
    assert ports(overlay[1], "etl-controller") == worker | {(443, "TCP"), (6443, "TCP")}
