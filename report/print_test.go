package report

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPrint keeps the report of the fixture where WATCHPOST_SCREENSHOTS names a
// folder, to be looked at.
func TestPrint(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "report.html"))
	if dir := os.Getenv("WATCHPOST_SCREENSHOTS"); dir != "" {
		f, err = os.Create(filepath.Join(dir, "report.html"))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := build(t, Options{Parent: "UBND tỉnh Thử Nghiệm", Organisation: "Trung tâm Giám sát B", Place: "Thử Nghiệm", Recipients: []string{"Như trên"}, Signer: "Giám đốc", Objective: 99.5, Incidents: &Incidents{Opened: 3, Acknowledged: 3}})
	if err := HTML(f, r); err != nil {
		t.Fatal(err)
	}
}
