# Fairlead. `make help` lists the targets.
#
# Each target installs its own dependencies: the Python environment in .venv, everything else
# under $(FAIRLEAD_CACHE), keyed by version.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FAIRLEAD_CACHE ?= $(HOME)/.cache/fairlead
export FAIRLEAD_CACHE

PYTHON := .venv/bin/python
CRD := crds/fairlead.dev_modeldeployments.yaml
CHART_CRD := charts/fairlead/templates/crds/modeldeployments.yaml
PYTEST_ARGS ?=
# A file or folder of tests instead of all: make test T=tests/router/test_pods.py
T ?=
# Each starts its own control plane and engines (up to 5 GB); 0: no workers, for a debugger.
TEST_WORKERS ?= 2
TRACES ?=
TRACE ?=
ARGS ?=
# no: `make demo` makes no cluster.
CLUSTER ?= yes

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2} /^##@ /{printf "\n%s\n", substr($$0, 5)}' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: setup ## A model that answers here, then on a real Kubernetes node (CLUSTER=no: only here; MODEL_DIR=folder)
	CLUSTER="$(CLUSTER)" $(PYTHON) -u -m e2e.demo up

.PHONY: demo-down
demo-down: setup ## Remove everything that `make demo` started
	$(PYTHON) -u -m e2e.demo down

##@ Develop

.PHONY: setup
setup: .venv/.locked ## Create .venv from uv.lock

.venv/.locked: pyproject.toml uv.lock
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Fairlead needs python3 3.11 or newer; this is $$(python3 -V)"; exit 1; }
	python3 -m e2e.cluster venv

.PHONY: dev
dev: setup ## The operator of the working tree on the demo's cluster; without one, `fairlead run` (ARGS="-f model.yaml")
	$(PYTHON) -m e2e.dev $(ARGS)

.PHONY: fmt
fmt: setup ## Format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: check
check: setup ## Format, lint, types, import layers: what the pre-commit hooks run
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.PHONY: generate
generate: setup ## Write the CRD, its copy in the chart, and the reference pages from the models
	$(PYTHON) -m fairlead_operator crd > $(CRD)
	@mkdir -p $(dir $(CHART_CRD))
	$(PYTHON) charts/wrap_crd.py $(CRD) fairlead > $(CHART_CRD)
	$(PYTHON) charts/wrap_crd.py $(CRD) fairlead-crds > charts/fairlead-crds/templates/modeldeployments.yaml
	$(PYTHON) -m fairlead_operator docs modeldeployment > docs/reference/modeldeployment.md
	$(PYTHON) -m fairlead_operator docs reasons > docs/reference/reasons.md
	$(PYTHON) -m fairlead_gateway.contract.reference markdown > docs/reference/parameters.md
	$(PYTHON) docs/make_bounds.py > docs/reference/bounds.md
	$(PYTHON) docs/make_values.py > docs/reference/values.md
	$(PYTHON) charts/make_dashboards.py

.PHONY: verify
verify: generate ## Fail when a generated file differs from its source
	git diff --exit-code -- crds charts docs/reference

##@ Test

.PHONY: unit
unit: setup ## The tests that need neither an engine nor an API server (T=path)
	$(PYTHON) -m pytest $(or $(T),tests) -m "not engine and not apiserver" --numprocesses=$(TEST_WORKERS) --dist=loadfile $(PYTEST_ARGS)

.PHONY: test
test: check prepare-tests ## `make check`, and all tests that need no node: real API server, real vLLM (T=path)
	$(PYTHON) -m pytest $(or $(T),tests) --numprocesses=$(TEST_WORKERS) --dist=loadfile --no-loadscope-reorder --durations=25 $(PYTEST_ARGS)

.PHONY: prepare-tests
prepare-tests: setup ## Build the tests' dependencies: the control plane, vLLM, environments of clients
	$(PYTHON) -u -m tests.support.prepare

.PHONY: e2e
e2e: setup ## The cluster cases, on a separate kind cluster (T=path)
	$(PYTHON) -u -m e2e.cluster prepare
	$(PYTHON) -m pytest $(or $(T),e2e/cases) -v --durations=40 $(PYTEST_ARGS)

##@ Measure

.PHONY: bench-gateway
bench-gateway: setup ## Cost of a request and a chunk: gateway, router, nginx, vllm-router and LiteLLM (ARGS=--quick)
	$(PYTHON) -m tests.benchmarks.gateway $(ARGS)

.PHONY: bench-operator
bench-operator: setup ## Cost of 2,000 models for the operator and the API server (ARGS=--quick: 200)
	$(PYTHON) -m e2e.cluster tools etcd kube-apiserver kube-controller-manager kubectl
	$(PYTHON) -m tests.benchmarks.operator $(ARGS)

.PHONY: sim
sim: setup ## Autoscalers on the same requests: GPU hours at equal attainment (TRACES=folder TRACE=file.csv ARGS=--help)
	$(PYTHON) -m tests.simulator --traces "$(TRACES)" --trace "$(TRACE)" $(ARGS)

.PHONY: sim-calibrate
sim-calibrate: setup ## The simulator's cost of a step, fitted to a real vLLM on CPU, with its error
	$(PYTHON) -m tests.simulator.calibrate $(ARGS)

##@ Build

.PHONY: docs
docs: setup ## Build the documentation as a site: build/site/index.html
	.venv/bin/mkdocs build --strict

.PHONY: images
images: setup ## Build the three images (tags are content hashes)
	$(PYTHON) -m e2e.cluster images --print-env

.PHONY: clean
clean: ## Remove build output in this folder (not the caches)
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
