"""Workers as pods, at a real API server: what the executor asks of it, and what it makes of its answers."""

import pytest
from kube_project import KubeProject


@pytest.fixture
def kube(tmp_path, plane, request):
    made = KubeProject(tmp_path, plane, "t-" + request.node.name.replace("_", "-").replace("test-", "")[:50].strip("-"))
    yield made
    made.end()


def test_a_run_becomes_a_pod_and_its_end_a_state(kube):
    kube.copy_job("load", "planes", rows=10)
    kube.order("load")
    controller = kube.controller()
    pod = kube.wait_pod(1)
    spec, meta = pod["spec"], pod["metadata"]
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["image"] == "registry.test/etl:1"
    assert meta["labels"]["etl/run"] == "1" and meta["labels"]["etl/fence"] == "1"
    assert kube.run(1)["state"] == "starting"
    assert kube.work(pod) == 0
    kube.wait_run(1, state="succeeded")
    kube.wait_no_pod(meta["name"])
    assert controller.stop() == 0
