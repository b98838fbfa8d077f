package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"watchpost.example/probes"
)

// Cost is what watching costs, estimated for one address a name.
type Cost struct {
	Looks   float64 `json:"looks_per_second"`
	Packets float64 `json:"packets_per_second"` // both ways
	Bytes   float64 `json:"bytes_per_second"`   // both ways, on the wire
	Series  int     `json:"series"`             // kept in the history
}

func (c *Cost) add(o Cost) {
	c.Looks += o.Looks
	c.Packets += o.Packets
	c.Bytes += o.Bytes
	c.Series += o.Series
}

// Line is one check in the summary.
type Line struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"`
	Instance string        `json:"instance"`
	Interval time.Duration `json:"interval_ns"`
	Timeout  time.Duration `json:"timeout_ns"`
	Confirm  string        `json:"confirm"` // "3 down, 2 up, again after 3s"
	Cost     Cost          `json:"cost"`
}

// KindLine is all checks of a kind.
type KindLine struct {
	Kind   string `json:"kind"`
	Checks int    `json:"checks"`
	Cost   Cost   `json:"cost"`
}

// Summary is what `watchpost check` shows of a good inventory.
type Summary struct {
	Units   int        `json:"units"`
	Systems int        `json:"systems"`
	Checks  []Line     `json:"checks"`
	Kinds   []KindLine `json:"kinds"`
	Total   Cost       `json:"total"`
}

// costOf is packets, bytes and series of one look by kind. The figures are
// rough: a page of 4 kB, a chain of two certificates, a signed zone with two
// servers of two addresses each.
func costOf(c *probes.Check) (packets, bytes float64, series int) {
	switch c.Kind {
	case "http":
		if strings.HasPrefix(c.Instance, "https:") {
			return 20, 12_000, 16
		}
		return 11, 6_000, 12
	case "tls":
		return 14, 6_500, 14
	case "tcp":
		return 7, 500, 8
	case "icmp":
		return 2, 200, 9
	case "dns":
		return 2, 400, 10
	case "dns_zone":
		return 240, 70_000, 24
	default:
		return 10, 5_000, 10
	}
}

// Summarize adds up what will be asked, how often and what that costs.
func Summarize(inv *Inventory) Summary {
	s := Summary{Units: len(inv.Units)}
	for _, u := range inv.Units {
		s.Systems += len(u.Systems)
	}
	kinds := map[string]*KindLine{}
	for _, c := range inv.Checks {
		packets, bytes, series := costOf(c)
		rate := 1 / c.Interval.Seconds()
		cost := Cost{Looks: rate, Packets: packets * rate, Bytes: bytes * rate, Series: series}
		s.Checks = append(s.Checks, Line{
			ID: c.ID.String(), Kind: c.Kind, Instance: c.Instance, Interval: c.Interval, Timeout: c.Timeout, Cost: cost,
			Confirm: fmt.Sprintf("%d down, %d up, again after %s", c.Confirm.Down, c.Confirm.Up, short(c.Confirm.Recheck)),
		})
		s.Total.add(cost)
		if kinds[c.Kind] == nil {
			kinds[c.Kind] = &KindLine{Kind: c.Kind}
		}
		kinds[c.Kind].Checks++
		kinds[c.Kind].Cost.add(cost)
	}
	for _, k := range kinds {
		s.Kinds = append(s.Kinds, *k)
	}
	slices.SortFunc(s.Kinds, func(a, b KindLine) int { return cmp.Compare(a.Kind, b.Kind) })
	return s
}

// Text is the summary for people: every check, then what each kind costs.
func (s Summary) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // into memory
	row("CHECK\tKIND\tASKS\tEVERY\tWITHIN\tCONFIRMED BY\n")
	for _, c := range s.Checks {
		row("%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.Kind, oneLine(c.Instance), short(c.Interval), short(c.Timeout), c.Confirm)
	}
	row("\nKIND\tCHECKS\tLOOKS/s\tPACKETS/s\tkB/s\tSERIES\n")
	for _, k := range s.Kinds {
		row("%s\t%d\t%.2f\t%.1f\t%.1f\t%d\n", k.Kind, k.Checks, k.Cost.Looks, k.Cost.Packets, k.Cost.Bytes/1000, k.Cost.Series)
	}
	row("all\t%d\t%.2f\t%.1f\t%.1f\t%d\n", len(s.Checks), s.Total.Looks, s.Total.Packets, s.Total.Bytes/1000, s.Total.Series)
	_ = w.Flush() // into memory
	unit := func(n int, word string) string {
		if n == 1 {
			return "1 " + word
		}
		return fmt.Sprintf("%d %ss", n, word)
	}
	fmt.Fprintf(&b, "\n%s, %s, %s. Estimated for one address a name, confirmation and redirects not counted.\n",
		unit(s.Units, "unit"), unit(s.Systems, "system"), unit(len(s.Checks), "check"))
	return b.String()
}
