package gammu

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/testneed"
)

// with makes a channel on a spool of its own, and does something to it.
func with(do func(t *testing.T, c *channel)) func(*testing.T) alerting.Channel {
	return func(t *testing.T) alerting.Channel {
		t.Helper()
		c := make1(t, false)
		if do != nil {
			do(t, c)
		}
		return c
	}
}

// noFolder puts a file where a folder of the spool should be: nothing in it can
// be read or written, even by root.
func noFolder(name string) func(*testing.T, *channel) {
	return func(t *testing.T, c *channel) {
		t.Helper()
		if err := os.Remove(c.dir(name)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.dir(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fullDisk puts a file system without room under the outbox.
func fullDisk(t *testing.T, c *channel) {
	t.Helper()
	testneed.Root(t)
	dir := c.dir("outbox")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4k,nr_inodes=8"); err != nil {
		testneed.Missing(t, "a file system can't be mounted: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // the folder goes with the test
	if err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	const number, soon = "0900 000 001", 700 * time.Millisecond
	page := fileName(channeltest.Page(), "0900000001", false)
	channeltest.Table(t, "README.md", []channeltest.Case{
		{Name: "accepts", Make: with(func(t *testing.T, c *channel) { t.Helper(); smsd(t, c, "sent") }), Address: number, Want: channeltest.Accepted},
		{Name: "accepts: what it sent before a crash of ours", Make: with(func(t *testing.T, c *channel) { t.Helper(); write(t, c, "sent", page, "") }), Address: number, Want: channeltest.Accepted},
		{Name: "refuses for now: the network does not take it (error folder)", Make: with(func(t *testing.T, c *channel) { t.Helper(); smsd(t, c, "error") }), Address: number, Want: channeltest.Temporary, Words: "could not send"},
		{Name: "takes it and says nothing", Make: with(func(t *testing.T, c *channel) {
			t.Helper()
			if err := os.Mkdir(c.dir("elsewhere"), 0o700); err != nil {
				t.Fatal(err)
			}
			smsd(t, c, "elsewhere")
		}), Address: number, Want: channeltest.Temporary, Within: soon, Words: "may have been sent"},
		{Name: "nobody listens: smsd is dead", Make: with(nil), Address: number, Want: channeltest.Temporary, Within: soon, Words: "taken back"},
		{Name: "the disk is full", Make: with(fullDisk), Address: number, Want: channeltest.Temporary, Words: "no space"},
		{Name: "no spool", Make: with(func(_ *testing.T, c *channel) { c.set.Spool = "/nowhere" }), Address: number, Want: channeltest.Temporary},
		{Name: "the outbox can't be written", Make: with(noFolder("outbox")), Address: number, Want: channeltest.Temporary},
		{Name: "the sent folder can't be read", Make: with(func(t *testing.T, c *channel) { t.Helper(); noFolder("sent")(t, c) }), Address: number, Want: channeltest.Temporary, Within: soon},
		{Name: "foreign files in every folder", Make: with(func(t *testing.T, c *channel) {
			t.Helper()
			for _, d := range []string{"inbox", "outbox", "sent", "error"} {
				write(t, c, d, "README", "x")
				write(t, c, d, "OUT.txt", "x")
				if err := os.Mkdir(filepath.Join(c.dir(d), "OUTfolder.txt"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("/nowhere", filepath.Join(c.dir(d), "OUTlink.txt")); err != nil {
					t.Fatal(err)
				}
			}
			go func() {
				for !c.has("outbox", page) && t.Context().Err() == nil {
					<-time.After(5 * time.Millisecond)
				}
				_ = os.Rename(filepath.Join(c.dir("outbox"), page), filepath.Join(c.dir("sent"), page)) // else Send fails
			}()
		}), Address: number, Want: channeltest.Accepted},
		{Name: "an address that is none", Make: with(nil), Address: "../../etc/passwd", Want: channeltest.Permanent},
	}, "refuses for good", "closes at once") // a modem has no such answers
}

// read1 runs the inbox once.
func read1(t *testing.T, c *channel) []alerting.Reply {
	t.Helper()
	replies := make(chan alerting.Reply, 100)
	_ = c.scan(t.Context(), make(chan alerting.Receipt, 100), replies) // what the inbox is like shows in Health
	close(replies)
	var out []alerting.Reply
	for r := range replies {
		out = append(out, r)
	}
	return out
}

// TestInboxThatCannotBeEmptied: a message is handed over once, and the channel
// says that it is unwell.
func TestInboxThatCannotBeEmptied(t *testing.T) {
	t.Parallel()
	testneed.Root(t)
	c := make1(t, false)
	dir := c.dir("inbox")
	write(t, c, "inbox", "IN20261122_021000_00_+84900000001_00.txt", "A ")
	write(t, c, "inbox", "IN20261122_021000_00_+84900000001_01.txt", "7421")
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		testneed.Missing(t, "a folder can't be mounted: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	readOnly := func(on bool) {
		t.Helper()
		flags := uintptr(syscall.MS_REMOUNT | syscall.MS_BIND)
		if on {
			flags |= syscall.MS_RDONLY
		}
		if err := syscall.Mount("", dir, "", flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	readOnly(true)
	if got := read1(t, c); len(got) != 1 || got[0].Text != "A 7421" {
		t.Errorf("got %+v", got)
	}
	for range 3 {
		if got := read1(t, c); len(got) != 0 {
			t.Errorf("again: %+v", got)
		}
	}
	if h := c.Health(t.Context()); h.OK || !strings.Contains(h.Detail, "inbox") {
		t.Errorf("got %+v", h)
	}
	readOnly(false)
	if got := read1(t, c); len(got) != 0 || c.has("inbox", "IN20261122_021000_00_+84900000001_00.txt") {
		t.Errorf("after it can be emptied: %+v", got)
	}
	if h := c.Health(t.Context()); !h.OK {
		t.Errorf("got %+v", h)
	}
	write(t, c, "inbox", "IN20261122_021000_00_+84900000001_00.txt", "E 7421") // the same second, another message
	if got := read1(t, c); len(got) != 1 || got[0].Text != "E 7421" {
		t.Errorf("got %+v", got)
	}
}

// TestSpellings: what smsd's formats and phones make of a text.
func TestSpellings(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ body, want string }{
		"UTF-16 big":        {"\xfe\xff\x00A\x1e\xa1", "Aạ"},
		"UTF-16 little":     {"\xff\xfeA\x00\xa1\x1e", "Aạ"},
		"with a tail":       {"\xff\xfeA\x00\x00\x00Z\x00Z\x00", "A"},
		"cut in a letter":   {"\xff\xfeA\x00B", "A"},
		"half a pair":       {"\xff\xfe\x3d\xd8", "\uFFFD"},
		"UTF-8":             {"Tiếp nhận 7421", "Tiếp nhận 7421"},
		"UTF-8 with a mark": {"\xef\xbb\xbfA 7421", "A 7421"},
		"Latin-1":           {"A 7421 \xe0", "A 7421 \uFFFD"},
		"empty":             {"", ""},
		"a mark alone":      {"\xff\xfe", ""},
	} {
		c := make1(t, false)
		write(t, c, "inbox", "IN20261122_021000_00_+84900000001_00.txt", row.body)
		if got := read1(t, c); len(got) != 1 || got[0].Text != row.want {
			t.Errorf("%s: got %+v, want %q: even an empty message is a person's", name, got, row.want)
		}
		if c.has("inbox", "IN20261122_021000_00_+84900000001_00.txt") {
			t.Errorf("%s: the file is still there", name)
		}
	}
}

// TestSweep: what a crash left half-written goes, what is being written stays.
func TestSweep(t *testing.T) {
	t.Parallel()
	c := make1(t, false)
	write(t, c, "outbox", tmpPrefix+"old", "")
	write(t, c, "outbox", tmpPrefix+"new", "")
	old := time.Now().Add(-2 * pruneEvery)
	if err := os.Chtimes(filepath.Join(c.dir("outbox"), tmpPrefix+"old"), old, old); err != nil {
		t.Fatal(err)
	}
	c.prune(time.Now())
	if c.has("outbox", tmpPrefix+"old") || !c.has("outbox", tmpPrefix+"new") {
		t.Error("the old one must go, the new one must stay")
	}
}
