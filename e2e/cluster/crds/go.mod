// Modules of which only files are read, never code: the CustomResourceDefinitions of other projects.
module fairlead.dev/e2e/crds

go 1.24.0

require (
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/lws v0.7.0
)
