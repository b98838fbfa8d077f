package rules

import (
	"html"
	"net/http"
	"regexp"
	"strings"
)

// RunbookPrefix is where RunbookHandler is mounted; alerts link below it.
const RunbookPrefix = "/runbooks/"

// RunbookHandler serves the runbooks as HTML that needs no JavaScript and
// nothing from elsewhere: RunbookPrefix is the list, RunbookPrefix + NAME the
// runbook of an alert or a reason. home is where "back" leads, "/" as a rule.
func RunbookHandler(home string) (http.Handler, error) {
	books, err := Runbooks()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, RunbookPrefix)
		status, title, body := http.StatusOK, "Hướng dẫn xử lý", ""
		switch book, ok := Find(books, name); {
		case name == "":
			body = index(books)
		case ok:
			title, body = book.Title, render(book.Source)
			if book.Family() && book.Name != name {
				body = "<p class=\"reason\">Lý do: <code>" + html.EscapeString(name) + "</code></p>\n" + body
			}
		default:
			status = http.StatusNotFound
			body = "<h1>Không có hướng dẫn này</h1>\n<p>Chọn trong danh sách dưới đây, hoặc gọi trưởng ca.</p>\n" + index(books)
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		page := strings.NewReplacer("{{title}}", html.EscapeString(title), "{{home}}", html.EscapeString(home), "{{body}}", body).Replace(pageHTML)
		_, _ = w.Write([]byte(page)) // a client that went away needs no answer
	}), nil
}

func index(books []Runbook) string {
	var alerts, reasons strings.Builder
	for _, r := range books {
		b := &alerts
		if r.Family() {
			b = &reasons
		}
		b.WriteString("<li><a href=\"" + html.EscapeString(r.Name) + "\">" + html.EscapeString(r.Title) + "</a>")
		if r.Family() {
			b.WriteString("<br><small>" + html.EscapeString(strings.Join(r.Reasons, " ")) + "</small>")
		}
		b.WriteString("</li>\n")
	}
	return "<h1>Hướng dẫn xử lý</h1>\n<h2>Theo cảnh báo</h2>\n<ul>\n" + alerts.String() +
		"</ul>\n<h2>Theo lý do</h2>\n<ul>\n" + reasons.String() + "</ul>\n"
}

var (
	numbered = regexp.MustCompile(`^\d+\. (.*)$`)
	bold     = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	code     = regexp.MustCompile("`([^`]+)`")
	// Only our own pages: a name, or "./" for the list.
	link = regexp.MustCompile(`\[([^\]]+)\]\((\./|[A-Za-z0-9_-]+)\)`)
)

// inline escapes first and adds our few tags after, so that no text of a
// runbook can become markup of its own.
func inline(s string) string {
	s = html.EscapeString(s)
	s = code.ReplaceAllString(s, "<code>$1</code>")
	s = bold.ReplaceAllString(s, "<strong>$1</strong>")
	return link.ReplaceAllString(s, `<a href="$2">$1</a>`)
}

// render turns the subset of Markdown that runbooks use into HTML: # and ##,
// paragraphs, numbered and dashed lists, code blocks, **bold**, `code` and
// links to other runbooks.
func render(src string) string {
	var b strings.Builder
	open := "" // the element that is open: p, ol, ul or pre
	to := func(el string) {
		if open == el {
			return
		}
		if open != "" {
			b.WriteString("</" + open + ">\n")
		}
		if el != "" {
			b.WriteString("<" + el + ">")
		}
		open = el
	}
	for line := range strings.Lines(src) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "```") {
			if open == "pre" {
				to("")
			} else {
				to("pre")
			}
			continue
		}
		if open == "pre" {
			b.WriteString(html.EscapeString(line) + "\n")
			continue
		}
		block(&b, line, open, to)
	}
	to("")
	return b.String()
}

// block writes one line outside of code.
func block(b *strings.Builder, line, open string, to func(string)) {
	if h, ok := strings.CutPrefix(line, "## "); ok {
		to("")
		b.WriteString("<h2>" + inline(h) + "</h2>\n")
	} else if h, ok := strings.CutPrefix(line, "# "); ok {
		to("")
		b.WriteString("<h1>" + inline(h) + "</h1>\n")
	} else if m := numbered.FindStringSubmatch(line); m != nil {
		to("ol")
		b.WriteString("<li>" + inline(m[1]) + "</li>\n")
	} else if item, ok := strings.CutPrefix(line, "- "); ok {
		to("ul")
		b.WriteString("<li>" + inline(item) + "</li>\n")
	} else if line == "" {
		to("")
	} else {
		if open == "p" {
			b.WriteString("\n")
		}
		to("p")
		b.WriteString(inline(line))
	}
}

const pageHTML = `<!DOCTYPE html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}} · watchpost</title>
<style>
:root { color-scheme: light dark }
body { font: 1.125rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.6rem; line-height: 1.25 }
h2 { font-size: 1.15rem; margin-top: 1.8rem; border-bottom: 1px solid; padding-bottom: .2rem }
ol > li { margin: .5rem 0 }
pre { overflow-x: auto; padding: .8rem; border: 1px solid; border-radius: .3rem; font-size: .95rem }
nav a { display: inline-block; padding: .5rem 1rem .5rem 0 }
@media print { nav { display: none } body { max-width: none } }
</style>
</head>
<body>
<nav><a href="{{home}}">← Màn hình giám sát</a> <a href="./">Mọi hướng dẫn</a></nav>
<main>
{{body}}</main>
</body>
</html>
`
