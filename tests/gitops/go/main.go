// What two tools for GitOps make of an object: Flux by the rules of kstatus, and Argo CD by a health script, in the
// Lua that it uses (gopher-lua) with the libraries that it opens for a script.
//
//	gitops-status SCRIPT < objects.json > verdicts.json
//
// Both files are one JSON document a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const (
	maxObjectBytes = 4 << 20 // More than the API server stores of one object.
	scriptTime     = time.Second
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdicts struct {
	Kstatus verdict `json:"kstatus"`
	Argo    verdict `json:"argo"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: gitops-status SCRIPT < objects.json")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxObjectBytes)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			return err
		}
		found, err := status.Compute(&object)
		if err != nil {
			return fmt.Errorf("kstatus: %w", err)
		}
		health, err := argoHealth(object.Object, string(script))
		if err != nil {
			return fmt.Errorf("health script: %w", err)
		}
		if err := out.Encode(verdicts{verdict{found.Status.String(), found.Message}, health}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// argoHealth runs the script as Argo CD does: `obj` is the object, and there is no library but base, package and table.
func argoHealth(object map[string]any, script string) (verdict, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return verdict{}, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", luaValue(state, object))
	if err := state.DoString(script); err != nil {
		return verdict{}, err
	}
	answer, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return verdict{}, errors.New("it returned no table")
	}
	found := verdict{answer.RawGetString("status").String(), answer.RawGetString("message").String()}
	switch found.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
		return found, nil
	}
	return verdict{}, fmt.Errorf("%q is none of Argo CD's states", found.Status)
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch typed := value.(type) {
	case bool:
		return lua.LBool(typed)
	case float64:
		return lua.LNumber(typed)
	case int64:
		return lua.LNumber(typed)
	case string:
		return lua.LString(typed)
	case []any:
		table := state.CreateTable(len(typed), 0)
		for _, item := range typed {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(typed))
		for key, item := range typed {
			table.RawSetString(key, luaValue(state, item))
		}
		return table
	}
	return lua.LNil
}
