package voice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxSpeech bounds a page's text, in bytes, and maxWAV one audio, in bytes
	// (about a minute and a half at espeak-ng's 22 kHz).
	maxSpeech, maxWAV = 4 << 10, 4 << 20
	// speakTime bounds one run of espeak-ng; it needs some 30 ms.
	speakTime = 10 * time.Second
	// gap stands between two sentences, in seconds.
	gap = 0.25
)

// speaker turns text into audio.
type speaker struct {
	voice   string // for Vietnamese
	speed   int
	phrases string
	program string // espeak-ng
}

// say gives the audio of a text. Sentences that were recorded are taken from
// the folder of phrases, what stands between them is spoken by espeak-ng.
func (s speaker) say(ctx context.Context, text, lang string) ([]int16, error) {
	if lang != "en" {
		lang = "vi"
	}
	text = strings.ToValidUTF8(text[:min(len(text), maxSpeech)], "")
	var (
		out     []int16
		pending []string
	)
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		clip, err := s.espeak(ctx, strings.Join(pending, " "), lang)
		out, pending = append(out, clip...), nil
		return err
	}
	for _, sentence := range sentences(text) {
		clip, ok := s.recorded(sentence, lang)
		if !ok {
			pending = append(pending, sentence)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		out = append(append(out, clip...), make([]int16, int(gap*rate))...)
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("there is nothing to say")
	}
	return out, nil
}

// sentences cuts at the ends of sentences.
func sentences(text string) []string {
	var out []string
	for rest := strings.TrimSpace(text); rest != ""; {
		end := strings.IndexAny(rest, ".!?")
		for end >= 0 && end+1 < len(rest) && rest[end+1] != ' ' { // "v1.2" and "a.example" go on
			next := strings.IndexAny(rest[end+1:], ".!?")
			if next < 0 {
				end = -1
				break
			}
			end += 1 + next
		}
		if end < 0 {
			return append(out, rest)
		}
		out = append(out, rest[:end+1])
		rest = strings.TrimSpace(rest[end+1:])
	}
	return out
}

// recorded looks for <phrases>/<lang>/<the sentence without accents>.wav. A file
// that can't be used is as good as none: espeak-ng says it.
func (s speaker) recorded(sentence, lang string) ([]int16, bool) {
	if s.phrases == "" {
		return nil, false
	}
	f, err := os.Open(filepath.Join(s.phrases, lang, slug(sentence)+".wav"))
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxWAV))
	if err != nil {
		return nil, false
	}
	clip, err := parseWAV(b)
	return level(clip), err == nil
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a file name of a sentence: "Bấm phím một." → bam-phim-mot.
func slug(sentence string) string {
	s := notSlug.ReplaceAllString(unaccent(strings.ToLower(sentence)), "-")
	s = strings.Trim(s, "-")
	return s[:min(len(s), 120)]
}

// letters are the Vietnamese letters by their plain form.
const letters = "a àáảãạăằắẳẵặâầấẩẫậ e èéẻẽẹêềếểễệ i ìíỉĩị o òóỏõọôồốổỗộơờớởỡợ u ùúủũụưừứửữự y ỳýỷỹỵ d đ"

func unaccent(s string) string {
	f := strings.Fields(letters)
	return strings.Map(func(r rune) rune {
		for i := 0; i < len(f); i += 2 {
			if strings.ContainsRune(f[i+1], r) {
				return rune(f[i][0])
			}
		}
		return r
	}, s)
}

// espeak runs espeak-ng; the text goes in by standard input, so nothing in it
// can be an option or a command.
func (s speaker) espeak(ctx context.Context, text, lang string) ([]int16, error) {
	ctx, cancel := context.WithTimeout(ctx, speakTime)
	defer cancel()
	voice := "en"
	if lang == "vi" {
		voice = s.voice
	}
	cmd := exec.CommandContext(ctx, s.program, "-v", voice, "-s", strconv.Itoa(s.speed), "--stdin", "--stdout")
	cmd.Stdin = strings.NewReader(forEar(text, lang))
	out := &bounded{max: maxWAV}
	cmd.Stdout, cmd.WaitDelay = out, time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", errors.Join(err, ctx.Err()))
	}
	clip, err := parseWAV(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	if !slices.ContainsFunc(clip, func(v int16) bool { return v > 500 || v < -500 }) {
		return nil, errors.New("espeak-ng gave silence")
	}
	return level(clip), nil
}

// bounded keeps the first max bytes and swallows the rest.
type bounded struct {
	bytes.Buffer
	max int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.max - b.Len(); room > 0 {
		_, _ = b.Buffer.Write(p[:min(room, len(p))]) // never fails
	}
	return len(p), nil
}

// thanks is said after a key, so that the person knows it was heard. What
// becomes of it is decided after the call.
func thanks(key byte, lang string) string {
	vi := map[byte]string{'1': "Đã nhận phím một. Cảm ơn.", '2': "Đã nhận phím hai. Cảm ơn.", '9': "Đã nhận phím chín. Cảm ơn."}
	en := map[byte]string{'1': "Key one received. Thank you.", '2': "Key two received. Thank you.", '9': "Key nine received. Thank you."}
	if lang == "en" {
		return en[key]
	}
	return vi[key]
}
