package channels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/alerting/channels/telegram"
	"watchpost.example/inventory/source"
)

func load(t *testing.T, text string) ([]alerting.Channel, source.Problems) {
	t.Helper()
	doc, problems := source.Parse("channels.yaml", []byte(text))
	if doc == nil {
		t.Fatal(problems)
	}
	return decode(doc, problems, Types(), slog.New(slog.DiscardHandler))
}

// made gives a maker of the one channel in a template: %s is the server's URL.
func made(text string) func(t *testing.T, url string) alerting.Channel {
	return func(t *testing.T, url string) alerting.Channel {
		t.Helper()
		text := strings.NewReplacer("URL", url, "TOKEN", channeltest.SecretFile(t)).Replace(text)
		cs, problems := load(t, text)
		if len(problems) > 0 || len(cs) != 1 {
			t.Fatalf("%d channels: %v", len(cs), problems)
		}
		return cs[0]
	}
}

// answer is a server that accepts what contains every word and answers body.
func answer(t *testing.T, body string, words ...string) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/health") || strings.HasSuffix(r.URL.Path, "/getMe") {
			_, _ = io.WriteString(w, `{"healthy":true,"ok":true,"result":{}}`) // the asker may be gone
			return
		}
		b, err := io.ReadAll(r.Body)
		all := r.Method + " " + r.URL.String() + "\n" + r.Header.Get("Authorization") + "\n" + string(b)
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("packed answers are asked for")
		}
		for _, word := range words {
			if err != nil || !strings.Contains(all, word) {
				t.Errorf("%q is not in the request:\n%s", word, all)
			}
		}
		_, _ = io.WriteString(w, body) // the asker may be gone
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	rows := map[string]channeltest.HTTP{
		"webhook": {
			Make:    made("channels: [{type: webhook, url: 'URL/page', token_file: TOKEN}]"),
			Address: "duty-a", NoAddress: "",
			Accept: answer(t, "", "POST /page", "Bearer "+channeltest.Secret, `"address":"duty-a"`, `"code":"7421"`),
			Blind:  true,
		},
		"ntfy": {
			Make:    made("channels: [{type: ntfy, url: URL, token_file: TOKEN}]"),
			Address: "duty-a", NoAddress: "duty/../a",
			Accept: answer(t, `{"id":"abc"}`, `"topic":"duty-a"`, `"priority":5`, `"method":"POST"`, "/ack/one-time", "Tiếp nhận"),
		},
		"telegram": {
			Make:    made("channels: [{type: telegram, url: URL, token_file: TOKEN}]"),
			Address: "12345", NoAddress: "a chat",
			Accept: answer(t, `{"ok":true,"result":{"message_id":9}}`, "/bot"+channeltest.Secret+"/sendMessage", `"chat_id":"12345"`, "/ack/one-time"),
			Refuse: []channeltest.Refusal{{Name: "200 that means no", Answer: answer(t, `{"ok":false,"description":"chat not found `+channeltest.Secret+`"}`), Want: channeltest.Temporary}},
		},
		"sms_gateway": {
			Make: made(`channels:
- type: sms_gateway
  name: sms
  method: GET
  url: URL/send?key={{query .Secret.key}}&to={{query .To}}&text={{query .Text}}
  secret_files: {key: TOKEN}
  success: {json: status, equals: ok, id: id, temporary: [busy]}
`),
			Address: "0900 000 001", NoAddress: "0900&to=1900",
			Accept: answer(t, `{"status":"ok","id":77}`, "GET /send?key="+channeltest.Secret, "to=0900000001", "A+7421"),
			Refuse: []channeltest.Refusal{
				{Name: "200 that means no", Answer: answer(t, `{"status":"template wrong","key":"`+channeltest.Secret+`"}`), Want: channeltest.Permanent},
				{Name: "200 that means not now", Answer: answer(t, `{"status":"busy"}`), Want: channeltest.Temporary},
				{Name: "200 without the field", Answer: answer(t, `{}`), Want: channeltest.Temporary},
				{Name: "200 with a long refusal", Answer: answer(t, `{"status":"`+strings.Repeat("x", 5000)+`"}`), Want: channeltest.Permanent},
				{Name: "200 with half of an answer", Answer: answer(t, `{"status":"o`), Want: channeltest.Temporary},
			},
		},
	}
	esms := channeltest.HTTP{
		Make: made(`channels:
- type: sms_gateway
  preset: esms
  url: URL/json/
  values: {brandname: TRUCBAN}
  secret_files: {api_key: TOKEN, secret_key: TOKEN}
`),
		Address: "0900000001",
		Accept:  answer(t, `{"CodeResult":"100","SMSID":"x"}`, `"ApiKey":"`+channeltest.Secret, `"Brandname":"TRUCBAN"`, `"RequestId":"01J-page"`),
		Refuse:  []channeltest.Refusal{{Name: "200 that means no", Answer: answer(t, `{"CodeResult":"146"}`), Want: channeltest.Permanent}},
	}
	for name, row := range rows {
		folder := strings.ReplaceAll(name, "_", "")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			channeltest.Table(t, filepath.Join(folder, "README.md"), row.Cases())
		})
	}
	t.Run("presets", func(t *testing.T) {
		t.Parallel()
		for _, c := range esms.Cases()[:3] {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				r, err := c.Make(t).Send(t.Context(), c.Address, channeltest.Page())
				channeltest.Check(t, r, err, c.Want)
			})
		}
	})
}

func TestTelegramReplies(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	offsets := make(chan float64, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Offset float64 `json:"offset"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		offsets <- in.Offset
		if asked.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"ok":true,"result":[{"update_id":41,"message":{"text":"A 7421","date":1700000000,"chat":{"id":12345}}}]}`)
			return
		}
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	c := made("channels: [{type: telegram, url: URL, token_file: TOKEN, replies: true}]")(t, srv.URL)
	replies := make(chan alerting.Reply)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- c.Run(ctx, nil, replies) }()
	got := <-replies
	if got.Text != "A 7421" || got.From != "12345" || got.Channel != "telegram" {
		t.Errorf("got %+v", got)
	}
	if first, second := <-offsets, <-offsets; first != 0 || second != 42 {
		t.Errorf("asked from %v, then from %v", first, second)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestTelegramHostile: a conflict with another reader, floods of long messages,
// updates that come again, a server that answers at once with nothing: replies
// go on, and the token is in no log.
func TestTelegramHostile(t *testing.T) {
	t.Parallel()
	message := func(id int, text string) string {
		return fmt.Sprintf(`{"update_id":%d,"message":{"text":%q,"date":1700000000,"chat":{"id":-100%d}}}`, id, text, id)
	}
	long := make([]string, 20)
	for i := range long {
		long[i] = message(50+i, strings.Repeat("x", 4096))
	}
	answers := []struct {
		status int
		body   string
	}{
		{409, `{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request; bot` + channeltest.Secret + `"}`},
		{200, `{"ok":true,"result":[` + message(41, "A 7421") + `,` + message(41, "A 7421") + `]}`},
		{200, `{"ok":true,"result":[` + message(41, "A 7421") + `]}`}, // again, though confirmed
		{200, `{"ok":true,"result":[` + strings.Join(long, ",") + `]}`},
		{200, `{"ok":true,"result":[{"update_id":90,"callback_query":{"data":"A 7421"}},{"update_id":91},` + message(92, "E 7421") + `]}`},
	}
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := int(asked.Add(1)) - 1
		if i >= len(answers) {
			_, _ = io.WriteString(w, `{"ok":true,"result":[]}`) // the asker may be gone
			return
		}
		w.WriteHeader(answers[i].status)
		_, _ = io.WriteString(w, answers[i].body)
	}))
	t.Cleanup(srv.Close)
	log := &bytes.Buffer{}
	set := &telegram.Settings{URL: srv.URL, TokenFile: channeltest.SecretFile(t), Replies: true}
	c, err := set.Channel("telegram", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	replies, done := make(chan alerting.Reply), make(chan error, 1)
	go func() { done <- c.Run(ctx, nil, replies) }()
	var got []string
	for range 22 {
		select {
		case r := <-replies:
			got = append(got, r.From+" "+r.Text[:6])
		case <-ctx.Done():
			t.Fatalf("after %d replies none came", len(got))
		}
	}
	if got[0] != "-10041 A 7421" || got[1] != "-10050 xxxxxx" || got[21] != "-10092 E 7421" {
		t.Errorf("got %q", got)
	}
	before := asked.Load()
	<-time.After(2500 * time.Millisecond)
	if n := asked.Load() - before; n > 4 {
		t.Errorf("a server without news was asked %d times in 2.5 s", n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if channeltest.Leaks(log.String()) || !strings.Contains(log.String(), "409") {
		t.Errorf("log: %s", log)
	}
}

func TestMistakesAllAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := load(t, `channels:
- type: ntffy
- type: ntfy
  url: www.example
- type: webhook
  url: https://user:pw@gateway.example/
  tokn_file: x
- type: sms_gateway
  name: sms
  preset: esms
  values: {brandname: TRUCBAN}
- {type: telegram}
- {type: telegram, token_file: /nowhere/token}
`)
	want := []string{
		`channels.yaml:2:9: unknown type "ntffy"; did you mean "ntfy"?`,
		`channels.yaml:4:8: ntfy: url is "www.example"; expected a full address`,
		`channels.yaml:7:3: webhook: unknown key "tokn_file"`,
		`channels.yaml:8:3: sms: body is <.Secret.api_key>: map has no entry`,
		`channels.yaml:12:3: telegram: token_file is nothing; expected a file with the bot's token`,
		`channels.yaml:13:3: a second channel named "telegram"`,
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	all := strings.Join(got, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("no line with %q in:\n%s", w, all)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d:\n%s", len(got), len(want), all)
	}
}

// secretPath is where the examples keep secrets.
var secretPath = regexp.MustCompile(`/etc/watchpost/secrets/[a-z_-]+`)

// TestReadmeExamples loads every YAML example of the channels' READMEs.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	token := channeltest.SecretFile(t)
	readmes, err := filepath.Glob("*/README.md")
	if err != nil || len(readmes) < 4 {
		t.Fatalf("%d READMEs: %v", len(readmes), err)
	}
	for _, r := range readmes {
		b, err := os.ReadFile(r)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(b), "```yaml\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no YAML example", r)
		}
		if !strings.Contains(string(b), "<!-- conformance") {
			t.Errorf("%s has no conformance table", r)
		}
		for i, block := range blocks {
			text, _, _ := strings.Cut(block, "```")
			text = secretPath.ReplaceAllString(text, token)
			cs, problems := load(t, text)
			if len(problems) > 0 || len(cs) == 0 {
				t.Errorf("%s, example %d: %d channels, %v", r, i+1, len(cs), problems)
			}
		}
	}
}

// TestReadmeSettings: every setting of a channel stands in its README.
func TestReadmeSettings(t *testing.T) {
	t.Parallel()
	for _, typ := range Types() {
		b, err := os.ReadFile(filepath.Join(strings.ReplaceAll(typ.Name, "_", ""), "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys(reflect.TypeOf(typ.New()).Elem(), "") {
			if !strings.Contains(string(b), "`"+key+"`") {
				t.Errorf("%s: the README does not have the setting `%s`", typ.Name, key)
			}
		}
	}
}

// keys lists the yaml keys of a struct, dotted for nested ones.
func keys(typ reflect.Type, prefix string) []string {
	var out []string
	for f := range typ.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keys(f.Type, prefix+key+".")...)
			continue
		}
		out = append(out, prefix+key)
	}
	return out
}
