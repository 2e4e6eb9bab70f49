"""The bounds on the documents that the programs exchange.

The pods of a model belong to their owner, who can replace the gateway. The operator takes a document with a
value beyond these bounds for no answer, unless a line says otherwise.
"""

from __future__ import annotations

# Answers of admin ports ------------------------------------------------------------------------------------

# Requests on one pod, held by one router, or a length of a batch. Beyond: no answer.
LARGEST_COUNT = 10**9
# Counters, bytes and tokens. Below 2**53, so that differences of floats are exact. Beyond: no answer.
LARGEST_COUNTER = 10**15
# Times in seconds since 1970, and durations. Beyond: no answer.
LARGEST_SECONDS = 10**11
# Words such as reasons, phases and boot ids. Beyond: cut.
WORD_CHARACTERS = 128
# A sentence in an answer. Beyond: cut.
SENTENCE_CHARACTERS = 1024
# Models in an answer of a router, as many as its body can hold. Beyond: the router has not answered.
ROUTER_ANSWER_MODELS = 64_000
# Routers in an answer of a gateway, as many as the operator follows. Beyond: no answer.
GATEWAY_ANSWER_ROUTERS = 64

# API keys --------------------------------------------------------------------------------------------------

# The entry of one key in a Secret, which has at most 1 MiB in all. Beyond: the key is not valid.
KEY_ENTRY_BYTES = 64 << 10
# Models, and namespaces, that one key names. Beyond: the key is not valid.
KEY_NAMES = 512
