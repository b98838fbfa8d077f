package zone_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"watchpost.example/probes/dns/zone"
)

// schema reads result.schema.json.
func schema(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// fits checks a value against the part of JSON Schema that our file uses, and
// gives every misfit with its path.
func fits(root, s map[string]any, v any, path string) (bad []string) {
	if ref, ok := s["$ref"].(string); ok {
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if c, ok := s["const"]; ok && c != v {
		bad = append(bad, fmt.Sprintf("%s: %v is not %v", path, v, c))
	}
	if e, ok := s["enum"].([]any); ok && !slices.Contains(e, v) {
		bad = append(bad, fmt.Sprintf("%s: %v is none of %v", path, v, e))
	}
	if want, ok := s["type"].(string); ok && typeOf(v, want) != want {
		return append(bad, fmt.Sprintf("%s: %v is no %s", path, v, want))
	}
	switch v := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			bad = append(bad, path+": "+v+" does not match "+p)
		}
	case []any:
		for i, x := range v {
			bad = append(bad, fits(root, s["items"].(map[string]any), x, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case map[string]any:
		bad = append(bad, fitsObject(root, s, v, path)...)
	}
	return bad
}

func fitsObject(root, s, v map[string]any, path string) (bad []string) {
	required, _ := s["required"].([]any)
	for _, k := range required {
		if _, ok := v[k.(string)]; !ok {
			bad = append(bad, path+": no "+k.(string))
		}
	}
	known, _ := s["properties"].(map[string]any)
	for k, x := range v {
		p, ok := known[k].(map[string]any)
		if !ok {
			p, ok = s["additionalProperties"].(map[string]any)
		}
		if !ok {
			bad = append(bad, path+": the schema has no "+k)
			continue
		}
		bad = append(bad, fits(root, p, x, path+"."+k)...)
	}
	return bad
}

func typeOf(v any, want string) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) && want == "integer" {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

func fitsSchema(t *testing.T, r zone.Result) {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	for _, bad := range fits(s, s, v, "$") {
		t.Error(bad)
	}
}

// The example in the documentation is what the program writes and reads, and
// the schema tells the bad from the good.
func TestExampleFitsTheSchema(t *testing.T) {
	b, err := os.ReadFile("result.example.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var r zone.Result
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	fitsSchema(t, r)
	var again bytes.Buffer
	enc := json.NewEncoder(&again)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil || again.String() != string(b) {
		t.Errorf("%v: the example is not as the program writes it:\n%s", err, again.String())
	}
	if r.Exit != 1 || len(r.Findings) == 0 || r.Evidence[r.Findings[0].Evidence] == "" {
		t.Errorf("the example shows no finding with evidence: %+v", r.Findings)
	}
	s := schema(t)
	for name, spoil := range map[string]func(m map[string]any){
		"a verdict nobody knows": func(m map[string]any) { m["verdict"] = "fine" },
		"no findings":            func(m map[string]any) { delete(m, "findings") },
		"a new field":            func(m map[string]any) { m["mood"] = "good" },
		"null":                   func(m map[string]any) { m["servers"] = nil },
		"a severity in capitals": func(m map[string]any) { m["findings"].([]any)[0].(map[string]any)["severity"] = "PAGE" },
	} {
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		spoil(m)
		if len(fits(s, s, m, "$")) == 0 {
			t.Errorf("%s fits the schema", name)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil || !strings.Contains(string(readme), "result.schema.json") || !strings.Contains(string(readme), "result.example.json") {
		t.Errorf("README.md names neither schema nor example: %v", err)
	}
}
