package store_test

import (
	"path/filepath"
	"testing"

	"watchpost.example/alerting/oncall/store"
	"watchpost.example/alerting/oncall/store/storetest"
)

func TestSQLiteKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		t.Helper()
		// A path with characters that mean something in a URI.
		path := filepath.Join(t.TempDir(), "đêm trực? #1.db")
		return func() store.Store {
			s, err := store.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() }) // some close it themselves
			return s
		}
	})
}
