"""What may happen to controllers, workers, the node and the API server: nothing is lost, nothing is loaded twice,
no pod is left over."""

from pathlib import Path

import pytest
from cluster import ApiError
from platform_site import SECONDS
from queue_project import alive
from servers import wait_for


@pytest.fixture
def at_work(site):
    """One controller, and the job `copy`."""
    def start(replicas=1, change=None, **settings):
        s = site(**settings)

        def changed(objects):
            next(o for o in objects if o["kind"] == "Deployment")["spec"]["replicas"] = replicas
            if change:
                change(objects)
        job = s.copy_job("copy")
        s.apply(changed)
        return s, job
    return start


def one_more(s, job, *runs):
    """It goes on: one more run, and then nothing is left over."""
    last = s.order(job)
    s.wait_state(last, "succeeded")
    s.check("copy", *runs, last)
    s.wait_no_workers()


def test_a_worker_deleted_by_hand(at_work):
    s, job = at_work()
    s.slow()
    run = s.order(job)
    pod = s.wait_copying(run)
    s.client.delete(f"pods/{pod['metadata']['name']}")
    row = s.wait_state(run, "succeeded")
    assert (row["attempt"], row["disruptions"], row["fence"]) == (2, 1, 2)  # one attempt of its own
    # evicted, as a drain does it
    s.slow()
    second = s.order(job)
    name = s.wait_copying(second)["metadata"]["name"]
    s.client.create(f"pods/{name}/eviction", {"apiVersion": "policy/v1beta1", "kind": "Eviction",
                                             "metadata": {"name": name, "namespace": s.namespace}})
    row = s.wait_state(second, "succeeded")
    assert (row["attempt"], row["disruptions"], row["fence"]) == (2, 1, 2)  # one attempt of its own
    one_more(s, job, run, second)


def frozen(cluster, pod):
    """The file that freezes the pod's container (cgroup v1)."""
    uid = pod["metadata"]["uid"]
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    return next(Path("/sys/fs/cgroup/freezer").glob(f"{cluster.cgroup}/kubepods/*/pod{uid}/{container}/freezer.state"))


def bury(s, pod):
    """Its deletion was asked for. A kubelet of 1.20 may not notice that a container ended without it, and then keeps
    the pod until somebody forces it, as for a node that is lost."""
    path = f"pods/{pod['metadata']['name']}"

    def asked():
        found = s.client.find(path)
        return not found or "deletionTimestamp" in found["metadata"]
    wait_for(asked, "the deletion of the pod that lost its run", SECONDS)
    try:
        s.client.delete(path, {"gracePeriodSeconds": 0})
    except ApiError as e:
        if e.status != 404:
            raise


def test_a_zombie_may_not_publish(at_work, cluster):
    """The node stands still for longer than the lease, and goes on with what it did."""
    s, job = at_work(lease="5s")
    s.slow(seconds=2)
    run = s.order(job)
    pod = s.wait_copying(run)
    freezer = frozen(cluster, pod)
    worker = int((freezer.parent / "cgroup.procs").read_text().split()[0])
    freezer.write_text("FROZEN")
    cluster.stop_kubelet()
    try:
        wait_for(lambda: s.row(run)["fence"] == 2, "another attempt", SECONDS)
        freezer.write_text("THAWED")
        # it copies to the end, and finds that the run is not its any more
        wait_for(lambda: not alive(worker), "the zombie's end", SECONDS)
        assert s.domain.ask("SELECT COUNT(*) FROM sys.tables WHERE name = N'copy'") == [(0,)] \
            or s.domain.ask("SELECT COUNT(*) FROM copy") == [(0,)]
        assert s.row(run)["state"] in ("starting", "queued")
        assert "published" not in s.ledger().values()
    finally:
        cluster.start_kubelet()
    cluster.wait_node()
    row = s.wait_state(run, "succeeded")
    assert row["fence"] >= 2
    bury(s, pod)
    one_more(s, job, run)


def test_the_api_server_restarts(at_work, cluster):
    """Killed while workers run; what it had in memory is forgotten, and etcd is compacted: the watch of a revision
    that is gone (410) becomes a list."""
    s, job = at_work()
    s.slow(seconds=10)
    run = s.order(job)
    s.wait_copying(run)
    cluster.kill_server("apiserver")
    wait_for(lambda: "not watched" in log_of(s, cluster), "the controller to notice", SECONDS)
    cluster.compact()
    cluster.start_apiserver()
    row = s.wait_state(run, "succeeded")
    assert (row["attempt"], row["disruptions"], row["fence"]) == (1, 0, 1)
    # it sees again what happens to pods
    s.slow()
    second = s.order(job)
    pod = s.wait_copying(second)
    s.client.delete(f"pods/{pod['metadata']['name']}")
    row = s.wait_state(second, "succeeded")
    assert (row["disruptions"], row["fence"]) == (1, 2)
    one_more(s, job, run, second)


def log_of(s, cluster):
    """Of the controllers, from the node: the API server may be away."""
    return "".join(f.read_text(errors="replace") for f in
                   (cluster.dir / "varlog/pods").glob(f"{s.namespace}_etl-controller-*/controller/*.log"))


def test_a_token_is_replaced(at_work, cluster):
    """Its service account is made anew: what the token proves is worth nothing, and the kubelet brings another."""
    s, job = at_work()
    first = s.order(job)
    s.wait_state(first, "succeeded")
    account = s.client.get("serviceaccounts/etl-controller")
    s.client.delete("serviceaccounts/etl-controller")
    s.client.create("serviceaccounts", {"metadata": {"name": "etl-controller",
                                                     "labels": account["metadata"]["labels"]}})
    run = s.order(job)
    wait_for(lambda: "does not know us" in str(s.row(run)) + log_of(s, cluster), "the API's refusal", SECONDS)
    cluster.stop_kubelet()
    cluster.start_kubelet()  # it asks for tokens anew when it starts, and else long before their end
    row = s.wait_state(run, "succeeded", seconds=150)
    assert row["attempt"] == 1
    assert {p["status"]["containerStatuses"][0]["restartCount"] for p in s.controllers()} == {0}
    one_more(s, job, first, run)


QUOTA, RUNS = 10, 60


def test_runs_wait_for_room_in_the_quota(at_work):
    s, _ = at_work(max_workers=RUNS)
    s.client.create("resourcequotas", {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": str(QUOTA + 1)}}})
    wait_for(lambda: s.client.get("resourcequotas/pods")["status"].get("used"), "the quota to count", 30)
    s.domain.ask("CREATE TABLE done (run_no int NOT NULL)")
    job = s.job("tick", kind="sql", target="dw", command="INSERT INTO done VALUES (1)", max_active=RUNS)
    s.domain.tsql("INSERT INTO etl.run (job_id) VALUES " + ", ".join([f"({job})"] * RUNS))
    used = set()

    def over():
        used.add(int(s.client.get("resourcequotas/pods")["status"]["used"]["pods"]))
        return s.states() == {"succeeded": RUNS}
    wait_for(over, f"{RUNS} runs", 240)
    # the API server's count lags behind by a pod or two when others end meanwhile
    assert QUOTA // 2 < max(used) <= QUOTA + 4
    assert "no room in the namespace's quota" in str(s.query("SELECT message FROM etl_run_log")) + s.controller_log()
    rows = s.query("SELECT DISTINCT attempt, disruptions FROM etl_run")
    assert rows == [(1, 0)]
    assert s.domain.ask("SELECT COUNT(*) FROM done") == [(RUNS,)]
    s.wait_no_workers()


def test_a_rolling_update_under_load(at_work):
    """Two controllers are replaced by two others while their workers run."""
    s, _ = at_work(replicas=2)
    before = {p["metadata"]["uid"] for p in s.controllers()}
    jobs = {name: s.copy_job(name) for name in ("copy1", "copy2", "copy3", "copy4", "copy5", "copy6")}
    s.slow(times=0, seconds=60)
    runs = {name: s.order(job) for name, job in jobs.items()}
    for run in runs.values():
        s.wait_copying(run)
    s.settings["poll"] = "1500ms"  # another configuration
    s.apply()
    assert not before & {p["metadata"]["uid"] for p in s.controllers()}
    more = s.order(s.copy_job("copy7"))
    s.domain.server.ask("clear all")
    s.wait_all("succeeded", seconds=180)
    assert s.query("SELECT DISTINCT attempt, disruptions, fence FROM etl_run") == [(1, 0, 1)]
    for name, run in (*runs.items(), ("copy7", more)):
        s.check(name, run)
    s.wait_no_workers()


# --- fault points --------------------------------------------------------------

POINTS = ["ROUND_BEGUN", "CLAIM_BEFORE", "CLAIM_COMMITTED", "START_BEFORE", "START_DONE", "WORKER_ENDED"]
NO_POD = ("CLAIM_COMMITTED", "START_BEFORE", "START_DONE")


def with_fault(point):
    def change(objects):
        container = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "ETL_FAULT", "value": f"{point}:1:kill"}, {"name": "ETL_FAULT_DIR", "value": "/work"}]
        next(o for o in objects if o["kind"] == "Deployment")["spec"]["replicas"] = 1
    return change


def test_the_controller_is_killed_at_any_point(site, faulty):
    """SIGKILL to its container, once at each; the kubelet starts it again."""
    s = site(tag=faulty, lease="10s")
    job = s.copy_job("copy")
    runs = []
    for point in POINTS:
        s.apply(with_fault(point), wait=False)
        wait_for(lambda p=point: [c for c in s.controllers() if p in str(c["spec"])] and len(s.controllers()) == 1,
                 "the new controller", SECONDS)
        runs.append(s.order(job))
        row = s.wait_state(runs[-1], "succeeded")
        # where no pod was asked for yet the claim is lost, and its lease runs out
        assert row["attempt"] == (2 if point in NO_POD else 1), (point, dict(row))

        def killed():
            status = s.controllers()[0]["status"]["containerStatuses"][0]
            return status["restartCount"] == 1 and status["lastState"]["terminated"]["exitCode"] == 137
        wait_for(killed, f"{point} to be hit", SECONDS)
    s.check("copy", *runs)
    s.wait_no_workers()
