"""Starts vLLM in the engine container, reports its progress and names the cause when it ends.

The gateway puts this package as one file (`archive`) into a volume that the engine container mounts
read-only; that container runs it with whatever Python its image has. So it uses only the standard library
and works on Python 3.9.

It exists because vLLM alone
- leaves its socket file behind, on which the next start fails;
- prints the cause of a failure far above the last lines that Kubernetes keeps;
- exits with code 0 when its engine process crashes;
- needs the rank of its LoRA adapters, which is in their files, so that only the pod knows it;
- reports itself healthy with a chat template that fails for every request;
- needs the names of its parsers for tool calls and reasoning, which follow from the model's files.

It is also the `preStop` hook of the engine container: `drain` makes the gateway of the same pod drain, and
`await-drain`, in a worker of an engine over several nodes, waits until the leader has drained.
"""
