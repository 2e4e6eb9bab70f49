"""The chart as helm renders it: rights, schema, CRD, and what an operator pod must look like."""

from __future__ import annotations

import json

import yaml

from fairlead_operator.kube.access import NEEDS, OPTIONAL_NEEDS, OPTIONAL_READS
from fairlead_operator.render.children import render_children
from fairlead_operator.settings import Settings
from tests.chart.support import CHART, ROOT, Helm, Object, Render, named, of_kind
from tests.plan.builders import model


def operator(objects: list[Object]) -> Object:
    """The operator's Deployment."""
    return named(objects, "Deployment", "fairlead-operator")


def environment(objects: list[Object]) -> dict[str, str | None]:
    """The plain environment variables of the operator's container."""
    (container,) = operator(objects)["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def test_helm_lint_passes(helm: Helm) -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_an_unknown_value_is_refused_by_name(helm: Helm) -> None:
    done = helm("template", "fairlead", str(CHART), "--set", "operator.replica=2")
    assert done.returncode != 0
    assert "replica" in done.stderr


def test_the_crd_in_the_chart_equals_the_committed_crd(render: Render) -> None:
    (shipped,) = of_kind(render(), "CustomResourceDefinition")
    source = yaml.safe_load((ROOT / "crds" / "fairlead.dev_modeldeployments.yaml").read_text())
    assert shipped["spec"] == source["spec"]
    assert shipped["metadata"]["name"] == source["metadata"]["name"]


def test_the_crd_is_kept_on_uninstallation_unless_configured_otherwise(render: Render) -> None:
    (kept,) = of_kind(render(), "CustomResourceDefinition")
    (removed,) = of_kind(render("crds.keep=false"), "CustomResourceDefinition")
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "annotations" not in removed["metadata"]


def test_the_crd_can_be_omitted(render: Render) -> None:
    assert not of_kind(render("crds.enabled=false"), "CustomResourceDefinition")


def test_with_configured_namespaces_there_is_no_cluster_wide_right(render: Render) -> None:
    objects = render("watch.namespaces={team-a,team-b}")
    assert not of_kind(objects, "ClusterRole")
    assert not of_kind(objects, "ClusterRoleBinding")
    granted = {role["metadata"]["namespace"] for role in of_kind(objects, "Role")}
    assert granted == {"team-a", "team-b", "fairlead-system"}


def test_no_rbac_rule_has_a_wildcard_or_reads_secrets(render: Render) -> None:
    objects = render() + render("watch.namespaces={team-a}")
    rules = [
        rule for kind in ("Role", "ClusterRole") for role in of_kind(objects, kind) for rule in role["rules"]
    ]
    assert rules
    for rule in rules:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert "secrets" not in rule["resources"]


def granted(role: Object) -> set[tuple[str, str, str]]:
    """The rules of a role as (group, resource, verb)."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operators_role_has_exactly_the_rights_that_it_declares(render: Render) -> None:
    needed = {
        (resource.group, f"{resource.plural}/{part}" if part else resource.plural, verb)
        for resource, part, verbs in (*NEEDS, *OPTIONAL_NEEDS, *OPTIONAL_READS)
        for verb in verbs
    }
    assert granted(named(render(), "ClusterRole", "fairlead-operator")) == needed


def test_the_right_to_list_nodes_is_cluster_wide_and_optional(render: Render) -> None:
    right = ("", "nodes", "list")
    wide, narrow, off = render(), render("watch.namespaces={team-a}"), render("operator.readNodes=false")
    assert right in granted(named(wide, "ClusterRole", "fairlead-operator"))
    assert right not in granted(named(off, "ClusterRole", "fairlead-operator"))
    assert all(right not in granted(role) for role in of_kind(narrow, "Role"))
    given = [environment(objects)["FAIRLEAD_READ_NODES"] for objects in (wide, narrow, off)]
    assert given == ["true", "false", "false"]


def test_the_operator_may_not_write_models(render: Render) -> None:
    role = named(render(), "ClusterRole", "fairlead-operator")
    (models,) = [rule for rule in role["rules"] if "modeldeployments" in rule["resources"]]
    assert sorted(models["verbs"]) == ["get", "list", "watch"]


def test_the_operator_meets_the_restricted_pod_security_standard(render: Render) -> None:
    deployment = operator(render())
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_operator_environment_has_the_admin_port_clients(render: Render) -> None:
    variables = environment(render("networkPolicy.monitoringNamespaces={monitoring,grafana}"))
    assert (variables["FAIRLEAD_NETWORK_POLICY"], variables["FAIRLEAD_MONITORING_NAMESPACES"]) == (
        "true",
        "monitoring,grafana",
    )
    assert environment(render("networkPolicy.enabled=false"))["FAIRLEAD_NETWORK_POLICY"] == "false"


def test_the_network_policies_of_models_select_the_operators_pods(render: Render) -> None:
    deployment = operator(render())
    settings = Settings(
        gateway_image="g", engine_image="e", pod_namespace=deployment["metadata"]["namespace"]
    )
    (policy,) = of_kind(render_children(model(), settings.render).children, "NetworkPolicy")
    (admitted,) = (source for rule in policy["spec"]["ingress"] for source in rule.get("from", ()))
    assert list(admitted["namespaceSelector"]["matchLabels"].values()) == ["fairlead-system"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert admitted["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_chart_sets_only_environment_known_to_the_operator() -> None:
    template = (CHART / "templates" / "deployment.yaml").read_text()
    names = {line.split("name: ")[1].strip() for line in template.splitlines() if "- name: FAIRLEAD_" in line}
    assert names
    assert names <= {f"FAIRLEAD_{name.upper()}" for name in Settings.model_fields}


def test_image_tags_default_to_the_version_of_the_chart(render: Render) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    objects = render()
    (container,) = operator(objects)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"ghcr.io/fairlead-dev/operator:{version}"
    assert environment(objects)["FAIRLEAD_GATEWAY_IMAGE"] == f"ghcr.io/fairlead-dev/gateway:{version}"


def test_every_top_level_value_is_in_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) <= set(schema["properties"])
