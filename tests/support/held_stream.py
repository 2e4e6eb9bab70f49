"""A stream that cannot be over before its client reads on, however fast the engine and the machine are.

A client that holds such a stream reads the first event and then nothing. The rest of the answer is longer
than what has room between the engine and a client that is connected to the gateway itself, so that the
gateway still has the request in flight:

- tcp_wmem[2] bytes in the kernel for the gateway's socket (4 MiB by default);
- 2 * RECEIVE_BYTES in the kernel for the client's socket, and 64 KiB in its HTTP library;
- in the gateway 64 KiB until it pauses, one read of 256 KiB, and one event. An event can be an answer of
  ANSWERS: vLLM merges the tokens that wait to be read.

That is 4.7 MiB and an ANSWERS-th of the whole, which has at least LEAST_BYTES: each token comes with its
ALTERNATIVES. A router on the way has room for more, since its socket takes up to tcp_rmem[2] bytes.

vLLM does not wait for readers, so it may have computed all tokens by then. What is held is the answer.
"""

from __future__ import annotations

import socket
from typing import Any

TOKENS, ANSWERS, ALTERNATIVES = 750, 8, 20
LEAST_BYTES = 7_000_000
RECEIVE_BYTES = 131_072

# Parameters of chat.completions.create, and options of the client's socket.
REQUEST: dict[str, Any] = {
    "max_tokens": TOKENS,
    "n": ANSWERS,
    "logprobs": True,
    "top_logprobs": ALTERNATIVES,
    "extra_body": {"ignore_eos": True},
}
SOCKET_OPTIONS = [(int(socket.SOL_SOCKET), int(socket.SO_RCVBUF), RECEIVE_BYTES)]
