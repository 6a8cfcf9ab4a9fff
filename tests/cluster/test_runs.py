"""Runs in pods, from the order to the last row: what the manifests install does what it is for."""

import random

import pytest
from platform_site import ROWS
from restricted import violations
from servers import wait_for


def any_user(uid):
    """As a project of OpenShift's assigns it: its own UID, group 0."""
    def change(objects):
        pod = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
        pod["securityContext"].update(runAsUser=uid, runAsGroup=0, fsGroup=uid)
    return change


@pytest.mark.parametrize("overlay", ["kubernetes", "openshift"])
def test_an_order_becomes_a_pod_and_rows(site, overlay):
    s = site(overlay=overlay)
    job = s.copy_job("copy")
    uid = random.randrange(1_000_000_000, 2**31 - 1)
    s.apply(any_user(uid))
    assert len(s.controllers()) == 2
    run = s.order(job)
    pod = wait_for(lambda: next(iter(s.pods()), None), "a worker's pod", 60)
    row = s.wait_state(run, "succeeded")
    assert row["rows_written"] == ROWS
    s.check("copy", run)
    # its log is in the database, and nothing of it in the cluster
    assert f"published {ROWS:,} rows" in s.etl("logs", run)
    s.wait_no_workers()
    wait_for(lambda: [x for x in s.client.list("secrets") if x["metadata"]["name"] == pod["metadata"]["name"]] == [],
             "its Secret to go", 60)
    # what it ran as
    spec = pod["spec"]
    assert violations(spec) == []
    assert spec["securityContext"]["runAsUser"] == uid and spec["securityContext"]["runAsGroup"] == 0
    assert spec["automountServiceAccountToken"] is False
    assert not any("serviceaccount" in m["mountPath"] for c in spec["containers"] for m in c["volumeMounts"])
    owner = pod["metadata"]["ownerReferences"]
    assert [(o["kind"], o["name"]) for o in owner] == [("Deployment", "etl-controller")]
    assert s.events(run)[-3:] == ["starting", "running", "succeeded"]
