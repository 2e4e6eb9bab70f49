// krew, kubectl's plugin manager, of the version that go.mod names.
package main

import "sigs.k8s.io/krew/cmd/krew/cmd"

func main() {
	cmd.Execute()
}
