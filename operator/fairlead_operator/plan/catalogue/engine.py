"""Reasons why an engine does not run or does not answer."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

# Causes that need a change of the spec, found by the launcher in the engine's log.
CONFIGURATION = (
    ConditionReason(
        "EngineArgumentInvalid",
        "vLLM refused its arguments or its environment, or an argument names a tokenizer or draft model that "
        "is not there.",
        "Correct spec.engine where the message says.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "EngineImageInvalid",
        "The engine's image has a python3, but no vLLM that it finds.",
        "Set spec.engine.image to an image whose python3 can import vllm.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "EngineVersionUnsupported",
        "The vLLM of the engine's image is too old: it does not know an argument that Fairlead sets.",
        "Set spec.engine.image to vLLM 0.32 or newer.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "ContextTooLong",
        "The context length does not fit the model or its accelerators' memory.",
        "Set spec.engine.maxModelLen to the length that the message names, or give more accelerators.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "ModelUnsupported",
        "vLLM does not know the model's architecture or format.",
        "Use an engine image whose vLLM supports the model.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "RemoteCodeNotTrusted",
        "The model comes with Python code of its own, which vLLM runs only when it is allowed to.",
        "Read that code, and add --trust-remote-code to spec.engine.args if you trust it.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "TokenizerInvalid",
        "vLLM cannot load the model's tokenizer: its files are missing, or need a library that the image "
        "does not have.",
        "Add the tokenizer's files to the model, or name a folder that has them with --tokenizer in "
        "spec.engine.args.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "ChatTemplateInvalid",
        "The engine starts, but its chat template fails for every request.",
        "Correct the template, or set another one in spec.engine.chatTemplate.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "ChatTemplateMissing",
        "The model's tokenizer has no chat template, as with a base model, so every request fails.",
        "Set spec.engine.chatTemplate, or use the model's chat or instruct version.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "CompilerMissing",
        "vLLM wants to compile and the image has no compiler.",
        "Add --enforce-eager to spec.engine.args, or use an image with a compiler.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "AcceleratorNotFound",
        "The engine finds no accelerator that it can use.",
        "Set spec.accelerator and, if the cluster needs it, spec.scheduling.runtimeClassName; see that image "
        "and driver belong together.",
        "launcher",
        stalled=True,
    ),
    ConditionReason(
        "AcceleratorOutOfMemory",
        "The accelerators' memory does not hold the model and its cache.",
        "Give more or larger accelerators, a smaller spec.engine.maxModelLen or a quantised model.",
        "launcher",
        stalled=True,
    ),
)
HOST_OUT_OF_MEMORY = ConditionReason(
    "HostOutOfMemory",
    "A container was killed at its memory limit, or the node has not the memory that the engine wants.",
    "Raise spec.resources.limits.memory; shared memory (/dev/shm), an in-memory cache and the key-value "
    "cache of a CPU engine (VLLM_CPU_KVCACHE_SPACE, in GiB) count towards it.",
    "launcher, kubelet",
    stalled_if_repeated=True,
)
RUNNING = (
    ConditionReason(
        "AcceleratorCommunicationFailed",
        "The accelerators of a replica cannot exchange data (NCCL). The message has NCCL's last error.",
        "See the last error; with NCCL_DEBUG=INFO in spec.engine.env the engine's log says more.",
        "launcher",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "EngineUnresponsive",
        "The engine has requests and makes no progress any more, for longer than "
        "spec.engine.unresponsive.afterSeconds. vLLM's own health check goes on to say that all is well.",
        "See the engine's log. With spec.engine.unresponsive.action Restart the engine is restarted; with "
        "Report delete the pod.",
        "gateway, launcher",
    ),
    ConditionReason(
        "EngineStartTimeout",
        "The engine was not ready within spec.engine.startupTimeoutSeconds and was restarted.",
        "Raise spec.engine.startupTimeoutSeconds; see the engine's log for what takes the time.",
        "launcher",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "EngineCrashed",
        "The engine ended. The message has the most relevant lines of its log.",
        "See the engine's log (`kubectl logs POD -c vllm --previous`).",
        "launcher",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "CrashLoop",
        "The engine's container ended without saying why, once or again and again.",
        "See its log (`kubectl logs POD -c vllm --previous`); its image needs python3 with vLLM.",
        "kubelet",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "GatewayFailed",
        "The gateway's container ended.",
        "See its log (`kubectl logs POD -c gateway --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "InitContainerFailed",
        "An init container of spec.podTemplate ends with an error.",
        "See its log (`kubectl logs POD -c CONTAINER --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
    ConditionReason(
        "ContainerFailed",
        "A container of spec.podTemplate ends with an error.",
        "See its log (`kubectl logs POD -c CONTAINER --previous`).",
        "kubelet",
        stalled_if_repeated=True,
    ),
)
NOT_READY = (
    ConditionReason(
        "EngineNotReady",
        "The engine was ready and does not answer any more. Its pod gets no requests meanwhile.",
        "See the gateway's and the engine's log.",
        "kubelet",
    ),
    ConditionReason(
        "ContainerNotReady",
        "Engine and gateway are ready, a container of spec.podTemplate is not.",
        "See that container's log and its readiness probe.",
        "kubelet",
    ),
)
