package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/dynamic-resource-allocation/kubeletplugin"
	cdi "tags.cncf.io/container-device-interface/specs-go"
)

// cdiFolder is where containerd and CRI-O look for devices that come and go.
const cdiFolder = "/var/run/cdi"

// cdiKind is the vendor and class of a device's full name for the container runtime.
const cdiKind = "fairlead.test/gpu"

// device is one pretended GPU.
type device struct {
	Name   string            `json:"name"`
	Model  string            `json:"model"`
	Memory resource.Quantity `json:"memory"`
}

// plugin answers the kubelet's calls. It keeps nothing but files, so it may restart at any time.
type plugin struct {
	devices map[string]device
	stop    context.CancelFunc
}

func byName(devices []device) map[string]device {
	named := make(map[string]device, len(devices))
	for _, one := range devices {
		named[one.Name] = one
	}
	return named
}

// published is how the devices appear in a ResourceSlice.
func published(devices []device) []resourceapi.Device {
	entries := make([]resourceapi.Device, 0, len(devices))
	for _, one := range devices {
		entries = append(entries, resourceapi.Device{
			Name:       one.Name,
			Attributes: map[resourceapi.QualifiedName]resourceapi.DeviceAttribute{"model": {StringValue: &one.Model}},
			Capacity:   map[resourceapi.QualifiedName]resourceapi.DeviceCapacity{"memory": {Value: one.Memory}},
		})
	}
	return entries
}

// PrepareResourceClaims describes the devices of each claim to the container runtime.
func (p *plugin) PrepareResourceClaims(
	_ context.Context, claims []*resourceapi.ResourceClaim,
) (map[types.UID]kubeletplugin.PrepareResult, error) {
	results := make(map[types.UID]kubeletplugin.PrepareResult, len(claims))
	for _, claim := range claims {
		devices, err := p.prepare(claim)
		results[claim.UID] = kubeletplugin.PrepareResult{Devices: devices, Err: err}
	}
	return results, nil
}

// UnprepareResourceClaims removes the descriptions. One that is gone already is no error.
func (p *plugin) UnprepareResourceClaims(
	_ context.Context, claims []kubeletplugin.NamespacedObject,
) (map[types.UID]error, error) {
	results := make(map[types.UID]error, len(claims))
	for _, claim := range claims {
		err := os.Remove(cdiFile(claim.UID))
		if os.IsNotExist(err) {
			err = nil
		}
		results[claim.UID] = err
	}
	return results, nil
}

func (p *plugin) prepare(claim *resourceapi.ResourceClaim) ([]kubeletplugin.Device, error) {
	spec := cdi.Spec{Version: "0.6.0", Kind: cdiKind}
	var prepared []kubeletplugin.Device
	for _, result := range claim.Status.Allocation.Devices.Results {
		if result.Driver != driverName {
			continue
		}
		known, found := p.devices[result.Device]
		if !found {
			return nil, fmt.Errorf("there is no device %s in pool %s", result.Device, result.Pool)
		}
		// A name is never used for another claim: runtimes may cache what it stands for.
		name := fmt.Sprintf("%s-%s", claim.UID, result.Device)
		spec.Devices = append(spec.Devices, cdi.Device{
			Name:           name,
			ContainerEdits: cdi.ContainerEdits{Env: []string{variable(known)}},
		})
		prepared = append(prepared, kubeletplugin.Device{
			Requests:     []string{result.Request},
			PoolName:     result.Pool,
			DeviceName:   result.Device,
			CDIDeviceIDs: []string{fmt.Sprintf("%s=%s", cdiKind, name)},
		})
	}
	return prepared, write(cdiFile(claim.UID), spec)
}

// variable is the device as its container sees it, for example FAIRLEAD_TEST_GPU_0=big.
func variable(one device) string {
	suffix := strings.ToUpper(strings.ReplaceAll(one.Name, "-", "_"))
	return fmt.Sprintf("FAIRLEAD_TEST_%s=%s", suffix, one.Model)
}

func cdiFile(claim types.UID) string {
	return filepath.Join(cdiFolder, fmt.Sprintf("%s-%s.json", driverName, claim))
}

// write replaces the file as a whole, since the runtime may read it at any moment.
func write(file string, spec cdi.Spec) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	draft := file + ".tmp"
	if err := os.WriteFile(draft, text, 0o644); err != nil {
		return err
	}
	return os.Rename(draft, file)
}
