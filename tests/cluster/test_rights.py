"""No right is granted that nothing misses: each is taken away, and what breaks says so."""

import copy
import json

import pytest
from platform_site import SECONDS
from servers import wait_for

ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces"

# group, resource, verb: which job is ordered, and what is said then by the controllers or with the run
MISSED = {
    ("", "pods", "create"): ("good", "right to 'create' 'pods'"),
    ("", "pods", "get"): ("good", "own pod cannot be read"),
    ("", "pods", "list"): ("good", "right to 'list' 'pods'"),
    ("", "pods", "watch"): ("good", "right to 'watch' 'pods'"),
    ("", "pods", "delete"): ("good", "cannot be deleted: the right to 'delete' 'pods'"),
    ("", "pods/log", "get"): ("broken", "cannot be read: the right to 'get' 'pods/log'"),
    ("", "secrets", "create"): ("good", "right to 'create' 'secrets'"),
    ("apps", "replicasets", "get"): ("good", "belong to nothing: the right to 'get' 'replicasets'"),
    ("", "resourcequotas", "list"): (None, "resourcequotas"),
}
# its worker does not come to say goodbye
BROKEN = json.dumps({"spec": {"containers": [{"name": "worker", "command": ["/usr/bin/etl", "nonsense"]}]}})


def rights(role):
    return {(group, resource, verb) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


@pytest.fixture(scope="module")
def here(domain, product, tmp_path_factory):
    """One controller; `good` and `broken` are jobs. The Role as it was is `role`."""
    from platform_site import Site  # pylint: disable=import-outside-toplevel
    s = Site(domain, tmp_path_factory.mktemp("rights"), tag=product)
    s.domain.ask("CREATE TABLE done (run_no int NOT NULL)")
    s.jobs = {"good": s.job("good", kind="sql", target="dw", command="INSERT INTO done VALUES (1)", max_active=100),
              "broken": s.job("broken", kind="sql", target="dw", command="SELECT 1", pod_patch=BROKEN, max_active=100)}

    def one(objects):
        next(o for o in objects if o["kind"] == "Deployment")["spec"]["replicas"] = 1
    s.apply(one)
    s.role = s.client.get(f"{ROLES}/{s.namespace}/roles/etl-controller")
    yield s
    s.end()


def grant(s, rules):
    s.client.patch(f"{ROLES}/{s.namespace}/roles/etl-controller", {"rules": rules})


def without(rules, right):
    group, resource, verb = right
    rules = copy.deepcopy(rules)
    for rule in rules:
        if group in rule["apiGroups"] and resource in rule["resources"]:
            rule["verbs"].remove(verb)
    return [rule for rule in rules if rule["verbs"]]


def restart(s):
    """Another controller, which knows nothing yet."""
    before = {p["metadata"]["uid"] for p in s.controllers()}
    for pod in s.controllers():
        s.client.delete(f"pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 1})
    wait_for(lambda: len(s.controllers()) == 1 and not before & {p["metadata"]["uid"] for p in s.controllers()},
             "another controller", SECONDS)


def doctor(s):
    """What it says from within the controller's pod."""
    wait_for(lambda: s.controllers()[0]["status"].get("phase") == "Running", "the controller", SECONDS)
    name = s.controllers()[0]["metadata"]["name"]
    return s.cluster.kubectl("exec", "-n", s.namespace, name, "--", "/usr/bin/etl", "doctor", check=False).stdout


def test_every_right_is_here(here):
    assert rights(here.role) == MISSED.keys()


def test_the_doctor_finds_them_all(here):
    said = doctor(here)
    for _, resource, verb in MISSED:
        if resource != "resourcequotas":
            assert any(verb in line and resource.split("/")[0] in line and not line.startswith("problem")
                       for line in said.splitlines()), (verb, resource, said)


@pytest.mark.parametrize("right", MISSED, ids=" ".join)
def test_without_it(here, right):
    job, words = MISSED[right]
    grant(here, without(here.role["rules"], right))
    try:
        restart(here)
        if job is None:
            assert any(words in line for line in doctor(here).splitlines() if not line.startswith("ok"))
            return
        run = here.order(here.jobs[job])
        try:
            wait_for(lambda: words in f"{here.row(run)['error_message']} {here.controller_log()}", words, SECONDS)
        except TimeoutError as e:
            raise TimeoutError(f"{e}: {here.row(run)}\n{here.controller_log()}") from e
    finally:
        grant(here, here.role["rules"])


def test_with_them_all(here):
    restart(here)
    run = here.order(here.jobs["good"])
    here.wait_state(run, "succeeded")
