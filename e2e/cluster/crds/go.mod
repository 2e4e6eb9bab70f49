// Modules of which only files are read, never code: the CustomResourceDefinitions of other projects.
module fairlead.dev/e2e/crds

go 1.24.0

require sigs.k8s.io/lws v0.7.0
