package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"watchpost.example/alerting/oncall/auth"
	oncalljournal "watchpost.example/alerting/oncall/journal"
)

// oncallOptions are the flags of what is asked of a running watchpost.
type oncallOptions struct {
	action, what, url, user, passwordFile, text string
	json                                        bool
}

func oncallCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o oncallOptions
	cmd := app.Command("oncall", "Ask a running watchpost: page a person as a test, play a drill, list, acknowledge, escalate, decline, close or note an incident.")
	cmd.Arg("action", "test, drill, list, ack, escalate, decline, close or note").Required().EnumVar(&o.action, "test", "drill", "list", "ack", "escalate", "decline", "close", "note")
	cmd.Arg("what", "person's id for test; incident's code or id for the others").StringVar(&o.what)
	cmd.Flag("url", "The running watchpost.").Default("http://127.0.0.1:9115").StringVar(&o.url)
	cmd.Flag("user", "User of the users file.").Required().StringVar(&o.user)
	cmd.Flag("password-file", "File with the user's password.").Required().ExistingFileVar(&o.passwordFile)
	cmd.Flag("text", "The note, or why it is closed.").StringVar(&o.text)
	cmd.Flag("json", "As JSON, with the whole timeline.").BoolVar(&o.json)
	return cmd, func(ctx context.Context, e *env) error { return runOncall(ctx, e, o) }
}

func runOncall(ctx context.Context, e *env, o oncallOptions) error {
	method, path, body := http.MethodPost, "", map[string]string{"how": "command"}
	switch o.action {
	case "list":
		method, path = http.MethodGet, "/api/oncall/incidents"
	case "drill":
		path = "/api/oncall/drill"
	case "test":
		if o.what == "" {
			return usage("whom? Give the person's id of the roster: watchpost oncall test an")
		}
		path, body["person"] = "/api/oncall/test", o.what
	default:
		if o.what == "" {
			return usage("which incident? Give its code or id; `watchpost oncall list` shows them")
		}
		path = "/api/oncall/incidents/" + url.PathEscape(o.what) + "/" + o.action
		if o.text == "" && (o.action == "note" || o.action == "close") {
			return usage("%s needs words: say them with --text", o.action)
		}
		body["text"], body["reason"], body["note"] = o.text, o.text, o.text
	}
	answer, err := askOncall(ctx, o, method, path, body)
	if err != nil {
		return err
	}
	return printOncall(e.out, o.url, answer, o.json)
}

func askOncall(ctx context.Context, o oncallOptions, method, path string, body map[string]string) ([]byte, error) {
	pw, err := os.ReadFile(o.passwordFile)
	if err != nil {
		return nil, usage("--password-file: %w", err)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(o.url, "/")+path, bytes.NewReader(b))
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	r.SetBasicAuth(o.user, strings.TrimSpace(string(pw)))
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w\nIs watchpost running there? Name another with --url", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its bound below
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, refusal(resp, answer)
	}
	return answer, nil
}

func passwdCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("passwd", "Read a password from standard input and print its bcrypt hash for the users file.")
	return cmd, func(_ context.Context, e *env) error {
		b, err := io.ReadAll(io.LimitReader(e.in, 1024))
		if err != nil {
			return err
		}
		pw := strings.TrimRight(string(b), "\r\n")
		if len(pw) < 8 || len(pw) > 72 {
			return usage("the password must have 8 to 72 bytes (bcrypt's limit)")
		}
		h, err := auth.Hash(pw)
		if err != nil {
			return err
		}
		say(e.out, "%s\n", h)
		return nil
	}
}

func journalCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	cmd := app.Command("journal", "The hash-chained journal of every alert, page, receipt and acknowledgement.")
	verify := cmd.Command("verify", "Verify the chain of all files in a folder. Exit status 1 names the first broken line.")
	dir := verify.Arg("dir", "Folder of the journal: data/oncall/journal").Required().ExistingDir()
	return verify, func(_ context.Context, e *env) error {
		first, last, hash, err := oncalljournal.VerifyDir(*dir)
		if err != nil {
			return err
		}
		say(e.out, "lines %d to %d are whole; the last hash is %s\n", first, last, hash)
		return nil
	}
}
