"""How large the values of parameters may be.

While the engine tokenises a prompt, compiles a schema or copies a list of words, it does nothing for others,
and it goes on when the client has left. Each bound keeps one request below two seconds of that, as measured
with vLLM 0.32 on two CPU cores by tests/benchmarks/engine_stalls. Where the vocabulary is large, others may
wait longer for the compiler if they have a form of their own. Beyond a bound: a 400 that names the parameter.
A deployment moves most of them by `spec.api.limits`.
"""

from __future__ import annotations

# Characters of all texts that become the prompt: messages, tools, documents. They take a tokeniser one to two
# seconds, also where truncate_prompt_tokens leaves few of them.
MAX_PROMPT_CHARACTERS = 1_048_576
# Characters for each token of the context, if that is more. English has about 4.5, source code less.
PROMPT_CHARACTERS_PER_TOKEN = 8
# Images, audio and video of one request. vLLM decodes each into up to 512 MB.
MAX_MEDIA = 128
# Content parts of messages that have no type, such as a string in an array. The engine gets them with one,
# which makes the smallest seven times larger than what counts as the caller's memory. Beyond: 400.
MAX_SHORT_PARTS = 4096
# Characters of all stop strings: vLLM keeps back as much of the answer as the longest one has.
MAX_STOP_CHARACTERS = 16_384
# Characters of all bad words, each of which vLLM tokenises twice; it takes 1,024 tokens of them in all.
MAX_BAD_WORDS_CHARACTERS = 16_384
# Characters and JSON values of a schema, and of whatever else the form of an answer is described by.
MAX_FORM_CHARACTERS = 262_144
MAX_FORM_VALUES = 10_000
# Estimated states of the automaton that a form is compiled to, see `contract.sizes`. They take the compiler a
# second, and up to ten seconds of two cores if all are places for almost any of 131,072 tokens.
MAX_FORM_STATES = 1024
# Levels of objects and arrays in a schema that comes as text, as in vLLM. A body has the same bound.
MAX_FORM_DEPTH = 64
# Levels of rules or references that lead from one to the next. llguidance recurses into them: about 2,600 of
# the smallest overflow a stack of 8 MiB and end the engine's process, so no deployment can raise this.
MAX_FORM_NESTING = 1536
# vLLM sends a copy of the request to its engine for each of the `n` choices. Characters of stop strings, bad
# words and lists of token ids times `n`; a token id counts as eight.
MAX_COPIED_CHARACTERS = 8_388_608
# The same for forms, which llguidance compiles for each choice.
MAX_COPIED_FORM_CHARACTERS = 1_048_576
# Levels that vLLM allows a structural tag around its schemas. Beyond: 400, for one that comes as text.
MAX_TAG_WRAPPER_DEPTH = 16
# Comparisons of schemas and values by which the gateway finds out whether the branches of a `oneOf` exclude
# each other: 50 ms of its event loop. A union of 64 tagged objects takes about 10,000. Beyond: 400, as for
# branches that do not.
MAX_SCHEMA_COMPARISONS = 20_000
# Levels of objects in which a difference between two branches is looked for. Beyond: there is none.
MAX_COMPARED_LEVELS = 8
# References and branches that are followed to find out the types of a schema, which bounds the recursion.
# Beyond: it counts as one of any type, so that a `type` beside them is refused with a 400.
MAX_FOLLOWED_REFERENCES = 64
