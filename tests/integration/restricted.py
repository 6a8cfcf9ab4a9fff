"""What a pod may not have, as rules that say what is wrong: those of the Pod Security level "restricted", and of
OpenShift's SCC restricted-v2, which also assigns UID, group and fsGroup itself. And what is ours to keep: a root
file system that nobody writes to, no token where no API is called, limits."""

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def containers(pod):
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def context(thing):
    return thing.get("securityContext") or {}


def effective(pod, container, key):
    """The container's word counts, else the pod's."""
    return context(container).get(key, context(pod).get(key))


def of_pod(pod):
    for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if pod.get(key):
            yield key
    if context(pod).get("sysctls"):
        yield "sysctls"
    if "seLinuxOptions" in context(pod) or "supplementalGroups" in context(pod):
        yield "seLinuxOptions or supplementalGroups"
    for volume in pod.get("volumes", []):
        for kind in volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']}: {kind}"
        for mode in modes(volume):
            # the group is the only one that a UID of somebody else's choice has in common with the file
            if not mode & 0o040 or mode & 0o022:
                yield f"volume {volume['name']}: mode {mode:o}"


def modes(volume):
    for kind in ("secret", "configMap", "projected"):
        source = volume.get(kind, {})
        if "defaultMode" in source:
            yield source["defaultMode"]
        yield from (item["mode"] for item in source.get("items", []) if "mode" in item)


def of_container(pod, container):
    own = context(container)
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem"
    if effective(pod, container, "runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if effective(pod, container, "runAsUser") == 0:
        yield "runAsUser 0"
    if (effective(pod, container, "seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield "seccompProfile"
    if own.get("procMount", "Default") != "Default" or "seLinuxOptions" in own:
        yield "procMount or seLinuxOptions"
    for port in container.get("ports", []):
        if "hostPort" in port:
            yield "hostPort"
    if not container.get("resources", {}).get("requests", {}).keys() >= {"cpu", "memory"} \
            or "memory" not in container["resources"].get("limits", {}):
        yield "resources"


def assigned(pod):
    """What restricted-v2 assigns, and refuses from others when it lies outside the project's range."""
    for key in ("runAsUser", "runAsGroup", "fsGroup"):
        if key in context(pod):
            yield key
    for container in containers(pod):
        for key in ("runAsUser", "runAsGroup"):
            if key in context(container):
                yield f"{container['name']}: {key}"


def violations(pod, openshift=False):
    """Of a pod's spec, each in a few words."""
    found = list(of_pod(pod))
    for container in containers(pod):
        found += [f"{container['name']}: {what}" for what in of_container(pod, container)]
    return found + (list(assigned(pod)) if openshift else [])
