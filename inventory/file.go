package inventory

import (
	"watchpost.example/inventory/source"
	"watchpost.example/probes"
)

// The types in this file are inventory/*.yaml as it is written. The doc tags
// are the one description of each key: Schema and Reference print them.

// inventoryFile is one file under inventory/.
type inventoryFile struct {
	Self     source.Value `yaml:",self"`
	Defaults Defaults     `yaml:"defaults" doc:"What every check of this file starts from; a unit, a system and a check can each override it."`
	Units    []unitFile   `yaml:"units" doc:"The organisations whose systems are watched."`
}

type unitFile struct {
	Self     source.Value  `yaml:",self"`
	ID       string        `yaml:"id" doc:"Short name of the unit, unique in all files; a label, so it never changes: a-z, 0-9, '-', '_' and '.', at most 63." required:"true"`
	Name     string        `yaml:"name" doc:"The unit's name as people call it." default:"the id"`
	Contacts []contactFile `yaml:"contacts" doc:"Whom to call when a system of the unit breaks, first called first."`
	Defaults Defaults      `yaml:"defaults" doc:"What every check of this unit starts from."`
	Systems  []systemFile  `yaml:"systems" doc:"The unit's public systems." required:"true"`
}

type contactFile struct {
	Self  source.Value `yaml:",self"`
	Name  string       `yaml:"name" doc:"The person or the desk." required:"true"`
	Role  string       `yaml:"role" doc:"What they are for, such as \"đầu mối ứng cứu sự cố\"."`
	Phone string       `yaml:"phone" doc:"Telephone number, +84900000001 or 0900 000 001."`
	Email string       `yaml:"email" doc:"E-mail address."`
}

type systemFile struct {
	Self        source.Value `yaml:",self"`
	ID          string       `yaml:"id" doc:"Short name of the system, unique within the unit." default:"the host of the URL"`
	Name        string       `yaml:"name" doc:"The system's name as people call it." default:"the id"`
	URL         string       `yaml:"url" doc:"Its public address. The scheme chooses the profile: http, https (web), smtp (mail), dns (dns), tcp (tcp), icmp (ping). International names are welcome."`
	Level       int          `yaml:"level" doc:"Security level of the information system, 1 to 5." default:"not given"`
	Owner       string       `yaml:"owner" doc:"Who runs it." default:"the unit"`
	Profile     string       `yaml:"profile" doc:"Which checks the system gets by itself: web, mail, dns, tcp, ping, or none." default:"by the URL's scheme; none when checks are listed"`
	With        []string     `yaml:"with" doc:"Optional checks of the profile to add, such as [icmp] for web."`
	Without     []string     `yaml:"without" doc:"Checks of the profile to leave out, such as [tls]."`
	TimeZone    string       `yaml:"time_zone" doc:"Time zone of the maintenance windows." default:"the defaults' time_zone"`
	Maintenance []windowFile `yaml:"maintenance" doc:"Planned windows: measuring goes on, pages are muted, the report has its own column."`
	DependsOn   []string     `yaml:"depends_on" doc:"Systems (\"unit/system\", or \"system\" of the same unit) whose outage mutes this one's pages. Measuring and recovery go on."`
	Defaults    Defaults     `yaml:"defaults" doc:"What every check of this system starts from."`
	Checks      []checkFile  `yaml:"checks" doc:"Checks of its own. One with the id of a check of the profile changes that one."`
}

type windowFile struct {
	Self     source.Value     `yaml:",self"`
	Start    string           `yaml:"start" doc:"Of a single window: 2026-11-22 01:00, in the time zone."`
	Daily    string           `yaml:"daily" doc:"Of a window that comes every day: 01:00."`
	Weekly   string           `yaml:"weekly" doc:"Of a window that comes every week: Sun 01:00 (Mon … Sun, or T2 … T7, CN)."`
	End      string           `yaml:"end" doc:"End of a single window, instead of duration."`
	Duration *probes.Duration `yaml:"duration" doc:"How long the window lasts: 2h."`
	From     string           `yaml:"from" doc:"First day of a repeated window: 2026-11-22." default:"always"`
	Until    string           `yaml:"until" doc:"Last day of a repeated window, included." default:"for ever"`
	Reason   string           `yaml:"reason" doc:"For the wall and the report."`
}

type checkFile struct {
	Self     source.Value     `yaml:",self"`
	ID       string           `yaml:"id" doc:"Short name of the check, unique within the system." default:"the kind"`
	Kind     string           `yaml:"kind" doc:"How to ask. Its own settings stand beside these keys." default:"of the profile's check with this id"`
	Interval *probes.Duration `yaml:"interval" doc:"From the start of one look to the next." default:"30s (dns_zone 5m)"`
	Timeout  *probes.Duration `yaml:"timeout" doc:"Hard end of a look, shorter than the interval." default:"10s (dns_zone 1m), at most 2/3 of the interval"`
	Confirm  confirmFile      `yaml:"confirm" doc:"How many looks change the verdict."`
	Settings source.Value     `yaml:",inline"`
}

type confirmFile struct {
	Self    source.Value     `yaml:",self"`
	Down    *int             `yaml:"down" doc:"Looks in a row that must fail before it is down." default:"3"`
	Up      *int             `yaml:"up" doc:"Looks in a row that must succeed before it is up again." default:"2"`
	Recheck *probes.Duration `yaml:"recheck" doc:"How soon to ask again while a change is unconfirmed." default:"3s"`
}

// Defaults is what checks start from, at any level of the files.
type Defaults struct {
	Self     source.Value            `yaml:",self"`
	Interval *probes.Duration        `yaml:"interval" doc:"From the start of one look to the next." default:"30s (dns_zone 5m)"`
	Timeout  *probes.Duration        `yaml:"timeout" doc:"Hard end of a look, shorter than the interval." default:"10s (dns_zone 1m), at most 2/3 of the interval"`
	Confirm  confirmFile             `yaml:"confirm" doc:"How many looks change the verdict."`
	TimeZone string                  `yaml:"time_zone" doc:"Time zone of maintenance windows." default:"Asia/Ho_Chi_Minh"`
	Kinds    map[string]kindDefaults `yaml:"kinds" doc:"By kind: interval, timeout, confirm and any setting of the kind."`

	who string // whose they are, for messages
}

type kindDefaults struct {
	Self     source.Value     `yaml:",self"`
	Interval *probes.Duration `yaml:"interval" doc:"For the checks of this kind."`
	Timeout  *probes.Duration `yaml:"timeout" doc:"For the checks of this kind."`
	Confirm  confirmFile      `yaml:"confirm" doc:"For the checks of this kind."`
	Settings source.Value     `yaml:",inline"`
}
