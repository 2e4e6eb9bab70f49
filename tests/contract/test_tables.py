"""The tables are complete: the lists of names here were read off the providers' documents."""

from __future__ import annotations

import pytest

from fairlead_contract.dialects import DIALECTS, Dialect, Documented, ProviderDocument
from fairlead_contract.parameters import PARAMETERS, ApiKind, Handling
from fairlead_contract.values import ABSENT

IG1_SAMPLING = """stream temperature top_p max_tokens use_beam_search top_k min_p repetition_penalty
length_penalty stop_token_ids include_stop_str_in_output ignore_eos min_tokens skip_special_tokens
spaces_between_special_tokens truncate_prompt_tokens prompt_logprobs allowed_token_ids bad_words"""

IO = """model messages reasoning_content frequency_penalty logit_bias logprobs top_logprobs max_tokens
max_completion_tokens n presence_penalty response_format seed stop stream stream_options temperature top_p
tools tool_choice parallel_tool_calls user best_of use_beam_search top_k min_p repetition_penalty
length_penalty stop_token_ids include_stop_str_in_output ignore_eos min_tokens skip_special_tokens
spaces_between_special_tokens truncate_prompt_tokens prompt_logprobs echo add_generation_prompt
continue_final_message add_special_tokens documents chat_template chat_template_kwargs guided_json
guided_regex guided_choice guided_grammar guided_decoding_backend guided_whitespace_pattern priority
request_id"""

POLARGRID = """model messages max_tokens temperature top_p top_k frequency_penalty presence_penalty stop
stream user"""

# The document shows a name for rag_params, tools, stop, logit_bias, messages; OpenAI's stand for the others.
RAG = """model rag_params tools tool_choice temperature top_p stream max_tokens stop presence_penalty
frequency_penalty logit_bias chat_id messages max_completion_tokens n user"""

DOCUMENTED = {
    ("IG1", ApiKind.CHAT): f"model messages {IG1_SAMPLING}",
    ("IG1", ApiKind.RESPONSES): f"model input {IG1_SAMPLING}",
    ("IOIntelligence", ApiKind.CHAT): IO,
    ("PolarGrid", ApiKind.CHAT): POLARGRID,
    ("RAG", ApiKind.CHAT): RAG,
}

DEFAULTS = {
    "IG1": {},
    "PolarGrid": {
        "max_tokens": 150,
        "temperature": 0.7,
        "top_p": 0.9,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "stream": False,
    },
    "RAG": {
        "model": "",
        "temperature": 0.2,
        "top_p": 0.6,
        "stream": False,
        "max_tokens": 2048,
        "max_completion_tokens": 2048,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "chat_id": "",
        "n": 1,
    },
    "IOIntelligence": {
        "reasoning_content": False,
        "frequency_penalty": 0,
        "logprobs": False,
        "n": 1,
        "presence_penalty": 0,
        "stream": False,
        "temperature": 0.7,
        "top_p": 1,
        "parallel_tool_calls": False,
        "use_beam_search": False,
        "top_k": -1,
        "min_p": 0,
        "repetition_penalty": 1,
        "length_penalty": 1,
        "include_stop_str_in_output": False,
        "ignore_eos": False,
        "min_tokens": 0,
        "skip_special_tokens": True,
        "spaces_between_special_tokens": True,
        "echo": False,
        "add_generation_prompt": True,
        "continue_final_message": False,
        "add_special_tokens": False,
        "priority": 0,
    },
}

ENTRIES = [
    (dialect, document, entry)
    for dialect in DIALECTS.values()
    for document in dialect.documents
    for entry in document.parameters
]


def document(dialect: str, api: ApiKind) -> ProviderDocument:
    return next(found for found in DIALECTS[dialect].documents if found.api is api)


def test_every_documented_api_has_a_dialect() -> None:
    assert list(DIALECTS) == ["OpenAI", "IG1", "IOIntelligence", "PolarGrid", "RAG"]


@pytest.mark.parametrize(("dialect", "api"), DOCUMENTED)
def test_a_dialect_table_has_the_parameters_of_its_document_in_order(dialect: str, api: ApiKind) -> None:
    names = [entry.name for entry in document(dialect, api).parameters]

    assert names == DOCUMENTED[dialect, api].split()


@pytest.mark.parametrize("dialect", DEFAULTS)
def test_a_dialect_table_has_the_defaults_of_its_document(dialect: str) -> None:
    entries = document(dialect, ApiKind.CHAT).parameters

    assert {e.name: e.default for e in entries if e.default is not ABSENT} == DEFAULTS[dialect]


@pytest.mark.parametrize(("dialect", "api", "entry"), [(d.name, doc.api, e) for d, doc, e in ENTRIES])
def test_a_documented_parameter_is_in_the_catalogue_with_its_default_in_range(
    dialect: str, api: ApiKind, entry: Documented
) -> None:
    parameter = PARAMETERS[api][entry.name]

    assert parameter.description
    assert entry.default is ABSENT or (entry.value or parameter.value).accepts(entry.default)


@pytest.mark.parametrize("api", ApiKind)
def test_every_refused_parameter_has_a_remedy(api: ApiKind) -> None:
    refused = [p for p in PARAMETERS[api].values() if p.handling is Handling.REFUSED]

    assert refused
    assert all(parameter.remedy for parameter in refused)


def test_a_name_for_the_same_thing_is_that_of_a_parameter() -> None:
    names = {row.same_as for table in PARAMETERS.values() for row in table.values()} - {""}

    assert names == {"max_tokens", "messages", "response_format"}
    assert names <= PARAMETERS[ApiKind.CHAT].keys()


def test_a_path_in_the_responses_api_begins_with_one_of_its_parameters() -> None:
    paths = [row.path_in_responses for row in PARAMETERS[ApiKind.CHAT].values() if row.path_in_responses]

    assert paths
    assert {path.partition(".")[0] for path in paths} <= PARAMETERS[ApiKind.RESPONSES].keys()


def test_only_a_row_of_the_responses_api_has_a_value_for_a_response() -> None:
    rows = {id(row): row for table in PARAMETERS.values() for row in table.values()}.values()

    assert [
        row.name for row in rows if row.response_default is not ABSENT and ApiKind.RESPONSES not in row.apis
    ] == []


def test_only_io_intelligence_has_a_path_of_its_own() -> None:
    own = {name: dict(dialect.paths) for name, dialect in DIALECTS.items() if dialect.paths}

    assert own == {"IOIntelligence": {"/api/v1/chat/completions": ApiKind.CHAT}}


def test_the_rag_dialect_names_user_and_project_in_the_log() -> None:
    assert DIALECTS["RAG"].log_headers == ("x-user-id", "x-project-id")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_no_document_lists_a_parameter_twice(dialect: Dialect) -> None:
    for found in dialect.documents:
        names = [entry.name for entry in found.parameters]
        assert len(names) == len(set(names))
