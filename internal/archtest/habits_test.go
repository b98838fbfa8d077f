package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// habit is a call that a test may not make, and why. In a file that imports
// testing/synctest time.Sleep moves the bubble's clock and costs nothing.
type habit struct {
	pkg, fn string
	why     string
}

var habits = []habit{
	{"time", "Sleep", "use testing/synctest or wait for the event itself"},
	{"t", "Skip", "use internal/testneed, so that CI can't pass by skipping"},
	{"t", "Skipf", "use internal/testneed"},
	{"t", "SkipNow", "use internal/testneed"},
}

// hits gives a line for each habit broken in the file.
func hits(fset *token.FileSet, f *ast.File, isTest bool) []string {
	var bad []string
	bubble := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" && !isTest {
				bad = append(bad, fset.Position(n.Pos()).String()+": func init: registration by init() hides the wiring")
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			for _, h := range habits {
				if isTest && h.pkg == x.Name && h.fn == sel.Sel.Name && (h.fn != "Sleep" || !bubble) {
					bad = append(bad, fset.Position(n.Pos()).String()+": "+h.pkg+"."+h.fn+": "+h.why)
				}
			}
		}
		return true
	})
	return bad
}

func TestHabits(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		files++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, h := range hits(fset, f, strings.HasSuffix(p, "_test.go")) {
			t.Error(h)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("read %d files: %v", files, err)
	}
}

// TestHabitsCanary proves that TestHabits can fail.
func TestHabitsCanary(t *testing.T) {
	t.Parallel()
	const src = "package x\nimport (\"time\"; \"testing\")\nfunc init() {}\nfunc TestX(t *testing.T) { time.Sleep(1); t.Skip() }\n"
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x_test.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := hits(fset, f, true); len(got) != 2 {
		t.Errorf("in a test: got %q, want the sleep and the skip", got)
	}
	if got := hits(fset, f, false); len(got) != 1 {
		t.Errorf("outside a test: got %q, want init", got)
	}
}
