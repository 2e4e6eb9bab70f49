"""What `fairlead validate` prints and how it ends."""

from __future__ import annotations

import io

import pytest

from tests.cli.conftest import Run, Write

GOOD = """\
apiVersion: fairlead.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: tiny
spec:
  model:
    source: hf://a/b
"""


def test_validate_finds_a_valid_model_among_other_objects(fairlead: Run, write: Write) -> None:
    file = write(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: hub}}\n---\n{GOOD}---\n")
    assert fairlead("validate", "-f", file) == (
        0,
        "model.yaml:5: document 2 (ModelDeployment tiny): valid\n",
        "",
    )


def test_validate_reports_file_line_document_field_and_remedy(fairlead: Run, write: Write) -> None:
    file = write(f"{GOOD}  replica: 2\n  engine:\n    dtype: bfloat16\n")
    code, out, _ = fairlead("validate", "-f", file)
    assert code == 1
    assert out.splitlines() == [
        "model.yaml:8: document 1 (ModelDeployment tiny): spec.replica: Unknown field; "
        "did you mean replicas?",
        "model.yaml:10: document 1 (ModelDeployment tiny): spec.engine.dtype: Unsupported value: "
        '"bfloat16"; did you mean BFloat16?',
    ]


def test_a_violated_cel_rule_is_reported_with_its_message(fairlead: Run, write: Write) -> None:
    file = write(GOOD.replace("hf://a/b", "pvc://a") + "    revision: main\n")
    _, out, _ = fairlead("validate", "-f", file)
    assert out == (
        "model.yaml:6: document 1 (ModelDeployment tiny): "
        "spec.model.revision is only for hf:// sources; remove it\n"
    )


def test_a_chat_template_error_is_reported_with_its_place(fairlead: Run, write: Write) -> None:
    template = "{% for m in messages %}\n        {{ m.content }"
    file = write(f"{GOOD}  engine:\n    chatTemplate:\n      inline: |\n        {template}\n")
    code, out, _ = fairlead("validate", "-f", file)
    assert (code, out) == (
        1,
        "model.yaml:10: document 1 (ModelDeployment tiny): spec.engine.chatTemplate.inline is not a valid "
        "Jinja template: line 2, column 14: unexpected '}'\n",
    )


def test_validate_checks_parameters_against_the_dialect(fairlead: Run, write: Write) -> None:
    file = write(f"{GOOD}  api:\n    defaults:\n      temprature: 1\n")
    code, out, _ = fairlead("validate", "-f", file)
    assert (code, out) == (
        1,
        "model.yaml:10: document 1 (ModelDeployment tiny): spec.api.defaults.temprature: "
        "there is no such parameter; did you mean temperature?\n",
    )


def test_another_api_version_or_kind_is_refused(fairlead: Run, write: Write) -> None:
    code, out, _ = fairlead("validate", "-f", write(GOOD.replace("v1alpha1", "v1")))
    assert code == 1
    assert "apiVersion must be fairlead.dev/v1alpha1 and kind ModelDeployment" in out


def test_a_model_without_a_name_is_refused(fairlead: Run, write: Write) -> None:
    code, out, _ = fairlead("validate", "-f", write(GOOD.replace("  name: tiny", "  labels: {}")))
    assert code == 1
    assert "metadata.name: Required value; give the model a name" in out


def test_the_items_of_a_list_are_validated_as_documents(fairlead: Run, write: Write) -> None:
    inner = "".join(f"  {line}\n" for line in GOOD.splitlines()).replace("  apiVersion", "- apiVersion", 1)
    code, out, _ = fairlead("validate", "-f", write(f"apiVersion: v1\nkind: List\nitems:\n{inner}"))
    assert (code, out) == (0, "model.yaml:4: document 1 (ModelDeployment tiny): valid\n")


def test_validate_reads_standard_input(fairlead: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    assert fairlead("validate", "-f", "-")[:2] == (
        0,
        "<stdin>:1: document 1 (ModelDeployment tiny): valid\n",
    )


def test_validate_reports_several_files_by_name(fairlead: Run, write: Write) -> None:
    good, bad = write(GOOD), write(GOOD.replace("hf://a/b", "a/b"), "bad.yaml")
    code, out, _ = fairlead("validate", "-f", good, "-f", bad)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == ["model.yaml", "bad.yaml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", "model.yaml:2: not YAML: expected ',' or ']'"),
        ("a: 1\na: 2\n", "model.yaml:2: not YAML: the key 'a' occurs twice"),
        (
            "kind: Secret\nmetadata: {name: hub}\n",
            "there is no ModelDeployment in model.yaml, only Secret hub",
        ),
        ("", "there is no ModelDeployment in model.yaml"),
    ],
)
def test_input_that_cannot_be_checked_gives_exit_code_2(
    fairlead: Run, write: Write, text: str, words: str
) -> None:
    code, out, err = fairlead("validate", "-f", write(text))
    assert (code, out) == (2, "")
    assert err.startswith(words)


def test_an_unreadable_file_gives_exit_code_2(fairlead: Run, write: Write) -> None:
    write(GOOD)
    assert fairlead("validate", "-f", "none.yaml") == (2, "", "none.yaml: No such file or directory\n")
    assert fairlead("validate", "-f", ".") == (2, "", ".: is a directory; name the files in it\n")


def test_a_yaml_date_is_read_as_a_string_as_in_kubernetes(fairlead: Run, write: Write) -> None:
    code, _, _ = fairlead("validate", "-f", write(f"{GOOD}    servedName: 2026-01-01\n"))
    assert code == 0


def test_a_pod_template_that_the_operator_refuses_is_reported(fairlead: Run, write: Write) -> None:
    taken = "  podTemplate:\n    status: {}\n"
    code, out, _ = fairlead("validate", "-f", write(GOOD + taken))
    assert code == 1
    assert out.startswith("model.yaml:8: document 1 (ModelDeployment tiny): spec.podTemplate")


@pytest.mark.parametrize(
    ("given", "line", "words"),
    [
        (
            "podTemplate: {metadata: {labels: {cost-centre: 42}}}",
            8,
            "spec.podTemplate.metadata.labels.cost-centre: Invalid value: 42: must be a string; "
            "put quotes around it",
        ),
        (
            "podTemplate:\n    spec:\n      containers:\n      - name: vllm\n        env:\n"
            "        - {name: A, value: 1}",
            13,
            "spec.podTemplate.spec.containers[0].env[0].value: Invalid value: 1: must be a string; "
            "put quotes around it",
        ),
        (
            "podTemplate:\n    spec:\n      nodeselector: {}",
            10,
            "spec.podTemplate.spec.nodeselector: Unknown field; did you mean nodeSelector?",
        ),
        (
            "scheduling:\n    affinity:\n      nodeAfinity: {}",
            10,
            "spec.scheduling.affinity.nodeAfinity: Unknown field; did you mean nodeAffinity?",
        ),
        (
            "podTemplate:\n    spec:\n      volumes:\n      - name: a\n        persistantVolumeClaim: {}",
            12,
            "spec.podTemplate.spec.volumes[0].persistantVolumeClaim: Unknown field; did you mean "
            "persistentVolumeClaim?",
        ),
    ],
)
def test_pod_fields_that_the_api_server_would_refuse_are_named(
    fairlead: Run, write: Write, given: str, line: int, words: str
) -> None:
    code, out, _ = fairlead("validate", "-f", write(f"{GOOD}  {given}\n"))
    assert (code, out) == (1, f"model.yaml:{line}: document 1 (ModelDeployment tiny): {words}\n")


def test_a_field_that_may_be_newer_than_the_schema_is_a_warning(fairlead: Run, write: Write) -> None:
    code, out, _ = fairlead("validate", "-f", write(f"{GOOD}  podTemplate: {{spec: {{frobnication: 1}}}}\n"))
    warning, scheduled = out.splitlines()
    assert code == 0
    assert warning.startswith(
        "model.yaml:8: document 1 (ModelDeployment tiny): warning: spec.podTemplate.spec.frobnication: "
        "Unknown field"
    )
    assert scheduled.endswith(": valid")
