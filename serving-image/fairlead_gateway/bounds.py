"""The bounds on everything that gateway and router receive: sizes, numbers, times.

One table, so that the memory that clients can make a process use is the sum of few lines. Both containers
have a memory limit of 1 GiB. The bounds on single parameters of a request are in
`fairlead_contract.parameters`.
"""

from __future__ import annotations

# Connections of clients ------------------------------------------------------------------------------------

# Open connections to the API port. One costs about 30 kB, one with an unfinished head up to 75 kB. The
# descriptors of the process are a second bound. Beyond: 503, and the connection is closed.
MAX_CONNECTIONS = 8192
# Open connections to the admin port: kubelet, operator and Prometheus need a handful. Beyond: 503.
MAX_ADMIN_CONNECTIONS = 256
# What one holder may take of a shared resource, as a part of what is still free (dynamic thresholds,
# Choudhury and Hahne 1998): the first one gets at most a third of the whole, the second two ninths, and
# something is always left for others. Holders of connections are addresses, holders of memory are API keys or
# addresses, and models for requests that wait. Beyond: 503 with Retry-After.
SHARE_OF_FREE = 0.5
# A body or an answer of up to this size does not count as memory: all connections together hold 32 MiB so.
UNCOUNTED_BYTES = 4 << 10
# Requests that arrive in one read of a connection. Beyond: the connection is closed after their answers.
MAX_PIPELINED = 32
# How long a client may read nothing of what is written for it. Beyond: the connection is cut.
STALLED_READER_SECONDS = 600.0
# After the last answer on a connection the client may go on to send. It is read and dropped for this time and
# this many bytes, so that the answer is not lost with a reset. Beyond: the connection is closed.
LINGER_SECONDS = 2.0
MAX_DROPPED_BYTES = 4 << 20

# TLS connections whose handshake is not complete, beside those above, and how long one may take. Each has a
# descriptor and buffers for TLS. Beyond: the connection is closed.
MAX_HANDSHAKES = 256
HANDSHAKE_SECONDS = 15.0

# The head of a request -------------------------------------------------------------------------------------

# Request line and headers together. Beyond: 431.
MAX_HEAD_BYTES = 32 << 10
# Headers, and also trailers behind a body, which are dropped. Counted after each read. Beyond: 431.
MAX_HEADERS = 100
# The target of the request line. Beyond: 414.
MAX_URL_BYTES = 16 << 10
# Each of the three headers of a CORS preflight that its answer repeats, so that all fit into its message.
# Beyond: cut.
MAX_PREFLIGHT_CHARACTERS = 400
# From the first byte of a head to its last. Beyond: 408.
HEAD_SECONDS = 15.0
# A client's `x-request-id`: four times a UUID. It is in logs and in each event of a stream. Beyond: it is
# replaced.
MAX_REQUEST_ID_BYTES = 128
# A client's `tracestate`: as much as each program must pass on (W3C Trace Context, 3.3.1.5). Beyond: left
# out.
MAX_TRACE_STATE_BYTES = 512

# The body of a request -------------------------------------------------------------------------------------

# From the first byte of a request to the last byte of its body. Beyond: 408.
UPLOAD_SECONDS = 600.0
# A body that is still incomplete after the first time must have arrived at this mean rate. Beyond: 408.
UPLOAD_GRACE_SECONDS = 30.0
MIN_UPLOAD_BYTES_PER_SECOND = 4 << 10
# What the framing of a body (sizes and extensions of chunks, trailers) may take beside the body itself: so
# many bytes, and one for each FRAMING_RATIO bytes of the body. Each chunk costs a call. Beyond: 400.
MAX_FRAMING_BYTES = 64 << 10
FRAMING_RATIO = 8
# JSON values and keys in a body. One costs up to 100 bytes and 100 ns, so this is 20 MB and less than 0.1 s
# of the event loop, whatever the size of the body. The largest request that the parameter tables allow
# (65,536 token ids beside 8,192 messages) stays below it. Beyond: 400.
MAX_JSON_VALUES = 200_000
# Schemas of functions for which it is remembered whether they can be enforced, each with so many bytes of
# JSON at most: 8 MB. Agents send the same ones with each request. Beyond: they are read again.
MAX_REMEMBERED_SCHEMAS = 1024
MAX_REMEMBERED_SCHEMA_BYTES = 8 << 10
# The longest name of a model that is looked up. Beyond: 404.
MAX_MODEL_NAME_BYTES = 512

# What the router reads from the cluster --------------------------------------------------------------------

# A piece of a list. Objects have at most 1.5 MiB and take five times as much as Python objects. Beyond: the
# piece is requested again in halves.
MAX_PIECE_BYTES = 16 << 20
# Names of one model. The CRD allows one served name, 16 aliases and 32 adapters. Beyond: left out.
MAX_NAMES = 64
# Numbers and a text in a model's status, which is free-form: the concurrency of one pod, an expected start,
# the operator's message. Beyond: they count as this large, and the text is cut.
MAX_CONCURRENCY = 1_000_000.0
MAX_START_SECONDS = 86_400
MAX_QUOTED_CHARACTERS = 1024
# Accelerators of one replica, by its spec. Beyond: they count as this many.
MAX_ACCELERATORS = 100_000
# A learned time of an engine's step or token, in a model's status. Beyond: it counts as unknown.
MAX_STEP_SECONDS = 3_600.0
# Endpoints of one EndpointSlice; the API server accepts no more. Beyond: left out.
MAX_SLICE_ENDPOINTS = 1000
# Pods of one model. A Service of 5,000 pods has so many addresses. Beyond: they get no requests.
MAX_PODS = 5_000
# EndpointSlices and addresses in them that are kept for one namespace, about 10 MB. A user who may write
# slices could fill the memory with them. Beyond: left out, with a warning in the log.
MAX_NAMESPACE_ADDRESSES = 20_000
# Deleted models whose counters, and whose Services' names, are remembered: about 20 MB. Beyond: the oldest
# one without requests is forgotten.
MAX_GONE_MODELS = 10_000
# How long requests may still come by the Service of a deleted model: longer than its address is in caches,
# and than connections without requests are kept. Beyond: a Host of one word does not mean it any more.
SERVICE_END_SECONDS = 600.0
# Names of deleted namespaces that are remembered, about 1 MB. Beyond: the oldest is forgotten.
MAX_FORMER_NAMESPACES = 10_000

# Wrong API keys --------------------------------------------------------------------------------------------

# Attempts with a wrong key that one address has at once, and how soon it has another one. The router counts
# them for each model. Beyond: 429 with Retry-After, but for keys that were valid before.
WRONG_KEYS_BURST = 30
WRONG_KEY_SECONDS = 2.0
# Addresses whose attempts are counted, and keys that are remembered as valid. Beyond: the oldest are
# forgotten.
MAX_COUNTED_ADDRESSES = 10_000
MAX_REMEMBERED_KEYS = 10_000

# The identity of a client, as a router signs it for a gateway ----------------------------------------------

# How long it is valid. It is used for half of that time, so that a request that waits has a valid one.
IDENTITY_SECONDS = 60
# One with 512 models and namespaces of usual names, within the bound of a request's head. Beyond: 401.
MAX_IDENTITY_BYTES = 24 << 10
# Those that are kept, by key and model in the router, by their text in the gateway: about 1 kB each. Beyond:
# all are made, or checked, again.
MAX_REMEMBERED_IDENTITIES = 4096

# Answers of engines and pods -------------------------------------------------------------------------------

# Status line and headers of an answer, and their number. Beyond: 502, or another pod is tried.
MAX_ANSWER_HEAD_BYTES = 64 << 10
MAX_ANSWER_HEADERS = 200
# Interim answers (1xx) before the final one. Beyond: 502, or another pod is tried.
MAX_INTERIM_ANSWERS = 8
# The body of an error, which is kept to be explained or while another pod is tried. Beyond: 502.
MAX_ERROR_BODY_BYTES = 256 << 10
# An answer that the gateway must see as a whole before it can translate it. It also counts as memory of the
# caller's. Beyond: 502.
MAX_WHOLE_ANSWER_BYTES = 64 << 20
# One event of a stream. Beyond: the stream ends with an error.
MAX_EVENT_BYTES = 8 << 20
# Routers whose requests a gateway counts apart. Beyond: their requests count as direct.
MAX_COUNTED_ROUTERS = 32

# Logs and spans --------------------------------------------------------------------------------------------

# Lines of the request log about failed and slow requests: the first is a burst, then so many each second. A
# line has up to 1 kB, so a failing model writes 10 kB/s. Beyond: left out, and the next line says how many.
FAILED_LINES_BURST = 100
FAILED_LINES_PER_SECOND = 10.0
# The same for requests that the client must change (4xx), which any client can cause: a sample is enough to
# see what goes wrong. Beyond: left out, and the next line says how many.
REFUSED_LINES_BURST = 20
REFUSED_LINES_PER_SECOND = 1.0
# How long a process that ends waits for the collector to take its last spans. Those that wait before are
# bounded by OpenTelemetry's own settings: 2048, sent in batches of 512 by a thread. Beyond: they are lost.
SPAN_FLUSH_SECONDS = 2.0
