package http

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// read takes the body up to the limit, decoded. A body that is longer is cut
// and marked; that alone is no fault.
func (l *look) read(res *http.Response, x *exchange) error {
	keep := int64(keepOfBody)
	if l.want.needsBody() {
		keep = l.bodyLimit
	}
	counted := &counter{r: res.Body}
	src, decoding, err := decoder(counted, res.Header.Get("Content-Encoding"))
	if err != nil {
		return bodyError(err, decoding)
	}
	bp := l.buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer l.buffers.Put(bp)
	for {
		n, err := src.Read(*bp)
		if room := keep - int64(len(x.body)); room > 0 && n > 0 {
			x.body = append(x.body, (*bp)[:min(int64(n), room)]...)
		}
		x.size += int64(n)
		if decoding && x.size > bombMinimum && x.size > bombRatio*counted.n {
			return errBomb
		}
		if x.size > l.bodyLimit {
			x.truncated = true
			x.size = l.bodyLimit
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, errHeadTooLarge) { // the meter: framing without end
			x.truncated = true
			return nil
		}
		if err != nil {
			return bodyError(err, decoding)
		}
	}
}

// decoder undoes the encodings that were offered; others are left alone, for a
// server that sends what nobody asked for fails the body expectation.
func decoder(r io.Reader, encoding string) (src io.Reader, decoding bool, err error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if errors.Is(err, io.EOF) { // an empty body is an empty page
			return strings.NewReader(""), false, nil
		}
		return z, true, err
	case "deflate":
		// The standard says zlib; several servers send bare deflate.
		b := bufio.NewReader(r)
		head, err := b.Peek(2)
		if len(head) < 2 {
			if errors.Is(err, io.EOF) {
				return strings.NewReader(""), false, nil
			}
			return nil, true, err
		}
		if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			z, err := zlib.NewReader(b)
			return z, true, err
		}
		return flate.NewReader(b), true, nil
	}
	return r, false, nil
}

func bodyError(err error, decoding bool) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case corrupt, errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, zlib.ErrHeader), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zlib.ErrDictionary):
		return errEncoding
	case errors.Is(err, io.ErrUnexpectedEOF), decoding && errors.Is(err, io.EOF):
		return errEarlyEnd
	case strings.Contains(err.Error(), "chunked encoding"), strings.Contains(err.Error(), "chunk"):
		return &wire.Error{Reason: probes.HTTPProtocol, Detail: "the body's chunks are malformed: " + probes.Quote(err.Error(), 120)}
	}
	return stage(err)
}

// counter counts coded bytes, for the ratio of a bomb.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
