"""What an administrator may change by values: names, images, added parts, security contexts, size."""

from __future__ import annotations

import json
import runpy

import pytest
import yaml

from tests.chart.support import CHART, ROOT, Helm, Object, Render, named, of_kind, rendered

PAGE = runpy.run_path(str(ROOT / "docs" / "make_values.py"))
DIGEST = f"sha256:{'a' * 64}"
WORKLOADS = ("operator", "router")


def containers(objects: list[Object]) -> dict[str, Object]:
    """The first container of each Deployment, by the Deployment's name."""
    return {item["metadata"]["name"]: pod(item)["containers"][0] for item in of_kind(objects, "Deployment")}


def pod(workload: Object) -> Object:
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def variables(container: Object) -> dict[str, str]:
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def images(objects: list[Object]) -> list[str]:
    """The images of operator, gateway and engine, and that of the router."""
    found = containers(objects)
    given = variables(found["fairlead-operator"])
    return [
        found["fairlead-operator"]["image"],
        given["FAIRLEAD_GATEWAY_IMAGE"],
        given["FAIRLEAD_ENGINE_IMAGE"],
        found["fairlead-router"]["image"],
    ]


def refusal(helm: Helm, *values: str) -> str:
    """The chart's words about values that it refuses."""
    done = helm("template", "fairlead", str(CHART), *(part for value in values for part in ("--set", value)))
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ((), "fairlead"),
        (("nameOverride=models",), "fairlead-models"),
        (("fullnameOverride=serving",), "serving"),
        (("fullnameOverride=serving", "nameOverride=models"), "serving"),
    ],
)
def test_the_names_of_all_objects_start_with_the_configured_name(
    render: Render, values: tuple[str, ...], start: str
) -> None:
    objects = [item for item in render(*values) if item["kind"] != "CustomResourceDefinition"]
    assert objects
    assert all(item["metadata"]["name"].startswith(f"{start}-") for item in objects)
    deployments = {item["metadata"]["name"] for item in of_kind(objects, "Deployment")}
    assert deployments == {f"{start}-operator", f"{start}-router"}


def test_the_operator_polls_exactly_the_routers_of_its_own_release(render: Render) -> None:
    objects = render()
    selector = variables(containers(objects)["fairlead-operator"])["FAIRLEAD_ROUTER_SELECTOR"]
    wanted = dict(part.split("=") for part in selector.split(","))
    labels = named(objects, "Deployment", "fairlead-router")["spec"]["template"]["metadata"]["labels"]
    assert wanted.items() <= labels.items()
    assert wanted.keys() >= {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


def test_a_global_registry_replaces_that_of_every_image(render: Render) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    mirrored = render("global.imageRegistry=mirror.example:5000/cache", "engine.image=ghcr.io/vllm/vllm:v1")
    gateway = f"mirror.example:5000/cache/fairlead-dev/gateway:{version}"
    assert images(mirrored) == [
        f"mirror.example:5000/cache/fairlead-dev/operator:{version}",
        gateway,
        "mirror.example:5000/cache/vllm/vllm:v1",
        gateway,
    ]
    (question,) = of_kind(mirrored, "Pod")
    assert question["spec"]["containers"][0]["image"] == gateway


def test_an_image_has_its_own_registry_and_a_digest_in_place_of_the_tag(render: Render) -> None:
    values = [f"{part}.image.{key}" for part in ("operator", "gateway") for key in (f"digest={DIGEST}",)]
    operator, gateway, _, router = images(
        render(
            *values,
            "operator.image.registry=r.example",
            "operator.image.repository=fairlead/operator",
            "gateway.image.tag=ignored",
        )
    )
    assert operator == f"r.example/fairlead/operator@{DIGEST}"
    assert gateway == router == f"ghcr.io/fairlead-dev/gateway@{DIGEST}"


def test_a_malformed_digest_is_refused_by_name(helm: Helm) -> None:
    assert "/operator/image/digest" in refusal(helm, "operator.image.digest=latest").replace(".", "/")


def test_pull_secrets_reach_all_pods_of_the_chart(render: Render) -> None:
    objects = render("global.imagePullSecrets={shared}", "imagePullSecrets={own,shared}")
    pods = [*map(pod, of_kind(objects, "Deployment")), *(item["spec"] for item in of_kind(objects, "Pod"))]
    assert len(pods) == 3
    assert all(item["imagePullSecrets"] == [{"name": "shared"}, {"name": "own"}] for item in pods)


def test_pull_secrets_of_models_reach_their_pods(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = rendered(monkeypatch, render("models.imagePullSecrets={registry,mirror}")).workload
    assert pod(workload)["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
    assert "imagePullSecrets" not in pod(rendered(monkeypatch, render()).workload)


@pytest.mark.parametrize("part", WORKLOADS)
def test_parts_of_the_pod_can_be_added(render: Render, part: str) -> None:
    added: Object = {
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        "extraArgs": ["--more"],
        "topologySpreadConstraints": [
            {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
    }
    objects = render(f"{part}={json.dumps(added)}", option="--set-json")
    spec = pod(named(objects, "Deployment", f"fairlead-{part}"))
    (container,) = spec["containers"]
    assert added["extraEnv"][0] in container["env"]
    assert added["extraVolumes"][0] in spec["volumes"]
    assert added["extraVolumeMounts"][0] in container["volumeMounts"]
    assert container["args"][1:] == added["extraArgs"]
    assert spec["topologySpreadConstraints"] == added["topologySpreadConstraints"]


@pytest.mark.parametrize("part", WORKLOADS)
def test_security_contexts_can_be_replaced(render: Render, part: str) -> None:
    pods, own = {"runAsUser": 1000}, {"readOnlyRootFilesystem": False}
    given = json.dumps({"podSecurityContext": pods, "containerSecurityContext": own})
    spec = pod(named(render(f"{part}={given}", option="--set-json"), "Deployment", f"fairlead-{part}"))
    assert spec["securityContext"] == pods
    assert spec["containers"][0]["securityContext"] == own


def test_with_openshift_pods_of_models_name_no_user(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    context = pod(rendered(monkeypatch, render("openshift.enabled=true")).workload)["securityContext"]
    assert not context.keys() & {"runAsUser", "runAsGroup", "fsGroup"}


def test_objects_can_be_added_as_templates(render: Render) -> None:
    extra = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}]
    (found,) = of_kind(render(f"extraObjects={json.dumps(extra)}", option="--set-json"), "ConfigMap")
    assert found["metadata"]["name"] == "fairlead-more"


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_more_than_one_operator_has_a_disruption_budget(render: Render, replicas: int, budgets: int) -> None:
    objects = render(f"operator.replicas={replicas}", "router.replicas=1")
    found = of_kind(objects, "PodDisruptionBudget")
    assert len(found) == budgets
    labels = named(objects, "Deployment", "fairlead-operator")["spec"]["template"]["metadata"]["labels"]
    assert all(item["spec"]["selector"]["matchLabels"].items() <= labels.items() for item in found)


def test_an_autoscaled_router_leaves_its_replicas_to_the_autoscaler(render: Render) -> None:
    values = ("enabled=true", "minReplicas=3", "maxReplicas=5", "targetCPU=300m")
    objects = render(*(f"router.autoscaling.{value}" for value in values), "router.replicas=1")
    (autoscaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    assert "replicas" not in named(objects, "Deployment", "fairlead-router")["spec"]
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == "fairlead-router"
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (3, 5)
    assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageValue"] == "300m"
    (budget,) = of_kind(objects, "PodDisruptionBudget")
    assert budget["metadata"]["name"] == "fairlead-router"


def test_options_of_a_load_balancer_reach_the_routers_service(render: Render) -> None:
    options = {
        "type": "LoadBalancer",
        "loadBalancerClass": "example.com/lb",
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local",
    }
    given = {"router": {"service": {**options, "nodePort": 30080, "labels": {"team": "a"}}}}
    service = named(
        render(f"router={json.dumps(given['router'])}", option="--set-json"), "Service", "fairlead-router"
    )
    assert options.items() <= service["spec"].items()
    assert service["spec"]["ports"][0]["nodePort"] == 30080
    assert service["metadata"]["labels"]["team"] == "a"


@pytest.mark.parametrize(
    "section", ["operator", "gateway", "engine", "watch", "crds", "serviceAccount", "metrics"]
)
def test_a_section_that_is_null_is_refused_by_name(helm: Helm, section: str) -> None:
    assert section in refusal(helm, f"{section}=null")


@pytest.mark.parametrize(
    ("section", "part"), [("operator", "image"), ("gateway", "image"), ("router", "service")]
)
def test_a_part_of_a_section_that_is_null_is_refused_by_name(helm: Helm, section: str, part: str) -> None:
    assert f"at '/{section}': missing property '{part}'" in refusal(helm, f"{section}.{part}=null")


def test_an_ingress_exposes_the_api_of_the_router(render: Render) -> None:
    ingress = {"enabled": True, "className": "nginx", "hosts": ["m.example"], "tlsSecret": "cert"}
    objects = render(f"router.ingress={json.dumps(ingress)}", option="--set-json")
    (found,) = of_kind(objects, "Ingress")
    (rule,) = found["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = named(objects, "Service", path["backend"]["service"]["name"])
    assert (found["spec"]["ingressClassName"], rule["host"], path["path"]) == ("nginx", "m.example", "/v1/")
    assert found["spec"]["tls"] == [{"hosts": ["m.example"], "secretName": "cert"}]
    assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_an_http_route_exposes_the_api_without_time_limits(render: Render) -> None:
    route = {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["m.example"]}
    objects = render(f"router.httpRoute={json.dumps(route)}", option="--set-json")
    (found,) = of_kind(objects, "HTTPRoute")
    (rule,) = found["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    service = named(objects, "Service", backend["name"])
    assert (found["spec"]["parentRefs"], found["spec"]["hostnames"]) == ([{"name": "public"}], ["m.example"])
    assert set(rule["timeouts"].values()) == {"0s"}
    assert backend["port"] in {port["port"] for port in service["spec"]["ports"]}


@pytest.mark.parametrize(
    ("kind", "field"), [("ingress", "router.ingress.hosts"), ("httpRoute", "router.httpRoute.parentRefs")]
)
def test_an_exposure_without_its_target_is_refused_by_name(helm: Helm, kind: str, field: str) -> None:
    assert field in refusal(helm, f"router.{kind}.enabled=true")


def test_values_of_the_first_release_still_render(helm: Helm) -> None:
    """As with `helm upgrade --reuse-values`, which has none of the sections that were added since."""
    first = {"operator", "gateway", "engine", "imagePullPolicy", "imagePullSecrets", "watch", "crds"}
    first |= {"serviceAccount", "metrics"}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    nulls = [part for name in values.keys() - first for part in ("--set", f"{name}=null")]
    done = helm("template", "fairlead", str(CHART), *nulls)
    assert done.returncode == 0, done.stderr


def test_every_text_and_number_of_the_values_is_somewhere_in_the_objects(render: Render) -> None:
    texts, numbers = {}, {}
    for place, (path, default) in enumerate(leaves(yaml.safe_load((CHART / "values.yaml").read_text()))):
        if path in _OWN_SAMPLES or path in _ONLY_WITH_ANOTHER_VALUE:
            continue
        if isinstance(default, str):
            texts[path] = f"sample-{place}"
        elif isinstance(default, int) and not isinstance(default, bool):
            numbers[path] = 7000 + place
    given = [f"{path}={json.dumps(value)}" for path, value in {**texts, **numbers}.items()]
    found = json.dumps(render(*given, "openshift.enabled=false", option="--set-json"))
    assert [path for path, value in {**texts, **numbers}.items() if str(value) not in found] == []


def test_every_switch_and_choice_of_the_values_changes_the_objects(render: Render) -> None:
    values = leaves(yaml.safe_load((CHART / "values.yaml").read_text()))
    switches = {
        path: not default
        for path, default in values
        if isinstance(default, bool) and path not in _ONLY_WITH_ANOTHER_VALUE
    }
    before = render()
    changed = {
        path: render(f"{path}={json.dumps(value)}", option="--set-json") != before
        for path, value in {**switches, **_OWN_SAMPLES}.items()
    }
    assert [path for path, differs in changed.items() if not differs] == []


_OWN_SAMPLES = {
    **{f"{part}.image.digest": DIGEST for part in ("operator", "gateway")},
    **{f"{part}.service.ipFamilyPolicy": "SingleStack" for part in ("router", "models")},
    "operator.logLevel": "DEBUG",
    "router.logLevel": "debug",
    "router.service.type": "NodePort",
    "router.service.externalTrafficPolicy": "Local",
    "router.service.nodePort": 30080,
    "imagePullPolicy": "Always",
    "requestLog.mode": "All",
    "tracing.endpoint": "http://collector:4318",
}
_ONLY_WITH_ANOTHER_VALUE = {
    # Not installed by default, and the switch alone is refused.
    *("router.ingress.enabled", "router.ingress.className", "router.ingress.tlsSecret"),
    "router.httpRoute.enabled",
    # Replaced by fullnameOverride and by digests.
    "nameOverride",
    "operator.image.tag",
    "gateway.image.tag",
    "helmTest.apiKeySecretKey",
    *(f"router.autoscaling.{name}" for name in ("minReplicas", "maxReplicas", "targetCPU")),
    # tests/chart/test_requests.py sets it.
    "tracing.samplingPercent",
    # tests/chart/test_exposure.py sets them.
    *("router.cors.allowCredentials", "router.cors.maxAgeSeconds"),
    # tests/monitoring/test_chart.py sets them.
    *(f"monitoring.{name}" for name in ("interval", "scrapeTimeout", "rules.runbookUrl")),
    *(f"monitoring.dashboards.{name}" for name in ("namespace", "labels.grafana_dashboard")),
}


def leaves(values: Object, path: str = "") -> list[tuple[str, object]]:
    """The values that are no maps, by path."""
    found: list[tuple[str, object]] = []
    for key, value in values.items():
        name = f"{path}{key}"
        found += leaves(value, f"{name}.") if isinstance(value, dict) and value else [(name, value)]
    return found


def test_the_values_page_is_that_of_the_charts_values() -> None:
    assert (ROOT / "docs" / "reference" / "values.md").read_text() == PAGE["page"]()


def test_a_value_without_a_comment_is_an_error_of_the_page() -> None:
    with pytest.raises(ValueError, match=r"a\.b has no comment"):
        list(PAGE["rows"]("a:\n  b: 1\n"))


def test_every_value_has_a_row_in_the_values_page() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    documented = {path for path, _, _ in PAGE["rows"]((CHART / "values.yaml").read_text())}
    for path, _ in leaves(values):
        # A map that is written in one line is one value.
        assert any(path == name or path.startswith(f"{name}.") for name in documented), path


def test_the_crd_chart_has_the_same_crd(helm: Helm) -> None:
    done = helm("template", "crds", str(CHART.parent / "fairlead-crds"))
    assert done.returncode == 0, done.stderr
    shipped = yaml.safe_load(done.stdout)
    source = yaml.safe_load((ROOT / "crds" / "fairlead.dev_modeldeployments.yaml").read_text())
    assert shipped["spec"] == source["spec"]
    assert shipped["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_both_charts_have_one_version() -> None:
    charts = [
        yaml.safe_load((CHART.parent / name / "Chart.yaml").read_text())
        for name in ("fairlead", "fairlead-crds")
    ]
    assert charts[0]["version"] == charts[1]["version"]
    assert charts[0]["appVersion"] == charts[1]["appVersion"]
