"""Reasons why Kubernetes does not run a pod: from its creation to the start of its containers."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

CONTAINERS = (
    ConditionReason(
        "ImageNotFound",
        "An image does not exist, lacks the node's platform, or its name is not valid.",
        "Correct the image that the message names, for example spec.engine.image, or push it.",
        "kubelet",
        stalled=True,
    ),
    ConditionReason(
        "ImagePullUnauthorized",
        "The registry does not let the node pull an image. Some registries say so also of what does not "
        "exist.",
        "Correct the image's name, or add imagePullSecrets by spec.podTemplate.",
        "kubelet",
        stalled=True,
    ),
    ConditionReason(
        "ImagePullFailed",
        "An image cannot be pulled, for a reason that may pass: the registry is not reachable or fails.",
        "See that the image's name has the right registry and that the node reaches it.",
        "kubelet",
    ),
    ConditionReason(
        "ContainerConfigError",
        "A Secret or ConfigMap that a pod refers to is missing, or lacks the key.",
        "Create what the message names; the pod then continues.",
        "kubelet",
    ),
    ConditionReason(
        "ContainerStartFailed",
        "The container runtime cannot start a container.",
        "The message is the runtime's. The engine's image needs a python3 on its path.",
        "kubelet",
    ),
    ConditionReason(
        "PodSandboxFailed",
        "The container runtime cannot make the pod's sandbox: its network or its runtime class.",
        "See that the node's runtime has the handler of spec.scheduling.runtimeClassName, and its network.",
        "kubelet",
    ),
    ConditionReason(
        "ClaimNotPrepared",
        "The driver of the devices cannot hand them to the pod on its node.",
        "See the log of the DRA driver on the node.",
        "kubelet",
    ),
    ConditionReason(
        "NodeLost",
        "The pod's node does not report any more. The pod is replaced when Kubernetes gives the node up.",
        "Repair or delete the node; `kubectl get nodes` shows it.",
        "controller-manager",
    ),
    ConditionReason(
        "Evicted",
        "The kubelet ended the pod because the node ran short of memory, disk or processes. It is replaced.",
        "Ask for what the pod needs in spec.resources.requests, or relieve the node.",
        "kubelet",
    ),
    ConditionReason(
        "Preempted",
        "The pod had to make room for one of higher priority. Its replacement waits for room.",
        "Set spec.scheduling.priorityClassName, or add nodes.",
        "scheduler",
    ),
    ConditionReason(
        "PodFailed",
        "The kubelet or the node ended the pod. It is replaced.",
        "The message has the kubelet's reason.",
        "kubelet",
    ),
)
CREATION = (
    ConditionReason(
        "RuntimeClassMissing",
        "There is no RuntimeClass of the name in spec.scheduling.runtimeClassName.",
        "Correct the name, or create the RuntimeClass (`kubectl get runtimeclasses`).",
        "controller-manager",
        stalled=True,
    ),
    ConditionReason(
        "PriorityClassMissing",
        "There is no PriorityClass of the name in spec.scheduling.priorityClassName.",
        "Correct the name, or create the PriorityClass (`kubectl get priorityclasses`).",
        "controller-manager",
        stalled=True,
    ),
    ConditionReason(
        "QuotaExceeded",
        "A ResourceQuota of the namespace does not allow the pod, or another object of the model.",
        "Raise the quota, or lower spec.resources or spec.accelerator.",
        "controller-manager",
    ),
    ConditionReason(
        "PodRejected",
        "A policy refuses the pod: Pod Security, a LimitRange, a quota that wants requests, or a webhook.",
        "Correct what the message names, in the spec or in the policy.",
        "controller-manager",
        stalled=True,
    ),
    ConditionReason(
        "PodCreationFailed",
        "A pod cannot be created, for a reason that may pass, such as a webhook that does not answer.",
        "The message says what failed; it is tried again.",
        "controller-manager",
    ),
)
PLACEMENT = (
    ConditionReason(
        "DeviceClassMissing",
        "There is no DeviceClass of the name in spec.accelerator.deviceClassName.",
        "Correct the name, or install the driver that brings it (`kubectl get deviceclasses`).",
        "scheduler",
        stalled=True,
    ),
    ConditionReason(
        "ClaimNotAllocated",
        "No node has enough free devices that match spec.accelerator.",
        "Free or add nodes, ask for fewer devices, or correct spec.accelerator.selectors "
        "(`kubectl get resourceslices`).",
        "scheduler",
    ),
    ConditionReason(
        "VolumeNotReady",
        "A claim does not exist or has no volume yet, or the node cannot mount a volume.",
        "Create the claim, or see why it is not bound or cannot be mounted (`kubectl describe pvc`).",
        "scheduler, kubelet",
    ),
    ConditionReason(
        "InsufficientResources",
        "No node has enough of a resource free: accelerators, CPU or memory. The message names which.",
        "Free or add nodes, or ask for less in spec.accelerator or spec.resources.",
        "scheduler",
    ),
    ConditionReason(
        "ResourceNotOffered",
        "No node of the cluster offers a resource that the pod asks for.",
        "Install the device plugin of the accelerators and see its log, add a node that has them, or correct "
        "spec.accelerator.resourceName (`kubectl describe nodes` shows Allocatable).",
        "scheduler, nodes",
    ),
    ConditionReason(
        "NodesTooSmall",
        "The pod asks for more of a resource than any node has, whatever else runs there.",
        "Ask for less in spec.accelerator.count or spec.resources, spread a replica by spec.engine.nodes, or "
        "add larger nodes.",
        "scheduler, nodes",
    ),
    ConditionReason(
        "UntoleratedTaint",
        "The nodes that would fit have taints that the pod does not tolerate.",
        "Add the toleration to spec.scheduling.tolerations.",
        "scheduler",
    ),
    ConditionReason(
        "NodesUnavailable",
        "The nodes that would fit are cordoned, not ready or under pressure.",
        "Uncordon or repair them (`kubectl get nodes`).",
        "scheduler",
    ),
    ConditionReason(
        "NodeSelectorMismatch",
        "No node has the labels that the pod asks for.",
        "Correct spec.scheduling.nodeSelector or affinity, or label the nodes.",
        "scheduler",
    ),
    ConditionReason(
        "TopologyMismatch",
        "Rules about other pods leave no node: affinity between pods, or topology spread.",
        "Relax spec.scheduling.affinity or topologySpreadConstraints, or add nodes.",
        "scheduler",
    ),
    ConditionReason(
        "Unschedulable",
        "The scheduler finds no node, for a reason of its own.",
        "The message is the scheduler's.",
        "scheduler",
    ),
    ConditionReason(
        "SchedulingGated",
        "Something else holds the pod back by a scheduling gate.",
        "The controller that set the gate in the message has to remove it.",
        "scheduler",
    ),
    ConditionReason(
        "Queued",
        "The pod waits in a queue until there is quota for it (spec.scheduling.queueName).",
        "Wait; `kubectl get workloads` shows its position, and whether the queue exists.",
        "scheduler",
        healthy=True,
    ),
)
