package engine

import (
	_ "embed" // the built-in Alertmanager configuration
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"text/template"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/prometheus/promql/parser"
)

//go:embed default.alertmanager.yml.tmpl
var defaultConfig string

// consoleReceiver is the receiver of the built-in configuration that prints.
const consoleReceiver = "console"

// loadConfig reads alertmanager.yml, or renders the built-in configuration when
// path is empty. Errors are of the form "file: what, cure".
func loadConfig(path string, hooks []Webhook) (*config.Config, error) {
	if path == "" {
		return builtinConfig(hooks)
	}
	c, err := config.LoadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("alertmanager configuration: %w; correct the path or the rights, or leave it out to use the built-in one", err)
		}
		what := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " ")
		return nil, fmt.Errorf("%s: %s; %s", path, what, configCure(what))
	}
	return c, nil
}

func builtinConfig(hooks []Webhook) (*config.Config, error) {
	for _, h := range hooks {
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("alert webhook %q is not an address; give it as http://host:port/path", h.URL)
		}
	}
	t, err := template.New("alertmanager.yml").Parse(defaultConfig)
	if err != nil {
		return nil, fmt.Errorf("built-in alertmanager configuration: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, struct{ Webhooks []Webhook }{hooks}); err != nil {
		return nil, fmt.Errorf("built-in alertmanager configuration: %w", err)
	}
	c, err := config.Load(b.String())
	if err != nil {
		return nil, fmt.Errorf("built-in alertmanager configuration: %w", err)
	}
	return c, nil
}

// configCure says what to do about a mistake in alertmanager.yml.
func configCure(what string) string {
	for _, c := range []struct{ sign, cure string }{
		{"not found in type", "the field is misspelt, too new, or indented wrongly: compare https://prometheus.io/docs/alerting/latest/configuration/"},
		{"undefined receiver", "add a receiver of that name under receivers:, or correct the name in the route"},
		{"undefined time interval", "add it under time_intervals:, or correct the name in the route"},
		{"no route", "add a route: with a receiver:, or leave the file out to use the built-in configuration"},
		{"no global", "add the missing setting to the receiver or under global:"},
		{"cannot unmarshal", "a list or a text stands where the other is expected: mind the dashes and the indentation"},
		{"not a valid duration", "write durations as 30s, 5m, 1h"},
		{"bad matcher", `write matchers as alertname="CheckDown", with the value in double quotes`},
		{"yaml:", "the line is not YAML: mind indentation, colons and quotes"},
	} {
		if strings.Contains(what, c.sign) {
			return c.cure
		}
	}
	return "run: amtool check-config FILE"
}

// Warnings lists what is legal in an alertmanager.yml and yet wakes nobody, or
// too late. path names the file in the texts.
func configWarnings(path string, c *config.Config) []string {
	if path == "" {
		path = "built-in alertmanager configuration"
	}
	var out []string
	warn := func(format string, a ...any) { out = append(out, path+": "+fmt.Sprintf(format, a...)) }
	empty := map[string]bool{}
	for _, r := range c.Receivers {
		empty[r.Name] = integrations(r) == 0
	}
	root := dispatch.NewRoute(c.Route, nil)
	if path != "" && empty[root.RouteOpts.Receiver] && root.RouteOpts.Receiver != consoleReceiver {
		warn("receiver %q of the root route sends to nobody, so alerts that match no other route are lost; give it a webhook_configs", root.RouteOpts.Receiver)
	}
	beats := map[string]string{labelAlert: watchdogAlert, "severity": "info", "scope": "self"}
	for _, r := range root.Match(labelSet(beats)) {
		if o := r.RouteOpts; o.RepeatInterval >= o.GroupInterval {
			warn("the route of the Watchdog (receiver %q) has repeat_interval %v and group_interval %v, so the heartbeat comes only every second group_interval; set repeat_interval below group_interval, for example 50s and 1m",
				o.Receiver, o.RepeatInterval, o.GroupInterval)
		}
	}
	root.Walk(func(r *dispatch.Route) {
		if r.RouteOpts.RepeatInterval > retention {
			warn("route %s has repeat_interval %v, longer than the %v that sent notifications are remembered; set at most 120h",
				r.Key(), r.RouteOpts.RepeatInterval, retention)
		}
	})
	if c.TracingConfig.Endpoint != "" {
		warn("tracing: is not supported inside watchpost and is ignored; remove it or use an outside Alertmanager")
	}
	return out
}

func logWarnings(l *slog.Logger, warnings []string) {
	for _, w := range warnings {
		l.Warn("Legal alertmanager configuration that wakes nobody, or too late", "warning", w)
	}
}

// integrations counts the ways a receiver sends.
func integrations(r config.Receiver) int {
	return len(r.DiscordConfigs) + len(r.EmailConfigs) + len(r.IncidentioConfigs) + len(r.PagerdutyConfigs) +
		len(r.SlackConfigs) + len(r.WebhookConfigs) + len(r.OpsGenieConfigs) + len(r.WechatConfigs) +
		len(r.PushoverConfigs) + len(r.VictorOpsConfigs) + len(r.SNSConfigs) + len(r.TelegramConfigs) +
		len(r.WebexConfigs) + len(r.MSTeamsConfigs) + len(r.MSTeamsV2Configs) + len(r.JiraConfigs) +
		len(r.RocketchatConfigs) + len(r.MattermostConfigs)
}

// Check tells what is wrong with the files that c names, in the words of New
// and Reload, and runs nothing; nil = they would be taken.
func Check(embedded fs.FS, c Config, log *slog.Logger) error {
	e := &Engine{source: &ruleSource{embedded: embedded, parser: parser.NewParser(parser.Options{}), logger: log}}
	_, err := e.checkRules(c.RuleFiles)
	if c.AlertmanagerConfig == "" {
		return err
	}
	_, also := loadConfig(c.AlertmanagerConfig, nil)
	return errors.Join(err, also)
}
