package inventory

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"watchpost.example/inventory/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is generated from the structs is what lies in testdata. The files that
// are shipped are made by cmd from the real kinds.
func TestGeneratedIsFresh(t *testing.T) {
	t.Parallel()
	files := Schemas(fakeKinds())
	files["reference.md"] = Reference(fakeKinds())
	if len(files) != 3 {
		t.Fatalf("got %d files", len(files))
	}
	for name, b := range files {
		path := filepath.Join("testdata", "generated", name)
		if *update {
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(old, b) {
			t.Errorf("%s is not fresh (%v): go test ./inventory -run TestGeneratedIsFresh -update", path, err)
		}
	}
}

// Every key has words for the reader.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	for i, l := range strings.Split(string(Reference(nil)), "\n") {
		if strings.HasPrefix(l, "| `") && strings.HasSuffix(l, "|  |") {
			t.Errorf("line %d has no meaning: %s", i+1, l)
		}
	}
}

// validate is as much of JSON Schema as the generated ones use; it gives the
// path of the first thing that does not fit.
func validate(root, s map[string]any, v any, path string) string {
	if ref, ok := s["$ref"].(string); ok {
		defs := root["$defs"].(map[string]any)
		s = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if e, ok := s["enum"].([]any); ok && !slices.Contains(e, v) {
		return fmt.Sprintf("%s: %v is none of %v", path, v, e)
	}
	switch x := v.(type) {
	case []any:
		if s["type"] != "array" {
			return path + ": a list"
		}
		for i, item := range x {
			if bad := validate(root, s["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", path, i)); bad != "" {
				return bad
			}
		}
	case map[string]any:
		if s["type"] != "object" {
			return path + ": a mapping"
		}
		return validateObject(root, s, x, path)
	case string:
		if s["type"] == "integer" || s["type"] == "array" || s["type"] == "object" {
			return path + ": a text"
		}
	}
	return ""
}

func validateObject(root, s, x map[string]any, path string) string {
	props := map[string]any{}
	if own, ok := s["properties"].(map[string]any); ok { // a mapping of names has none
		maps.Copy(props, own)
	}
	open := false
	if all, ok := s["allOf"].([]any); ok {
		for _, rule := range all {
			r := rule.(map[string]any)
			cond, then := r["if"].(map[string]any), r["then"].(map[string]any)
			if _, negated := cond["not"]; negated {
				open = open || x["kind"] == nil
			} else if cond["properties"].(map[string]any)["kind"].(map[string]any)["const"] == x["kind"] {
				maps.Copy(props, then["properties"].(map[string]any))
			}
		}
	}
	if req, ok := s["required"].([]any); ok {
		for _, r := range req {
			if x[r.(string)] == nil {
				return path + ": lacks " + r.(string)
			}
		}
	}
	extra, _ := s["additionalProperties"].(map[string]any)
	for k, v := range x {
		p, known := props[k].(map[string]any)
		if !known && extra != nil {
			p, known = extra, true
		}
		if !known && !open {
			return path + "." + k + ": unknown"
		}
		if known {
			if bad := validate(root, p, v, path+"."+k); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func fits(t *testing.T, schema, text string) string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(Schemas(fakeKinds())[schema], &root); err != nil {
		t.Fatal(err)
	}
	doc, problems := source.Parse("x", []byte(text))
	if problems != nil {
		t.Fatal(problems)
	}
	return validate(root, root, doc.Plain(), "")
}

// The schema takes what the program takes and sees an editor's typo.
func TestSchemaAgreesWithTheProgram(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		oneSystem: "",
		"units: [{id: a, systems: [{url: x, checks: [{kind: http, url: y, expect: {status: [200]}}]}]}]": "",
		"units: [{id: a, systems: [{url: x, checks: [{id: http, expect: {status: [200]}}]}]}]":           "",
		"units: [{id: a, systems: [{url: x, checks: [{kind: http, adrs: y}]}]}]":                         ".units[0].systems[0].checks[0].adrs: unknown",
		"units: [{id: a, systems: [{url: x, checks: [{kind: htpp}]}]}]":                                  ".units[0].systems[0].checks[0].kind: htpp is none of [dns dns_zone http icmp tcp tls]",
		"units: [{id: a, systems: [{url: x, profile: wbe}]}]":                                            ".units[0].systems[0].profile: wbe is none of [web mail dns tcp ping none]",
		"units: [{systems: []}]": ".units[0]: lacks id",
		"defaults: {kinds: {http: {slow: 2s, interval: 1m}}, confirm: {down: 2}}\n" + oneSystem: "",
		"defaults: {kinds: {htp: {}}}\n" + oneSystem:                                            ".defaults.kinds.htp: unknown",
		"defaults: {confirm: {dwon: 2}}\n" + oneSystem:                                          ".defaults.confirm.dwon: unknown",
	} {
		if got := fits(t, InventorySchema, text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
	if got := fits(t, ServerSchema, "vantage: x\nprometheus: {remote_write: [{url: 'https://w.example'}]}\nguard: {deny: [10.0.0.0/8]}\n"); got != "" {
		t.Error(got)
	}
	if got := fits(t, ServerSchema, "prometheus: {remote_wite: []}"); got != ".prometheus.remote_wite: unknown" {
		t.Error(got)
	}
}
