package gammu

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting"
)

// Credit is how to learn what is left on a prepaid SIM: by USSD, by an SMS to
// the carrier, or by a command. The zero value watches nothing.
type Credit struct {
	USSD    string   `yaml:"ussd"`    // "*101#", dialled by smsd
	To      string   `yaml:"to"`      // or: the carrier's number for an SMS
	Text    string   `yaml:"text"`    // of that SMS
	From    string   `yaml:"from"`    // who answers the SMS; "" = to
	Command []string `yaml:"command"` // or: a program and its arguments that prints the answer
	// Match finds the amount in the answer: the first group of the expression.
	Match string `yaml:"match"`
	// Decimal is what stands before the fraction, "," or "."; "" = there is none,
	// and both only group thousands.
	Decimal  string        `yaml:"decimal"`
	Currency string        `yaml:"currency"`
	Minimum  float64       `yaml:"minimum"` // below it an alert asks to top up; 0 = never
	At       []string      `yaml:"at"`      // times of day at which to ask
	Zone     string        `yaml:"zone"`    // of at
	Timeout  time.Duration `yaml:"timeout"` // how long to wait for the answer
}

func (s Credit) watched() bool { return s.ways() > 0 }

// ways is how many ways to ask are given; one is right.
func (s Credit) ways() int {
	n := 0
	for _, given := range []bool{s.USSD != "", s.To != "", len(s.Command) > 0} {
		if given {
			n++
		}
	}
	return n
}

var (
	ussdForm     = regexp.MustCompile(`^[*#][0-9*#]{1,30}#$`)
	serviceForm  = regexp.MustCompile(`^\+?[0-9]{2,15}$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	// numberGroups is a number that may be grouped: 85000, 85.000, 1 234,56.
	numberGroups = regexp.MustCompile(`^-?([0-9]+|[0-9]{1,3}([ .,'’][0-9]{3})+)$`)
	fractionForm = regexp.MustCompile(`^[0-9]{1,3}$`)
	separators   = strings.NewReplacer(" ", "", ".", "", ",", "", "'", "", "’", "")
)

// problems lists the mistakes; the fields are those of credit.
func (s Credit) problems() []alerting.Problem {
	var out []alerting.Problem
	bad := func(wrong bool, field, found, expected string) {
		if wrong {
			out = append(out, alerting.Problem{Field: "credit." + field, Found: found, Expected: expected})
		}
	}
	switch n := s.ways(); n {
	case 0:
		bad(s.Match != "" || s.Minimum != 0 || s.Text != "", "ussd", "nothing", "ussd, to with text, or command")
		return out
	case 1:
	default:
		bad(true, "ussd", fmt.Sprintf("%d ways to ask", n), "one of ussd, to, and command")
		return out
	}
	bad(s.USSD != "" && !ussdForm.MatchString(s.USSD), "ussd", fmt.Sprintf("%q", s.USSD), "a code such as *101#")
	bad(s.To != "" && !serviceForm.MatchString(s.To), "to", fmt.Sprintf("%q", s.To), "the carrier's number, such as 191")
	bad(s.To != "" && (s.Text == "" || len(s.Text) > 160), "text", fmt.Sprintf("%q", s.Text), "what the carrier wants to read, such as KTTK")
	bad(len(s.Command) > 0 && !strings.HasPrefix(s.Command[0], "/"), "command", fmt.Sprintf("%q", s.Command), "the full path of a program, then its arguments")
	_, err := s.form()
	bad(err != nil, "match", fmt.Sprintf("%q", s.Match), fmt.Sprintf("an expression with a group around the amount, such as 'TK goc: *([0-9.,]+)' (%v)", err))
	bad(!slices.Contains([]string{"", ".", ","}, s.Decimal), "decimal", fmt.Sprintf("%q", s.Decimal), `"," or ".", or nothing for whole numbers`)
	bad(!currencyForm.MatchString(s.Currency), "currency", fmt.Sprintf("%q", s.Currency), "three letters such as VND")
	bad(s.Minimum < 0, "minimum", fmt.Sprint(s.Minimum), "an amount")
	_, err = time.LoadLocation(s.Zone)
	bad(err != nil || s.Zone == "", "zone", fmt.Sprintf("%q", s.Zone), "a time zone such as Asia/Ho_Chi_Minh")
	bad(len(s.At) == 0, "at", "nothing", "times such as [\"07:30\"]")
	for _, at := range s.At {
		_, err := time.Parse("15:04", at)
		bad(err != nil, "at", fmt.Sprintf("%q", at), "a time such as 07:30")
	}
	bad(s.Timeout < 5*time.Second || s.Timeout > 30*time.Minute, "timeout", s.Timeout.String(), "5s to 30m")
	return out
}

// next is the first of the set hours after a moment.
func (s Credit) next(after time.Time) time.Time {
	var best time.Time
	for day := range 2 {
		for _, at := range s.At {
			t, err := time.Parse("15:04", at)
			if err != nil {
				continue // Problems has told
			}
			x := time.Date(after.Year(), after.Month(), after.Day()+day, t.Hour(), t.Minute(), 0, 0, after.Location())
			if x.After(after) && (best.IsZero() || x.Before(best)) {
				best = x
			}
		}
	}
	return best
}

// answers tells whether a message may be the answer. That to a USSD code comes
// without a sender, which no SMS does.
func (s Credit) answers(from string) bool {
	if s.USSD != "" {
		return from == ""
	}
	want := s.From
	if want == "" {
		want = s.To
	}
	if numberForm.MatchString(want) && numberForm.MatchString(from) {
		return tail(from) == tail(want)
	}
	return strings.EqualFold(from, want)
}

// form reads amounts.
type form struct {
	match   *regexp.Regexp
	decimal string
}

func (s Credit) form() (*form, error) {
	re, err := regexp.Compile(s.Match)
	if err != nil {
		return nil, err
	}
	if re.NumSubexp() < 1 {
		return nil, fmt.Errorf("no group")
	}
	return &form{re, s.Decimal}, nil
}

// read finds the amount. What could be read in two ways is refused: 12.50 is no
// twelve hundred and fifty.
func (f *form) read(text string) (float64, error) {
	m := f.match.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("the answer does not match credit.match: %s", quoteAnswer(text))
	}
	found := ""
	for _, g := range m[1:] {
		if found == "" {
			found = g
		}
	}
	found = strings.Trim(strings.ReplaceAll(found, "\u00a0", " "), " .,")
	whole, fraction := found, ""
	if f.decimal != "" {
		if i := strings.LastIndex(found, f.decimal); i >= 0 {
			whole, fraction = found[:i], found[i+1:]
			if !fractionForm.MatchString(fraction) {
				return 0, fmt.Errorf("not an amount: %s", quoteAnswer(found))
			}
		}
		if strings.Contains(whole, f.decimal) {
			return 0, fmt.Errorf("not an amount with the decimal sign %q: %s", f.decimal, quoteAnswer(found))
		}
	}
	if !numberGroups.MatchString(whole) {
		return 0, fmt.Errorf("not an amount (is credit.decimal right?): %s", quoteAnswer(found))
	}
	whole = separators.Replace(whole)
	if fraction != "" {
		whole += "." + fraction
	}
	v, err := strconv.ParseFloat(whole, 64)
	if err != nil || v > 1e15 || v < -1e15 {
		return 0, fmt.Errorf("not an amount: %s", quoteAnswer(found))
	}
	return v, nil
}

// quoteAnswer makes an answer fit for a line.
func quoteAnswer(text string) string {
	if r := []rune(text); len(r) > quotedCredit {
		text = string(r[:quotedCredit]) + "…"
	}
	return strconv.Quote(text)
}
