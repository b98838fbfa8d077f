package voice

import (
	"context"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// accept acknowledges the answer and reads where its audio is.
func (d *dialog) accept(res *sip.Response) error {
	d.mu.Lock()
	d.answer, d.cseq = res, d.invite.CSeq().SeqNo
	d.mu.Unlock()
	close(d.answered)
	ack := d.inDialog(sip.ACK, res)
	d.tx.OnRetransmission(func(again *sip.Response) {
		if tagOf(again.To().Params) == tagOf(res.To().Params) { // our ACK was lost
			_ = d.s.client.WriteRequest(ack.Clone(), keep) // lost again: it comes again
			return
		}
		d.endLeg(again)
	})
	if err := d.s.client.WriteRequest(ack.Clone(), keep); err != nil {
		return fmt.Errorf("acknowledging the answer: %w", err)
	}
	m, err := parseSDP(res.Body())
	if err == nil && m.addr.Addr().IsUnspecified() {
		err = errBadTarget
	}
	if err != nil {
		return &refusal{code: 488, reason: err.Error()}
	}
	d.mu.Lock()
	d.remote = m
	d.mu.Unlock()
	return nil
}

// endLeg hangs up on a further phone that answered a call that rang at several
// (RFC 3261 section 13.2.2.4): one person speaks with us.
func (d *dialog) endLeg(res *sip.Response) {
	_ = d.s.client.WriteRequest(d.inDialog(sip.ACK, res), keep) // lost: the answer comes again
	tag := tagOf(res.To().Params)
	d.mu.Lock()
	known := d.legs[tag] || len(d.legs) >= maxLegs
	d.legs[tag] = true
	if !known {
		d.ending.Add(1)
	}
	d.mu.Unlock()
	if known {
		return
	}
	go func() {
		defer d.ending.Done()
		ctx, stop := context.WithTimeout(context.Background(), d.grace)
		defer stop()
		d.sendBye(ctx, res)
	}()
}

// inDialog builds a request inside the call (RFC 3261 section 12.2.1.1).
func (d *dialog) inDialog(method sip.RequestMethod, answer *sip.Response) *sip.Request {
	to := d.invite.Recipient
	if c := answer.Contact(); c != nil {
		to = *c.Address.Clone()
	}
	req := sip.NewRequest(method, to)
	via := sip.HeaderClone(d.invite.Via()).(*sip.ViaHeader)
	via.Params.Remove("branch")
	via.Params.Add("branch", sip.GenerateBranchN(16))
	req.AppendHeader(via)
	for _, route := range slices.Backward(answer.GetHeaders("Record-Route")) {
		req.AppendHeader(sip.NewHeader("Route", route.Value()))
	}
	req.AppendHeader(sip.HeaderClone(d.invite.From()))
	req.AppendHeader(sip.HeaderClone(answer.To()))
	req.AppendHeader(sip.HeaderClone(d.invite.CallID()))
	d.mu.Lock()
	if method != sip.ACK {
		d.cseq++
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: d.cseq, MethodName: method})
	d.mu.Unlock()
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(sip.HeaderClone(d.invite.Contact()))
	req.SetTransport(d.invite.Transport())
	req.Laddr = d.invite.Laddr
	req.SetBody(nil)
	return req
}

// hangUp ends an answered call, unless the other side has.
func (d *dialog) hangUp(ctx context.Context) {
	defer d.ending.Wait()
	defer d.tx.Terminate()
	select {
	case <-d.hungUp:
		return
	default:
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), d.grace)
	defer stop()
	d.sendBye(ctx, d.answer)
}

func (d *dialog) sendBye(ctx context.Context, answer *sip.Response) {
	tx, err := d.s.client.TransactionRequest(ctx, d.inDialog(sip.BYE, answer), keep)
	if err != nil {
		return // the exchange is gone; so is the call
	}
	defer tx.Terminate()
	select {
	case <-tx.Responses():
	case <-tx.Done():
	case <-ctx.Done():
	}
}
