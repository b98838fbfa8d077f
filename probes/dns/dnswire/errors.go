package dnswire

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// netError gives the class of a socket's error with the error itself behind it.
// What is ours (no route, no descriptors, forbidden, canceled) keeps its own
// error beside ErrDial, so that the kind can say Unknown.
func netError(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return errors.Join(classOf(e.Reason), err)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.Join(ErrRefused, err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return errors.Join(ErrTimeout, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.Join(ErrClosed, err)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, syscall.EHOSTDOWN):
		return errors.Join(ErrTimeout, err)
	}
	return errors.Join(ErrDial, err)
}

// classOf is the class of what probes/wire says.
func classOf(r probes.Reason) error {
	switch r {
	case probes.TCPRefused:
		return ErrRefused
	case probes.TCPTimeout, probes.TCPUnreachable:
		return ErrTimeout
	case probes.TCPReset, probes.TCPClosed:
		return ErrClosed
	}
	return ErrDial
}
