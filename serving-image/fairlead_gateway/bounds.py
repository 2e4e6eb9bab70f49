"""The bounds on everything that gateway and router receive: sizes, numbers, times.

One table, so that the memory that strangers can make a process hold is the sum of few lines. Both containers
have a memory limit of 1 GiB. docs/security.md lists every bound with what happens beyond it; a test compares
the two.
"""

from __future__ import annotations

# Connections of clients ------------------------------------------------------------------------------------

# Open connections to the API port. An open connection costs about 30 kB, one with an unfinished head up to
# 75 kB. The descriptors of the process are a second bound (`listen.connection_limit`).
MAX_CONNECTIONS = 8192
# Open connections to the admin port: kubelet, operator and Prometheus need a handful.
MAX_ADMIN_CONNECTIONS = 256
# A holder may take so much of what is still free (dynamic thresholds, Choudhury and Hahne 1998). The first
# holder gets at most a third of the whole, the second two ninths, and something is always left for others.
SHARE_OF_FREE = 0.5

# After the last answer on a connection the client may go on to send: it is read and dropped, so that the answer
# is not lost with a reset, for this time and this many bytes.
LINGER_SECONDS = 2.0
MAX_DROPPED_BYTES = 4 << 20

# A request's head ------------------------------------------------------------------------------------------

# Request line and headers together. Twice what common servers take, because proxies add headers.
MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 100
MAX_URL_BYTES = 16 << 10
# From the first byte of a head to its last. A head fits into a few packets.
HEAD_SECONDS = 15.0
# Requests that arrive in one read of a connection. The connection is closed after their answers.
MAX_PIPELINED = 32
# A client that takes no byte of what is written for it is cut off after this time.
STALLED_READER_SECONDS = 600.0

# A request's body ------------------------------------------------------------------------------------------

# From the first byte of a request to the last byte of its body.
UPLOAD_SECONDS = 600.0
# A body that is still incomplete after UPLOAD_GRACE_SECONDS must have arrived at this mean rate.
UPLOAD_GRACE_SECONDS = 30.0
MIN_UPLOAD_BYTES_PER_SECOND = 4 << 10
# What the framing of a body (sizes and extensions of chunks, trailers) may take beside the body itself: so many
# bytes, and one for each FRAMING_RATIO bytes of the body. Each chunk costs a call, each trailer memory.
MAX_FRAMING_BYTES = 64 << 10
FRAMING_RATIO = 8
# JSON values and keys in a body. A Python object costs up to 100 bytes and 100 ns, so this is 20 MB and less
# than 0.1 s of the event loop, whatever the size of the body. The largest request that the parameter tables
# allow (65,536 token ids beside 8,192 messages) stays below it.
MAX_JSON_VALUES = 200_000
# The longest name of a model that is looked up.
MAX_MODEL_NAME_BYTES = 512

# Wrong API keys --------------------------------------------------------------------------------------------

# Attempts with a wrong key that one address has at once, and how soon it has another one.
WRONG_KEYS_BURST = 30
WRONG_KEY_SECONDS = 2.0
# Addresses whose attempts are counted, and keys that are remembered as valid. The oldest are forgotten first.
MAX_COUNTED_ADDRESSES = 10_000
MAX_REMEMBERED_KEYS = 10_000

# Answers of engines and pods -------------------------------------------------------------------------------

# Status line and headers of an answer.
MAX_ANSWER_HEAD_BYTES = 64 << 10
MAX_ANSWER_HEADERS = 200
# Interim answers (1xx) before the final one.
MAX_INTERIM_ANSWERS = 8
# The body of an error that is kept, to be explained or while another pod is tried.
MAX_ERROR_BODY_BYTES = 256 << 10
# A whole answer that the gateway must see as a whole before it can translate it.
MAX_WHOLE_ANSWER_BYTES = 64 << 20
# One event of a stream. With 20 alternatives for each of many tokens in one event this is some MB.
MAX_EVENT_BYTES = 8 << 20
# Routers whose requests a gateway counts apart; those of any others count as direct.
MAX_COUNTED_ROUTERS = 32
