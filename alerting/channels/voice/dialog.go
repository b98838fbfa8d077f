package voice

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const (
	// maxProvisional bounds how many "ringing" answers one call may have.
	maxProvisional = 200
	// maxKeys bounds the keys of one call, maxLegs the further phones that answer.
	maxKeys, maxLegs = 64, 16
)

var (
	errNoAnswer = errors.New("the exchange did not answer")
	errChatter  = errors.New("the exchange never stops answering")
)

// dialog is the signalling of one call.
type dialog struct {
	c       *channel
	s       *stack
	session int64
	rtp     netip.AddrPort // our audio
	grace   time.Duration  // for BYE, and for the answer to a CANCEL

	invite *sip.Request
	tx     sip.ClientTransaction
	rang   time.Time // first "ringing"

	mu     sync.Mutex
	answer *sip.Response // the 200
	remote media
	cseq   uint32

	keys     chan byte     // keys by SIP INFO
	answered chan struct{} // closed by accept
	hungUp   chan struct{} // closed by the other side's BYE
	bye      sync.Once
	legs     map[string]bool // tags of further phones that answered
	ending   sync.WaitGroup  // their BYEs
}

func newDialog(c *channel, s *stack, rtp netip.AddrPort, grace time.Duration) *dialog {
	d := &dialog{c: c, s: s, rtp: rtp, grace: grace, session: time.Now().Unix(), keys: make(chan byte, maxKeys), answered: make(chan struct{}), hungUp: make(chan struct{}), legs: map[string]bool{}}
	respond := func(code int, text string) sipgo.RequestHandler {
		return func(r *sip.Request, tx sip.ServerTransaction) {
			_ = tx.Respond(sip.NewResponseFromRequest(r, code, text, nil)) // the asker may be gone
		}
	}
	inside := func(f sipgo.RequestHandler) sipgo.RequestHandler {
		return func(r *sip.Request, tx sip.ServerTransaction) {
			if !d.mine(r) {
				respond(481, "Call Does Not Exist")(r, tx)
				return
			}
			f(r, tx)
		}
	}
	s.server.OnBye(inside(func(r *sip.Request, tx sip.ServerTransaction) {
		respond(200, "OK")(r, tx)
		d.bye.Do(func() { close(d.hungUp) })
	}))
	s.server.OnInfo(inside(func(r *sip.Request, tx sip.ServerTransaction) {
		respond(200, "OK")(r, tx)
		if key, ok := infoKey(r); ok {
			select {
			case d.keys <- key:
			default: // more keys than a person presses
			}
		}
	}))
	s.server.OnInvite(inside(d.again))
	s.server.OnUpdate(inside(d.again))
	s.server.OnOptions(respond(200, "OK"))
	s.server.OnAck(func(*sip.Request, sip.ServerTransaction) {}) // of our answers to "again"
	return d
}

// mine tells whether a request belongs to this call: a stranger does not know
// its Call-ID and tags. Who hangs up at once may be heard before his answer is
// worked off, so that is waited for.
func (d *dialog) mine(r *sip.Request) bool {
	if r.CallID() == nil || r.From() == nil || r.To() == nil {
		return false
	}
	d.mu.Lock()
	invite := d.invite
	d.mu.Unlock()
	if invite == nil || r.CallID().Value() != invite.CallID().Value() || tagOf(r.To().Params) != tagOf(invite.From().Params) {
		return false
	}
	patience := time.Duration(0) // a key before the answer was pressed by no person who heard us
	if r.Method == sip.BYE {
		patience = time.Second
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-d.answered:
	case <-late.C:
		select {
		case <-d.answered:
		default:
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return tagOf(r.From().Params) == tagOf(d.answer.To().Params)
}

func tagOf(p sip.HeaderParams) string {
	tag, _ := p.Get("tag")
	return tag
}

// again answers a re-INVITE or UPDATE, by which exchanges move the audio.
func (d *dialog) again(r *sip.Request, tx sip.ServerTransaction) {
	res := sip.NewResponseFromRequest(r, 200, "OK", nil)
	if body := r.Body(); len(body) > 0 {
		m, err := parseSDP(body)
		if err != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(r, 488, "Not Acceptable Here", nil)) // the call goes on as it was
			return
		}
		d.mu.Lock()
		d.remote = m
		d.mu.Unlock()
		d.withSDP(res, &m) // answers "hold" as RFC 3264 section 8.4 has it
	} else if r.Method == sip.INVITE {
		d.withSDP(res, nil)
	}
	res.AppendHeader(sip.HeaderClone(d.invite.Contact()))
	_ = tx.Respond(res) // the asker may be gone
}

func (d *dialog) withSDP(m interface {
	sip.Message
	SetBody([]byte)
}, only *media,
) {
	d.mu.Lock()
	d.session++
	body := describe(d.rtp, d.session, only)
	d.mu.Unlock()
	m.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	m.SetBody([]byte(body))
}

// target is where the audio goes now.
func (d *dialog) target() media {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.remote
}

// infoKey reads a key from a SIP INFO, of the two kinds in use.
func infoKey(r *sip.Request) (byte, bool) {
	kind, body := "", string(r.Body())
	if h := r.ContentType(); h != nil {
		kind, _, _ = strings.Cut(strings.ToLower(h.Value()), ";")
	}
	switch {
	case len(body) > 256:
		return 0, false
	case kind == "application/dtmf":
	case kind == "application/dtmf-relay":
		found := ""
		for line := range strings.Lines(body) {
			if k, v, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(k), "signal") {
				found = v
			}
		}
		body = found
	default:
		return 0, false
	}
	body = strings.ToUpper(strings.TrimSpace(body))
	if len(body) != 1 || !strings.Contains(keys, body) {
		return 0, false
	}
	return body[0], true
}

// dial rings until somebody answers, ctx ends, or the exchange says no. On
// every error the call is over when it comes back.
func (d *dialog) dial(ctx context.Context, number, password string) error {
	invite := d.c.request(d.s, sip.INVITE, d.c.uri(number))
	d.withSDP(invite, nil)
	d.mu.Lock()
	d.invite = invite
	d.mu.Unlock()
	tx, err := d.s.client.TransactionRequest(ctx, d.invite)
	if err != nil {
		return errors.Join(fmt.Errorf("calling the exchange: %w", err), ctx.Err())
	}
	res, provisional, err := d.final(ctx, tx, maxProvisional)
	if err == nil && challenged(res) && password != "" {
		tx.Terminate()
		tx, err = d.s.client.TransactionDigestAuth(ctx, d.invite, res, sipgo.DigestAuth{Username: d.c.set.Username, Password: password})
		if err != nil {
			return errors.Join(errors.New("the exchange's challenge could not be answered"), ctx.Err())
		}
		res, provisional, err = d.final(ctx, tx, maxProvisional)
	}
	d.tx = tx
	if err != nil {
		d.cancel(ctx, provisional)
		return err
	}
	if !res.IsSuccess() {
		no := &refusal{code: res.StatusCode, reason: res.Reason, after: retryAfter(res)}
		if challenged(res) && password == "" {
			no.reason = "no password_file is set"
		}
		return no
	}
	return d.accept(res)
}

// final waits for the answer that decides.
func (d *dialog) final(ctx context.Context, tx sip.ClientTransaction, most int) (res *sip.Response, provisional bool, err error) {
	for range most {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, provisional, nil
			}
			provisional = true
			if res.StatusCode >= 180 && d.rang.IsZero() {
				d.rang = time.Now()
			}
		case <-tx.Done():
			return nil, provisional, fmt.Errorf("%w: %w", errNoAnswer, tx.Err())
		case <-ctx.Done():
			return nil, provisional, ctx.Err()
		}
	}
	return nil, provisional, errChatter
}

// cancel stops the ringing (RFC 3261 section 9). Who picks up in this very
// moment is hung up on: nobody speaks any more.
func (d *dialog) cancel(ctx context.Context, provisional bool) {
	defer d.tx.Terminate()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), d.grace)
	defer stop()
	if !provisional && !d.rings(ctx) {
		return // a CANCEL is not allowed before the first answer
	}
	req := sip.NewRequest(sip.CANCEL, d.invite.Recipient)
	req.AppendHeader(sip.HeaderClone(d.invite.Via()))
	req.AppendHeader(sip.HeaderClone(d.invite.From()))
	req.AppendHeader(sip.HeaderClone(d.invite.To()))
	req.AppendHeader(sip.HeaderClone(d.invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: d.invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.SetTransport(d.invite.Transport())
	req.Laddr = d.invite.Laddr
	req.SetBody(nil)
	if tx, err := d.s.client.TransactionRequest(ctx, req, keep); err == nil {
		defer tx.Terminate()
	}
	if res, _, err := d.final(ctx, d.tx, maxProvisional); err == nil && res.IsSuccess() {
		_ = d.accept(res) // only so that it can be ended
		d.hangUp(ctx)
	}
}

// rings waits for the first provisional answer, of a slow exchange that would
// let it ring after we gave up.
func (d *dialog) rings(ctx context.Context) bool {
	select {
	case res := <-d.tx.Responses():
		if res.IsSuccess() {
			_ = d.accept(res) // only so that it can be ended
			d.hangUp(ctx)
		}
		return res.IsProvisional()
	case <-d.tx.Done():
	case <-ctx.Done():
	}
	return false
}

// keep sends a request as it was built.
func keep(*sipgo.Client, *sip.Request) error { return nil }
