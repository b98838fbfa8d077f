package main

import (
	"strings"
	"testing"
)

// An import that could not read every row says which, and ends with 1: a shift
// that was left out silently is a night without anybody.
func TestRosterImportTellsWhatItLeftOut(t *testing.T) {
	dir := t.TempDir()
	csv := write(t, dir, "lich.csv", "Ngày;Ca trực;Cán bộ trực 1;Cán bộ trực 2\r\n31/12/2026;17h00 - 7h30;Đ/c An;Bình\r\n1/1;7h30 - 17h00;An;Bình\r\n")
	code, out, errOut := run(t, "roster", "import", csv)
	if code != 1 || !strings.Contains(errOut, csv+": lich.csv row 3") || !strings.Contains(errOut, "four digits") || !strings.Contains(errOut, "1 rows were left out") {
		t.Errorf("%d\n%s", code, errOut)
	}
	if !strings.Contains(out, "{start: 2026-12-31 17:00, end: 2027-01-01 07:30, officers: [an, binh]}") {
		t.Errorf("%s", out)
	}
	good := write(t, dir, "tot.csv", "Ngày;Ca trực;Cán bộ trực 1\n31/12/2026;17h - 7h30;An\n")
	if code, _, errOut := run(t, "roster", "import", good); code != 0 || errOut != "" {
		t.Errorf("%d %s", code, errOut)
	}
}
