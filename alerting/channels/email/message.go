package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"watchpost.example/alerting"
)

// maxSubject bounds the subject, in runes; 120 is what a page promises.
const maxSubject = 200

var idForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// messageID is the same for a page that is sent again, so that mail servers and
// readers can throw the second away.
func messageID(page, from string) string {
	if !idForm.MatchString(page) {
		sum := sha256.Sum256([]byte(page))
		page = hex.EncodeToString(sum[:16])
	}
	_, domain, _ := strings.Cut(from, "@")
	return "<" + page + "@" + domain + ">"
}

// oneLine makes a header's value of a text: whatever stands in it can't begin
// another header.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\u2028' || r == '\u2029' || r == 0x85 }), " ")
	if r := []rune(s); len(r) > maxSubject {
		s = string(r[:maxSubject])
	}
	return strings.TrimSpace(s)
}

// message writes the page as an e-mail (RFC 5322) with CRLF line ends.
func message(p alerting.Page, from, to *mail.Address, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	head := func(name, value string) {
		// Encoded words come in one line, which may be over the 998 bytes allowed.
		fmt.Fprintf(&b, "%s: %s\r\n", name, strings.ReplaceAll(value, "?= =?", "?=\r\n =?"))
	}
	head("From", from.String()) // String encodes names by RFC 2047
	head("To", to.String())
	head("Subject", mime.QEncoding.Encode("utf-8", oneLine(p.Subject)))
	head("Date", now.Format(time.RFC1123Z))
	head("Message-ID", messageID(p.ID, from.Address))
	// Answering machines keep quiet for it (RFC 3834).
	head("Auto-Submitted", "auto-generated")
	if p.Incident != "" { // one thread for one incident
		head("References", messageID("incident-"+p.Incident, from.Address))
	}
	if p.Severity == alerting.Critical {
		head("Importance", "high")
	}
	head("MIME-Version", "1.0")
	head("Content-Type", `text/plain; charset="utf-8"`)
	head("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := io.WriteString(w, body(p)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

func body(p alerting.Page) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(p.Text, "\r", ""), "\uFFFD")
	if p.AckURL != "" && !strings.Contains(text, p.AckURL) {
		label := "Tiếp nhận"
		if p.Language == "en" {
			label = "Acknowledge"
		}
		text += "\n\n" + label + ": " + p.AckURL
	}
	return text + "\n"
}
