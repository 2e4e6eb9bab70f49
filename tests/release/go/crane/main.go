// A registry of OCI artefacts (`registry serve`) and its client, of the version that go.mod names.
package main

import (
	"os"

	"github.com/google/go-containerregistry/cmd/crane/cmd"
)

func main() {
	if err := cmd.New("crane", "OCI registries", nil).Execute(); err != nil {
		os.Exit(1)
	}
}
