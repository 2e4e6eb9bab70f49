// A driver of pretended GPUs for Dynamic Resource Allocation: the real scheduler allocates them and the real
// kubelet prepares them, so that what Fairlead asks for is proven on a machine without any accelerator.
//
// It publishes the devices that the variable DEVICES names on the node NODE_NAME. A container that gets a
// device sees it as an environment variable, by CDI, as it would see a GPU's device files.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/dynamic-resource-allocation/kubeletplugin"
	"k8s.io/dynamic-resource-allocation/resourceslice"
)

// driverName is the driver's name in ResourceSlices and in CEL: device.driver == "gpu.fairlead.test".
const driverName = "gpu.fairlead.test"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, cancel); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the kubelet until the context ends.
func run(ctx context.Context, cancel context.CancelFunc) error {
	node := os.Getenv("NODE_NAME")
	var devices []device
	if err := json.Unmarshal([]byte(os.Getenv("DEVICES")), &devices); err != nil {
		return fmt.Errorf("variable DEVICES: %w", err)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	helper, err := kubeletplugin.Start(ctx, &plugin{devices: byName(devices), stop: cancel},
		kubeletplugin.DriverName(driverName),
		kubeletplugin.NodeName(node),
		kubeletplugin.KubeClient(client),
	)
	if err != nil {
		return err
	}
	defer helper.Stop()
	slice := resourceslice.Slice{Devices: published(devices)}
	pool := resourceslice.Pool{Slices: []resourceslice.Slice{slice}}
	resources := resourceslice.DriverResources{Pools: map[string]resourceslice.Pool{node: pool}}
	if err := helper.PublishResources(ctx, resources); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// HandleError logs what goes wrong in the background, and ends the driver where a retry would not help.
func (p *plugin) HandleError(ctx context.Context, err error, message string) {
	runtime.HandleErrorWithContext(ctx, err, message)
	if !errors.Is(err, kubeletplugin.ErrRecoverable) {
		p.stop()
	}
}
