package main

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"watchpost.example/inventory"
	"watchpost.example/report"
)

// A setting that nobody prints is a promise broken in front of the director.
func TestEverySettingOfTheReportIsPrinted(t *testing.T) {
	var s inventory.Server
	var want []string
	v := reflect.ValueOf(&s.Report).Elem()
	for i := range v.NumField() {
		word := fmt.Sprintf("Dòng %d một", i)
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(word)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{word, fmt.Sprintf("Dòng %d hai", i)}))
			want = append(want, fmt.Sprintf("Dòng %d hai", i))
		default:
			t.Fatalf("%s: a kind of setting that this test does not know", v.Type().Field(i).Name)
		}
		want = append(want, word)
	}
	now := time.Date(2026, 9, 2, 17, 0, 0, 0, time.UTC)
	r, err := report.Build(t.Context(), report.HistorySource{}, nil, report.Period{From: now.Add(-time.Hour), To: now}, reportText(s, reportOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := report.HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if strings.Count(page.String(), w) != 1 {
			t.Errorf("%q stands %d times in the report", w, strings.Count(page.String(), w))
		}
	}
	// The number's letters as CONFIGURATION.md has them: after "BC-".
	if !strings.Contains(page.String(), "/BC-"+s.Report.Symbol+"<") {
		t.Error("the document number has another form")
	}
}
