"""The bounds on what the launcher reads and waits for: the engine's log and its answers, the files of a
model, and the answers of the gateway.

What the engine's log says reaches the pod's status by the termination message and the state file, so that
their texts are bounded, too.
"""

from __future__ import annotations

# The engine's log ------------------------------------------------------------------------------------------

# A cause is at most this many lines above the end; a long life's older lines are not kept.
KEPT_LINES = 4000
# What one read of the engine's log takes at most.
READ_BYTES = 1 << 16
# Lines of one exception's text that are kept: the longest that was seen to help has six. Beyond: left out.
MESSAGE_LINES = 8
# The text of a cause. Beyond: cut.
MESSAGE_CHARS = 800
# One line of progress, and a list in the text of a cause. Beyond: cut.
DETAIL_CHARS = 160
# Kubernetes keeps this much of a termination message. Beyond: its text is cut.
TERMINATION_BYTES = 4096

# The files of a model --------------------------------------------------------------------------------------

# config.json, tokenizer_config.json and a file with a chat template. The largest that are in use have 10 MB,
# for lists of added tokens. Beyond: no parser is inferred.
MODEL_FILE_BYTES = 16 << 20
# tokenizer.json, which is searched for tokens. That of a vocabulary of 256,000 has 34 MB. Beyond: a parser
# that needs a certain token is not inferred.
TOKENIZER_BYTES = 64 << 20

# The engine's start and end --------------------------------------------------------------------------------

# How often a starting engine's health is checked, and how long one answer may take.
HEALTH_PERIOD_SECONDS = 0.2
HEALTH_SECONDS = 5.0
# How long the first prompt may take. vLLM itself gives up after 30 s. Beyond: the engine counts as ready.
FIRST_PROMPT_SECONDS = 60.0
# An answer about the first prompt: a few tokens or an error. Beyond: cut.
ENGINE_ANSWER_BYTES = 64 << 10
# vLLM ignores SIGTERM while it loads, and would keep its accelerator until the end of the pod's grace period.
# It has nothing to finish. Beyond: it is killed.
START_PATIENCE_SECONDS = 5

# The preStop hooks -----------------------------------------------------------------------------------------

# How often a worker polls its leader, and how long one request may take.
POLL_PAUSE_SECONDS = 1.0
POLL_SECONDS = 5.0
# A leader that cannot be reached for so long is gone. A gateway that starts again is back before that.
LEADER_GONE_SECONDS = 15.0
# The gateway's answers have a few hundred bytes. Beyond: cut.
GATEWAY_ANSWER_BYTES = 1 << 20
