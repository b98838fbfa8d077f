package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The lab's units. Nobody is meant by them.
const (
	unitHealth = "so-y-te-lab"
	unitSchool = "so-giao-duc-lab"
	unitTown   = "ubnd-huyen-lab"
	unitCentre = "trung-tam-lab"
)

// unit is an invented organisation.
type unit struct{ id, name, contact, role, phone string }

func units() []unit {
	return []unit{
		{unitHealth, "Sở Y tế (thử nghiệm)", "Trần Văn Thử", "đầu mối ứng cứu sự cố", "0900 000 001"},
		{unitSchool, "Sở Giáo dục và Đào tạo (thử nghiệm)", "Lê Thị Mẫu", "đầu mối ứng cứu sự cố", "0900 000 002"},
		{unitTown, "UBND huyện Ví Dụ (thử nghiệm)", "Phạm Văn Nháp", "cán bộ công nghệ thông tin", "0900 000 003"},
		{unitCentre, "Trung tâm Công nghệ thông tin (thử nghiệm)", "Bộ phận trực", "trực giám sát 24/7", "0900 000 004"},
	}
}

// system is one public system of the lab as it is written to the inventory.
type system struct {
	unit, id, name, url, profile string
	level                        int
	checks                       []check
}

// check is one check: of the profile, changed by settings, or of a kind.
type check struct {
	id, kind string
	settings string // lines of YAML
	expect   []Expectation
}

// marker is the first line of every file, by which a later lab knows that it
// may replace it.
const marker = "# Written by watchpost lab; it is replaced at the next start."

// write writes the configuration.
func (l *Lab) write() error {
	files := map[string]string{"watchpost.yaml": l.server(), "ca.pem": marker + "\n" + string(l.ca.RootPEM())}
	for _, u := range units() {
		files[filepath.Join("inventory", u.id+".yaml")] = l.inventory(u)
	}
	duty, err := l.duty(time.Now())
	if err != nil {
		return fmt.Errorf("the lab's roster: %w", err)
	}
	maps.Copy(files, duty)
	if err := os.MkdirAll(filepath.Join(l.dir, "inventory"), 0o750); err != nil {
		return fmt.Errorf("making the lab's folder: %w", err)
	}
	for name := range files { // all, before any is written
		if err := ours(filepath.Join(l.dir, name)); err != nil {
			return err
		}
	}
	if err := l.strangers(files); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the lab's configuration: %w", err)
		}
	}
	return nil
}

// ours refuses to replace a file that no lab wrote.
func ours(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the lab's folder: %w", err)
	}
	if !bytes.HasPrefix(b, []byte(marker)) {
		return fmt.Errorf("%s was not written by the lab and is left as it is; give the lab a folder of its own", path)
	}
	return nil
}

// strangers refuses a folder whose inventory holds more than the lab's, which
// would be probed along with it.
func (l *Lab) strangers(files map[string]string) error {
	found, err := filepath.Glob(filepath.Join(l.dir, "inventory", "*.y*ml"))
	if err != nil {
		return err
	}
	for _, f := range found {
		name, err := filepath.Rel(l.dir, f)
		if err != nil {
			return err
		}
		if _, mine := files[name]; !mine {
			return fmt.Errorf("%s does not belong to the lab; give the lab a folder of its own", f)
		}
	}
	return nil
}

func (l *Lab) server() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nvantage: lab\nresolver:\n  servers: [%q]\n", marker, l.zone.server)
	fmt.Fprintf(&b, "uplink:\n  interval: 5s\n  timeout: 2s\n  anchors:\n")
	for _, a := range l.anchors {
		fmt.Fprintf(&b, "    - %q\n", a)
	}
	roots := strconv.Quote(filepath.Join(l.dir, "ca.pem"))
	fmt.Fprintf(&b, "defaults:\n  interval: 4s\n  timeout: 2s\n  confirm: {down: 3, up: 2, recheck: 1s}\n")
	fmt.Fprintf(&b, "  kinds:\n    http: {roots_file: %s}\n    tls: {roots_file: %s}\n", roots, roots)
	b.WriteString(l.oncall())
	return b.String()
}

func (l *Lab) inventory(u unit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nunits:\n  - id: %s\n    name: %q\n    contacts:\n      - {name: %q, role: %q, phone: %q}\n    systems:\n",
		marker, u.id, u.name, u.contact, u.role, u.phone)
	for _, s := range l.systems {
		if s.unit != u.id {
			continue
		}
		fmt.Fprintf(&b, "      - id: %s\n        name: %q\n        level: %d\n", s.id, s.name, s.level)
		if s.url != "" {
			fmt.Fprintf(&b, "        url: %q\n", s.url)
		}
		fmt.Fprintf(&b, "        profile: %s\n", s.profile)
		writeChecks(&b, s.checks)
	}
	return b.String()
}

// writeChecks writes the checks that say more than the profile does.
func writeChecks(b *strings.Builder, checks []check) {
	headed := false
	for _, c := range checks {
		if c.kind == "" && c.settings == "" {
			continue
		}
		if !headed {
			headed = true
			b.WriteString("        checks:\n")
		}
		fmt.Fprintf(b, "          - id: %s\n", c.id)
		if c.kind != "" {
			fmt.Fprintf(b, "            kind: %s\n", c.kind)
		}
		for line := range strings.SplitSeq(c.settings, "\n") {
			if line != "" {
				fmt.Fprintf(b, "            %s\n", line)
			}
		}
	}
}
