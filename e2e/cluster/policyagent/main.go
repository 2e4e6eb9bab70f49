// A NetworkPolicy agent for the one node of the test cluster, whose bridge plugin enforces none.
//
// The verdicts are those of sigs.k8s.io/kube-network-policies, which kind's own nodes use as well. Its packets come
// to it by an iptables rule instead of its own nftables rule: not all kernels have nftables' queue.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

const (
	queue = "100"
	chain = "FAIRLEAD-POLICIES"
	// Packets between two pods on one bridge pass iptables only with this.
	bridgeSetting = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	nodeRoot      = "/node"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := networkpolicy.NewController(
		client,
		factory.Networking().V1().NetworkPolicies(),
		factory.Core().V1().Namespaces(),
		factory.Core().V1().Pods(),
		nil, nil, nil, nil,
		// Not with NRIdisabled, with which an address that is not known yet ends the program. The runtime's NRI
		// socket is not mounted, so that the API alone says which pod has an address.
		networkpolicy.Config{QueueID: 100, NodeName: os.Getenv("NODE_NAME")},
	)
	if err != nil {
		return err
	}
	if err := os.WriteFile(bridgeSetting, []byte("1"), 0o644); err != nil {
		return err
	}
	defer removeRules()
	if err := addRules(); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return controller.Run(ctx)
}

// addRules sends the first packet of each connection to the agent, except the node's own: probes are always
// allowed. Without an agent (bypass) all packets pass, so that its removal leaves the cluster usable.
func addRules() error {
	removeRules()
	rules := []string{
		"-N " + chain,
		"-A " + chain + " -m owner --uid-owner 0 -j RETURN",
		"-A " + chain + " -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
		"-A " + chain + " -j NFQUEUE --queue-num " + queue + " --queue-bypass",
		"-A POSTROUTING -j " + chain,
	}
	for _, rule := range rules {
		if output, err := iptables(rule); err != nil {
			return fmt.Errorf("iptables %s: %w: %s", rule, err, output)
		}
	}
	return nil
}

// removeRules takes them back; what is not there needs no removal.
func removeRules() {
	for _, rule := range []string{"-D POSTROUTING -j " + chain, "-F " + chain, "-X " + chain} {
		_, _ = iptables(rule)
	}
}

// iptables runs the node's own program: its variant (nft or legacy) is the one that kube-proxy uses.
func iptables(rule string) ([]byte, error) {
	arguments := append([]string{"-w", "5", "-t", "mangle"}, strings.Fields(rule)...)
	command := exec.Command("/usr/sbin/iptables", arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: nodeRoot}
	command.Dir = "/"
	return command.CombinedOutput()
}
