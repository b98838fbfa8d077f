package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"watchpost.example/probes"
)

// Error is a failure whose Reason is known. Detail is one sentence for people
// in which remote text is quoted; Err is the cause, nil when Detail says all.
type Error struct {
	Reason probes.Reason
	Detail string
	Err    error
}

// Error gives the detail and the cause.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Detail
	case e.Detail == "":
		return e.Err.Error()
	}
	return e.Detail + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Classify gives the Reason of a failed resolve, dial, read or write: the one
// an *Error in its chain carries, else what the errno says. nil gives OK. An
// error that it does not know gives TCPClosed, because by then a connection
// existed and is of no more use.
func Classify(err error) probes.Reason {
	if err == nil {
		return probes.OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	switch {
	case errors.Is(err, context.Canceled):
		return probes.OursCanceled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return probes.TCPTimeout
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		if r := classifyErrno(no); r != probes.OK {
			return r
		}
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return probes.TCPTimeout
	}
	return probes.TCPClosed
}

func classifyErrno(no syscall.Errno) probes.Reason {
	switch no {
	case syscall.ECONNREFUSED:
		return probes.TCPRefused
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED:
		return probes.TCPReset
	case syscall.ETIMEDOUT:
		return probes.TCPTimeout
	case syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENOPROTOOPT, syscall.EPROTO:
		return probes.TCPUnreachable
	case syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EAFNOSUPPORT:
		return probes.OursNoRoute
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		return probes.OursSockets
	case syscall.EPERM, syscall.EACCES:
		return probes.OursPermission
	}
	return probes.OK
}

// Explain is the sentence for a Part's Detail: what was tried and why it
// failed, in plain words and bounded.
func Explain(what string, err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return probes.Clip(e.Error(), probes.MaxDetail)
	}
	return probes.Clip(what+": "+plain(err), probes.MaxDetail)
}

// plain says an errno in the words of the night shift; the addresses that
// net.OpError repeats are left out, because the Part names them.
func plain(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case Classify(err) == probes.TCPTimeout:
		return "no answer within the time allowed"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the server closed the connection"
	}
	switch Classify(err) {
	case probes.TCPRefused:
		return "connection refused: nothing listens on this port, or a firewall rejects"
	case probes.TCPReset:
		return "the server reset the connection"
	case probes.TCPUnreachable:
		return "a router says the host can't be reached"
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	return err.Error()
}

// VerdictOf is Unknown when the reason is ours, else Down; Up for OK.
func VerdictOf(r probes.Reason) probes.Verdict {
	switch {
	case r == probes.OK:
		return probes.Up
	case r.Ours():
		return probes.Unknown
	}
	return probes.Down
}
