"""Reasons why an engine does not run or does not answer."""

from __future__ import annotations

from fairlead_operator.plan.reason import Reason

# What a spec has to change for, told by the launcher from the engine's log.
CONFIGURATION = (
    Reason(
        "EngineArgumentInvalid",
        "vLLM refused its arguments.",
        "Correct spec.engine; the message quotes vLLM.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "EngineImageInvalid",
        "The engine's image has a python3, but no vLLM that it finds.",
        "Set spec.engine.image to an image whose python3 can import vllm.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "ContextTooLong",
        "The context length does not fit the model or its accelerators' memory.",
        "Set spec.engine.maxModelLen to the length that the message names, or give more accelerators.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "ModelUnsupported",
        "vLLM does not know the model's architecture or format.",
        "Use an engine image whose vLLM supports the model.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "CompilerMissing",
        "vLLM wants to compile and the image has no compiler.",
        "Add --enforce-eager to spec.engine.args, or use an image with a compiler.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "AcceleratorNotFound",
        "The engine finds no accelerator that it can use.",
        "Set spec.accelerator and, if the cluster needs it, spec.scheduling.runtimeClassName; see that image "
        "and driver belong together.",
        "launcher",
        stalled=True,
    ),
    Reason(
        "AcceleratorOutOfMemory",
        "The accelerators' memory does not hold the model and its cache.",
        "Give more or larger accelerators, a smaller spec.engine.maxModelLen or a quantised model.",
        "launcher",
        stalled=True,
    ),
)
HOST_OUT_OF_MEMORY = Reason(
    "HostOutOfMemory",
    "A container was killed at its memory limit, or the node has not the memory that the engine wants.",
    "Raise spec.resources.limits.memory; shared memory (/dev/shm) and an in-memory cache count towards it.",
    "launcher, kubelet",
    stalled_if_repeated=True,
)
RUNNING = (
    Reason(
        "EngineUnresponsive",
        "The engine has requests and makes no progress any more, for longer than "
        "spec.engine.unresponsive.afterSeconds. vLLM's own health check goes on to say that all is well.",
        "See the engine's log. With spec.engine.unresponsive.action Restart the engine is restarted; with "
        "Report delete the pod.",
        "gateway",
    ),
    Reason(
        "EngineStartTimeout",
        "The engine was not ready within spec.engine.startupTimeoutSeconds and was restarted.",
        "Raise spec.engine.startupTimeoutSeconds; see the engine's log for what takes the time.",
        "launcher",
        stalled_if_repeated=True,
    ),
    Reason(
        "EngineCrashed",
        "The engine ended. The message has the most telling lines of its log.",
        "See the engine's log (`kubectl logs POD -c vllm --previous`).",
        "launcher",
        stalled_if_repeated=True,
    ),
    Reason(
        "CrashLoop",
        "The engine's container ends again and again without saying why.",
        "See its log (`kubectl logs POD -c vllm --previous`); its image needs python3 with vLLM.",
        "kubelet",
        stalled_if_repeated=True,
    ),
    Reason(
        "GatewayFailed",
        "The gateway's container ends again and again.",
        "See its log (`kubectl logs POD -c gateway --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
    Reason(
        "InitContainerFailed",
        "An init container of spec.podTemplate ends with an error.",
        "See its log (`kubectl logs POD -c CONTAINER --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
)
NOT_READY = (
    Reason(
        "EngineNotReady",
        "The engine was ready and does not answer any more. Its pod gets no requests meanwhile.",
        "See the gateway's and the engine's log.",
        "kubelet",
    ),
    Reason(
        "ContainerNotReady",
        "Engine and gateway are ready, a container of spec.podTemplate is not.",
        "See that container's log and its readiness probe.",
        "kubelet",
    ),
)
