"""How an engine is split over accelerators and nodes.

Tensor parallelism splits each layer and needs the fast links inside a node. Pipeline parallelism passes data
between groups of layers and works over a network. So by default a replica on one node is split by tensors
over all its accelerators, and one on several nodes by pipeline over the nodes.
"""

from __future__ import annotations

import re

from fairlead_operator.render.model import Model

# vLLM's own default of --master-port.
MASTER_PORT = 29501
# LeaderWorkerSet sets these in every container of its pods.
LEADER_ADDRESS, NODE_RANK = "LWS_LEADER_ADDRESS", "LWS_WORKER_INDEX"

# The user's arguments that replace the default split over accelerators.
_PARALLELISM = re.compile(r"^(-tp|-pp|-dp|--(tensor|pipeline|data)[-_]parallel[-_]size)(=.*|\d+)?$")


def parallel_arguments(model: Model) -> list[str]:
    """vLLM's arguments for the split. Sizes that the spec leaves open are left to the user's own arguments if
    there are any about it; a size of 1 is vLLM's default and left out.
    """
    engine = model.spec.engine
    tensor, pipeline = engine.tensor_parallel_size, engine.pipeline_parallel_size
    if not any(_PARALLELISM.match(argument) for argument in engine.args):
        tensor, pipeline = _sizes(model)
    arguments = []
    if tensor and (tensor > 1 or engine.tensor_parallel_size):
        arguments += ["--tensor-parallel-size", str(tensor)]
    if pipeline and (pipeline > 1 or engine.pipeline_parallel_size):
        arguments += ["--pipeline-parallel-size", str(pipeline)]
    if engine.nodes > 1:
        arguments += [
            *("--nnodes", str(engine.nodes), "--node-rank", f"$({NODE_RANK})"),
            *("--master-addr", f"$({LEADER_ADDRESS})", "--master-port", str(MASTER_PORT)),
        ]
    return arguments


def _sizes(model: Model) -> tuple[int, int]:
    """Sizes of tensor and pipeline parallelism whose product is the number of the replica's accelerators."""
    engine, accelerator = model.spec.engine, model.spec.accelerator
    tensor, pipeline = engine.tensor_parallel_size, engine.pipeline_parallel_size
    if accelerator is None:
        return tensor or 1, pipeline or 1
    devices = accelerator.count * engine.nodes
    if tensor is None:
        pipeline = pipeline or engine.nodes
        return devices // pipeline, pipeline
    return tensor, pipeline or devices // tensor
