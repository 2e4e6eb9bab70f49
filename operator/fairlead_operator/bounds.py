"""The bounds on everything that the operator reads from others: sizes, numbers, times.

A user who may create pods or ModelDeployments in a namespace controls their gateways' answers, the number of
objects and their contents. None of that may cost the operator more than these bounds.
"""

from __future__ import annotations

# Answers of admin ports ------------------------------------------------------------------------------------

# Body of an answer of a gateway. Real ones take less than 4 KiB. Beyond: the pod has not answered.
POD_ANSWER_BYTES = 64 << 10
# Body of an answer of a router: about 250 bytes for each model. Beyond: the router has not answered.
ROUTER_ANSWER_BYTES = 16 << 20
# Routers that are followed. The chart runs two, and each is polled all the time. Further ones are not polled.
ROUTERS = 64
# A line of an answer's head. Beyond: no answer.
HEADER_LINE_BYTES = 4 << 10
# Headers of an answer. Our servers send four, proxies add some. Beyond: no answer.
HEADERS = 64
# What a connection may carry beside the body: head, interim responses, framing of chunks. Beyond: no answer.
ANSWER_OVERHEAD_BYTES = 64 << 10
# From the connection to the last byte of an answer. Gateways answer within 1.1 s at worst, because they wait
# one second for their engine. Beyond: no answer.
POD_ANSWER_SECONDS = 2.0
# The same for a router, beyond the wait of a long poll.
ROUTER_ANSWER_SECONDS = 2.0
# Until all pods of a model have answered. Beyond: the others count as silent.
MODEL_ANSWERS_SECONDS = 5.0
# Requests to pods that are under way together, and how many of them may be to pods of one namespace. Each
# holds at most 256 KiB. Beyond: the request waits, and free places go to the namespaces in turn.
POD_REQUESTS = 256
NAMESPACE_REQUESTS = 32
# Pause before a pod that has not answered is queried again: the first number, doubled with each further
# failure up to the second.
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
# Pods, and namespaces, whose failures are remembered. Beyond: the oldest are forgotten.
REMEMBERED_FAILURES = 8192
# Reconciles wait for the answers of pods. What they waited for pods that did not answer is taken from their
# namespace's patience, which holds the first number of seconds and regains the second in each second. A
# namespace without patience is waited for PATIENCE_LEAST_SECONDS, which is what an answer takes. So one
# namespace's silent pods hold up a twentieth of one of the eight workers.
PATIENCE_SECONDS = 4.0
PATIENCE_REGAINED_PER_SECOND = 0.05
PATIENCE_LEAST_SECONDS = 0.2

# Objects of the API server ---------------------------------------------------------------------------------

# An answer of the API server. Objects have at most 1.5 MiB, so it holds several of any size. Beyond: a list
# is read in smaller pages, everything else is an error.
API_ANSWER_BYTES = 8 << 20
# A ModelDeployment, or a child, that is read beside others: eight workers read a dozen objects each, and a
# byte of JSON may become 20 bytes of Python's objects. Beyond: such models are reconciled one at a time.
OBJECT_BYTES = 256 << 10
# The spec of a ModelDeployment as JSON. A pod template of more than 256 KiB cannot be applied, because the
# Deployment keeps it in an annotation. Beyond: InvalidSpec.
SPEC_BYTES = 384 << 10
# Objects in a page of a list. 8 MiB hold so many pods of 32 KiB.
PAGE_OBJECTS = 250
# Objects that a list returns where nothing else is said. Of all lists: at most twice as many are looked at as
# are returned, since some may not count. Beyond: they are left out, with a warning in the log.
LISTED_OBJECTS = 20_000
# A page of a list that the watches begin with: metadata of a hundred objects. The lists of all kinds are read
# at once. Beyond: read in smaller pages.
WATCHED_PAGE_BYTES = 2 << 20
# JSON nested deeper than Python's parser can follow (1000 calls) is cut at this depth. Objects of Kubernetes
# have less than 50, the API server takes 10,000. Beyond: null.
JSON_DEPTH = 500
# Values in a list of what was learned about a model (`status.autoscaling.learned`): the autoscaler keeps 50.
# Beyond: the oldest are left out.
LEARNED_ITEMS = 64
# The message of a failed request. Beyond: cut.
ERROR_CHARACTERS = 2048
# How long an overloaded API server may have the operator wait. Beyond: this long.
RETRY_AFTER_SECONDS = 60.0

# Chat templates of specs whose check is remembered. Each has at most 64 KiB, and its check takes up to 0.4 s.
# Beyond: the least recently used one is checked again.
REMEMBERED_CHAT_TEMPLATES = 64

# Pods of one model that count; the status has room for 1000. So 4000 with its label are looked at in each
# reconcile, which takes 16 requests. Beyond: they are left out.
MODEL_PODS = 2000
# Conditions and containers of one pod that count. Beyond: they are left out.
POD_CONDITIONS = 32
POD_CONTAINERS = 64
# Kinds of devices that count of one pod; and kinds of resources, tolerations and entries of the node selector
# that count of a pod that has no node: real pods have a few. Beyond: they are left out, and a message about
# nodes may name a wrong obstacle.
POD_RESOURCES = 16
POD_TOLERATIONS = 32
POD_LABELS = 32
# Failures of one model that are looked at, and that are remembered as reported: each container of a pod keeps
# its last two ends. Beyond: the oldest are left out, so they are not counted.
MODEL_FAILURES = 256
# A text of an object (condition, termination message, note of an Event) before anything is searched in it.
# Kubernetes keeps 4096 bytes of a termination message, and schedulers take less than 4 KiB. Beyond: cut.
TEXT_CHARACTERS = 8 << 10
# Children of one model whose names are remembered; a model has about a dozen. Each reconcile reads all of
# them. Beyond: not remembered, so what an older spec has left behind goes only after the next start.
MODEL_CHILDREN = 128
# Events about one pod that are read, and pods of one model about which Events are read. Beyond: left out.
POD_EVENTS = 100
PODS_WITH_EVENTS = 32

# A field of a child that is set back so many times within so many seconds is contested: a
# HorizontalPodAutoscaler writes every 15 s, GitOps tools every few minutes. Beyond: the other's value is left
# for the pause, and the wanted one is applied after it.
CONTEST_REPAIRS = 3
CONTEST_WINDOW_SECONDS = 900
CONTEST_PAUSE_SECONDS = 600
# Fields of one model whose repairs are remembered. Beyond: the oldest are forgotten.
CONTESTED_FIELDS = 32
# Wrong fields of spec.podTemplate and spec.scheduling.affinity that are named. The search for a similar name
# takes milliseconds for each. Beyond: the rest is not named.
FIELD_PROBLEMS = 16

# Nodes that are read when a pod finds none, and for how long the answer is used: a node takes about 10 KiB on
# the wire. Beyond: nothing is concluded from nodes, and the message says so.
NODES = 1000
NODES_SECONDS = 30.0
# Taints of a node, labels of a node and kinds of resources that it offers. Beyond: they are left out.
NODE_TAINTS = 64
NODE_LABELS = 256
NODE_RESOURCES = 64
# Different requirements of pods whose comparison with the nodes is remembered; pods of one revision have the
# same. Beyond: all are compared again.
NODE_PLACEMENTS = 1000

# Logs and measurements (`fairlead logs`, `fairlead bench`) -------------------------------------------------

# A line of a log that `fairlead logs` reads. The launcher and the gateway write less than 16 KiB. Beyond:
# cut.
LOG_LINE_BYTES = 64 << 10
# Containers whose logs are read at once: a connection each. Beyond: left out, and a message says so.
LOG_STREAMS = 64
# An answer that `fairlead bench` reads as a whole: a list of models, an error. Beyond: cut.
BENCH_BODY_BYTES = 1 << 20
# A line of a stream that it reads: an event of one token takes less than 1 KiB. The reader takes twice as
# much. Beyond: the request has failed.
BENCH_LINE_BYTES = 64 << 10
# Until it is connected, and until a list of models is there. Beyond: the server counts as out of reach.
BENCH_CONNECT_SECONDS = 10.0
# Requests at once, requests of one load, and requests a second: one process of Python can measure no more
# without being the bottleneck itself. Beyond: the option is refused.
BENCH_CONCURRENCY = 1024
BENCH_REQUESTS = 100_000
BENCH_RATE_PER_SECOND = 500
# Until a model has a running pod for `kubectl port-forward`, and as long again until that has a port. Beyond:
# an error.
FORWARD_SECONDS = 10.0

# GGUF files that are converted (`fairlead run --demo`) -----------------------------------------------------

# Tensors, metadata pairs, and dimensions of a tensor. A model of 100 layers has about 1000 tensors and 40
# pairs, and GGML's tensors have at most four dimensions. Beyond: the file is refused.
GGUF_TENSORS = 16_384
GGUF_PAIRS = 1024
GGUF_DIMENSIONS = 4
# A name of a tensor or a pair; GGML itself takes 64 bytes of the former. Beyond: the file is refused.
GGUF_NAME_BYTES = 256
# A text in the metadata: chat templates are the longest. Beyond: the file is refused.
GGUF_TEXT_BYTES = 1 << 20
# Items of a list, and a text in one: vocabularies have up to 260,000 tokens. Beyond: the file is refused.
GGUF_LIST_ITEMS = 1 << 20
GGUF_LISTED_TEXT_BYTES = 4 << 10
# What tensors are aligned to; 32 unless the file says otherwise. Beyond: the file is refused.
GGUF_ALIGNMENT_BYTES = 4 << 10

# Models on this machine (`fairlead run`) --------------------------------------------------------------------

# A log of a container; one predecessor of the same size is kept, as the kubelet keeps it. Beyond: the older
# one is removed.
LOCAL_LOG_BYTES = 10 << 20
# A line of a log without its end. vLLM prints a request of some KiB in one line. Beyond: its beginning is not
# looked at.
LOCAL_LOG_LINE_BYTES = 64 << 10
# Errors of a container's log that are shown in the terminal for each of its starts, and the text of one. A
# traceback has up to a hundred lines. Beyond: only in the file.
LOCAL_SHOWN_LINES = 10
LOCAL_SHOWN_CHARACTERS = 400
# Pause before a container that ended is started again: the first number, doubled with each further end up to
# the second. The kubelet begins with 10 s and ends with 300 s; here a user waits in front of it.
LOCAL_FIRST_RESTART_SECONDS = 2.0
LOCAL_LONGEST_RESTART_SECONDS = 60.0
# A container that ran for so long counts as started again without a failure, as in the kubelet.
LOCAL_STEADY_SECONDS = 600.0
# A key of a Secret, as in the API server, which takes 1 MiB for all keys. Beyond: an error that names it.
LOCAL_SECRET_BYTES = 1 << 20
# A termination message, as in the kubelet. Beyond: cut.
LOCAL_MESSAGE_BYTES = 4096
# From SIGKILL to the end of all processes of a container. Beyond: the terminal names what is left.
LOCAL_KILL_SECONDS = 15.0
# The changes of the local API from which a watch may continue. Beyond: 410, and the router lists again.
LOCAL_API_CHANGES = 1024
# The answer to a probe, which only has to arrive. Beyond: not read.
LOCAL_PROBE_BYTES = 64 << 10
# The path of a Unix socket: a limit of the kernel (`sun_path`). Beyond: an error that names --run-dir.
LOCAL_SOCKET_PATH_BYTES = 107
# Models of one `fairlead run`: each has at least two processes. Beyond: an error.
LOCAL_MODELS = 32
