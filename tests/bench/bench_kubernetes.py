"""Workers as pods at a real API server without nodes: how soon there is a pod, how soon its news is in the store, what a
controller with many costs. Beside kubectl, which makes a pod of the same JSON."""

import json
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import threading
import time
from http.client import HTTPSConnection
from pathlib import Path

from bench_common import WORK, ratio

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "cluster")]

SINGLE = 20
MANY = 500
LIVE = 1000
IDLE_SECONDS = 20


class Watcher:
    """When each pod was made, by its own watch."""

    def __init__(self, kube):
        self.made = {}
        plane = kube.plane
        context = ssl.create_default_context(cafile=plane.authority.ca)
        context.load_cert_chain(*plane.admin)
        self.connection = HTTPSConnection(plane.address, plane.port, context=context)
        self.connection.request("GET", f"/api/v1/namespaces/{kube.namespace}/pods?watch=true")
        self.answer = self.connection.getresponse()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                event = json.loads(line)
                if event["type"] == "ADDED":
                    self.made[event["object"]["metadata"]["name"]] = time.time()
        except (OSError, ValueError, AttributeError):
            pass

    def wait(self, condition):
        end = time.monotonic() + 120
        while not condition():
            if time.monotonic() > end:
                sys.exit("kubernetes: no pod within 120 s")
            time.sleep(0.0005)


def median_ms(values):
    return statistics.median(values) * 1000


def claimed_at(kube, run):
    return kube.store("SELECT (julianday(claimed_at) - 2440587.5) * 86400 FROM etl_run WHERE run_id = ?", run)[0][0]


def first_pods(kube, watcher):
    """Claim to pod; and from the command to the pod, beside kubectl's."""
    claims, ours, theirs = [], [], []
    shown = json.loads(kube.etl("job", "pod", "job").stdout)
    for i in range(SINGLE):
        begun = time.time()
        run = kube.order("job")
        name = kube.pod_name(run)
        watcher.wait(lambda n=name: n in watcher.made)
        ours.append(watcher.made[name] - begun)
        claims.append(watcher.made[name] - claimed_at(kube, run))
        shown["metadata"] = {"name": f"peer-{i}", "namespace": kube.namespace}
        begun = time.time()
        kube.plane.kubectl("create", "-f", "-", stdin=json.dumps(shown))
        watcher.wait(lambda n=f"peer-{i}": n in watcher.made)
        theirs.append(watcher.made[f"peer-{i}"] - begun)
    print(f"\npods: one at a time (median of {SINGLE})")
    print(f"  claim to pod created         {median_ms(claims):8.1f} ms (aim: under 50)")
    print(f"  etl run to pod created       {median_ms(ours):8.1f} ms")
    print(f"  kubectl create to pod        {median_ms(theirs):8.1f} ms")
    ratio("command to pod", statistics.median(ours), statistics.median(theirs), "lower")


def news(kube):
    """A pod's status to the words on its run."""
    seen = []
    for run in range(1, SINGLE + 1):
        pod = kube.client.get(f"pods/{kube.pod_name(run)}")
        begun = time.time()
        kube.container(pod, "Pending", waiting={"reason": "ErrImagePull", "message": f"no {run}"})
        while f"no {run}" not in (kube.store("SELECT error_message FROM etl_run WHERE run_id = ?", run)[0][0] or ""):
            time.sleep(0.0005)
        seen.append(time.time() - begun)
    print(f"  a pod's status to its run's row {median_ms(seen):5.1f} ms (aim: under 50)")


def processor(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_pods(kube, watcher, controller):
    from queue_project import resident  # pylint: disable=import-outside-toplevel
    for total in (MANY, LIVE):
        before = len(watcher.made)
        more = total - (before - SINGLE) - 1  # kubectl's do not count
        begun = time.time()
        for _ in range(more):
            kube.store("INSERT INTO etl_run (job_id) VALUES (1)")
        kube.order("job")
        watcher.wait(lambda n=before + more + 1: len(watcher.made) >= n)
        took = time.time() - begun
        if total == MANY:
            print(f"  {more + 1} runs to pods               {took:8.1f} s: {(more + 1) / took * 60:.0f} a minute (aim: 500)")
    time.sleep(2)
    before = processor(controller.pid)
    time.sleep(IDLE_SECONDS)
    share = (processor(controller.pid) - before) / IDLE_SECONDS * 100
    print(f"  controller with {LIVE} pods: {resident(controller.pid) / (1 << 20):.1f} MiB (aim: under 20), "
          f"{share:.2f} % of a core when nothing changes (aim: under 2)")


def pods():
    from cluster import ControlPlane  # pylint: disable=import-outside-toplevel # it wants pytest
    from kube_project import KubeProject  # pylint: disable=import-outside-toplevel
    here = Path(WORK) / "kubernetes"
    shutil.rmtree(here, ignore_errors=True)
    (here / "project").mkdir(parents=True)
    plane = ControlPlane(here / "plane")
    kube = None
    try:
        kube = KubeProject(here / "project", plane, "bench", max_workers=1000, poll="5s")
        kube.exec_job("job", "true", max_active=1000)
        watcher = Watcher(kube)
        controller = kube.controller()
        first_pods(kube, watcher)
        news(kube)
        many_pods(kube, watcher, controller)
    except subprocess.SubprocessError as e:
        sys.exit(f"kubernetes: {e}")
    finally:
        if kube:
            kube.end()
        plane.stop()
