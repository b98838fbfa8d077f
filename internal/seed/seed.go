//go:build seed

// Package seed pins the module graph while the house is being built.
package seed

import (
	_ "github.com/emiago/sipgo"
	_ "github.com/google/cel-go/cel"
	_ "github.com/grafana-tools/sdk"
	_ "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	_ "github.com/linxGnu/gosmpp"
	_ "github.com/miekg/dns"
	_ "github.com/openrdap/rdap"
	_ "github.com/prometheus-community/pro-bing"
	_ "github.com/prometheus/alertmanager/api"
	_ "github.com/prometheus/alertmanager/config/receiver"
	_ "github.com/prometheus/alertmanager/dispatch"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/prometheus/client_golang/prometheus/testutil/promlint"
	_ "github.com/prometheus/exporter-toolkit/web"
	_ "github.com/prometheus/prometheus/promql"
	_ "github.com/prometheus/prometheus/rules"
	_ "github.com/prometheus/prometheus/tsdb"
	_ "github.com/prometheus/prometheus/web/api/v1"
	_ "github.com/xuri/excelize/v2"
	_ "go.yaml.in/yaml/v4"
	_ "golang.org/x/crypto/bcrypt"
	_ "golang.org/x/net/idna"
	_ "golang.org/x/net/publicsuffix"
	_ "modernc.org/sqlite"
)
