"""What an API server does on a bad day: the run waits, and comes to its end; nothing is made twice."""

import time

import pytest
from faulty_api import FaultyApi, status
from kube_project import KubeProject, namespace_of
from servers import wait_for


@pytest.fixture
def api(plane):
    made = FaultyApi(plane)
    yield made
    made.stop()


@pytest.fixture
def kube(tmp_path, plane, api, request):
    made = KubeProject(tmp_path, plane, namespace_of(request, "f"))
    made.kubeconfig.write_text(made.kubeconfig.read_text().replace(f":{plane.port}", f":{api.port}"))
    made.exec_job("job", "true", max_active=50)
    yield made
    made.end()


def creates(method, path):
    return method == "POST" and path.endswith("/pods")


def lists(method, path):
    return method == "GET" and "/pods?" in path and "watch=" not in path


def watches(method, path):
    return method == "GET" and "watch=" in path


def to_the_end(kube, seconds=60):
    kube.order("job")
    kube.controller()
    pod = kube.wait_pod(1, seconds=seconds)
    assert kube.work(pod) == 0
    kube.wait_run(1, state="succeeded", attempt=1, disruptions=0, seconds=seconds)
    kube.wait_no_pod(pod["metadata"]["name"], seconds)


BUSY = {
    "429": {"status": 429, "headers": {"Retry-After": "1"}, "body": status(429, "TooManyRequests", "later")},
    "500": {"status": 500, "body": status(500, "InternalError", "etcdserver: request timed out")},
    "503": {"status": 503, "body": "<html>no server is ready</html>"},
    "half": {"cut": True},
    "lost": {"drop": True},
}


@pytest.mark.parametrize("kind", BUSY)
def test_a_create_is_tried_again(kube, api, kind):
    fault = api.fail(creates, times=2, **BUSY[kind])
    to_the_end(kube)
    assert fault.seen == 2


@pytest.mark.parametrize("kind", BUSY)
def test_a_list_is_tried_again(kube, api, kind):
    fault = api.fail(lists, times=2, **BUSY[kind])
    to_the_end(kube)
    assert fault.seen == 2


@pytest.mark.parametrize("kind", ["429", "500", "503"])
def test_a_watch_is_begun_again(kube, api, kind):
    fault = api.fail(watches, times=2, **BUSY[kind])
    to_the_end(kube)
    assert fault.seen == 2


def test_a_429_waits_as_long_as_it_says(kube, api):
    api.fail(creates, times=1, status=429, headers={"Retry-After": "4"}, body=status(429, "TooManyRequests", "later"))
    kube.order("job")
    kube.controller()
    wait_for(lambda: any(creates(*r) for r in api.requests), "the first create")
    begun = time.monotonic()
    kube.wait_run(1, state="starting", error_code="waiting", message=lambda m: "the API answers 429: later" in m)
    kube.wait_pod(1)
    assert time.monotonic() - begun > 3.5


def test_a_server_that_hangs_blocks_nothing(kube, api):
    api.fail(creates, times=1, hang=True)
    kube.order("job")
    kube.order("job")
    controller = kube.controller()
    name = wait_for(lambda: next((p["metadata"]["name"] for p in kube.pods()), None), "the other run's pod")
    assert kube.health() == 0
    begun = time.monotonic()
    assert controller.stop() == 0
    assert time.monotonic() - begun < 5
    assert name in (kube.pod_name(1), kube.pod_name(2))


def test_a_watch_that_is_too_old_begins_with_a_list(kube, api):
    api.fail(watches, times=1, status=410, body=status(410, "Expired", "too old resource version"))
    error = '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version: 1 (2)"}}'
    event = api.fail(watches, times=1, status=200, body=error + "\n")
    to_the_end(kube)
    wait_for(lambda: event.seen == 1, "the second watch")

    def asked():  # a run may be over before the second of them is answered
        return ["list" if lists(*r) else "watch" for r in list(api.requests) if lists(*r) or watches(*r)]
    wait_for(lambda: asked()[:5] == ["list", "watch", "list", "watch", "list"], "the list after the event")


def test_an_event_that_is_half_a_json_is_no_end(kube, api):
    fault = api.fail(watches, times=1, status=200, body='{"type":"DELETED","object":{"metadata":{"name":\n')
    to_the_end(kube)
    wait_for(lambda: fault.seen == 1, "a watch")


def test_a_log_that_cannot_be_read_holds_up_nothing(kube, api):
    api.fail(lambda m, p: "/log?" in p, times=1, status=200, body="the last line\nof all\n")
    kube.order("job")
    kube.controller()
    pod = kube.wait_pod(1)
    kube.store("UPDATE etl_run SET state = 'running' WHERE run_id = 1")
    kube.container(pod, "Failed", terminated={"exitCode": 1})
    kube.wait_run(1, state="unknown")
    assert "the last line" in kube.log_of(1) and "of all" in kube.log_of(1)


def test_a_quota_is_asked_again(kube, api):
    refusal = status(403, "Forbidden", "pods is forbidden: exceeded quota: few, requested: pods=1, used: pods=2")
    api.fail(creates, times=1, status=403, body=refusal)
    kube.order("job")
    kube.controller()
    kube.wait_run(1, state="starting", error_code="waiting", message=lambda m: "exceeded quota: few" in m)
    kube.wait_pod(1)
    assert kube.run(1)["disruptions"] == 0


def test_a_token_that_ended_is_read_again(kube, api, plane):
    """tokenFile: the kubelet has replaced it meanwhile."""
    token = kube.path / "token"
    good = plane.token("etl", kube.namespace)
    token.write_text("ended")
    text = kube.kubeconfig.read_text()
    kube.kubeconfig.write_text("\n".join(
        f"    tokenFile: {token}" if line.strip().startswith("token:") else line for line in text.splitlines()) + "\n")
    kube.order("job")
    controller = kube.controller()
    controller.wait_text("the API does not know us")
    token.write_text(good + "\n")
    kube.wait_pod(1, seconds=60)
    assert kube.run(1)["disruptions"] == 0


def test_many_runs_through_a_bad_day(kube, api):
    for _ in range(20):
        kube.order("job")
    kube.configure(max_workers=20)
    count = {"n": 0}

    def every_third(_, path):
        count["n"] += "watch=" not in path
        return count["n"] % 3 == 0
    api.fail(every_third, times=1000, status=500, body=status(500, "InternalError", "no"))
    kube.controller()
    done = set()
    def work():
        for pod in kube.pods():
            name = pod["metadata"]["name"]
            if name not in done and kube.client.find(f"secrets/{name}") and "deletionTimestamp" not in pod["metadata"]:
                done.add(name)
                assert kube.work(pod) == 0
        return kube.states() == {"succeeded": 20}
    wait_for(work, "all runs", 120)
    assert len(done) == 20
    wait_for(lambda: not kube.pods(), "no pod", 60)
