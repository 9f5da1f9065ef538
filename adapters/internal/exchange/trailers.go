package exchange

import (
	"maps"
	"net/http"
)

// trailers keep the trailer that a connection writes apart from the caller's. net/http's
// body writes it into the Response that came with it, when it comes to the end, and a
// draining comes there in a goroutine of its own, when the Response is the caller's.
type trailers struct {
	wire *http.Response // the connection's
	own  http.Response  // the caller's
}

func apart(resp *http.Response) *trailers {
	t := &trailers{wire: resp, own: *resp}
	t.own.Trailer = maps.Clone(resp.Trailer)
	return t
}

// arrive gives the caller what has come, when a Read of the caller's has come to the end, or failed.
func (t *trailers) arrive() {
	if t.own.Trailer == nil {
		t.own.Trailer = maps.Clone(t.wire.Trailer)
		return
	}
	maps.Copy(t.own.Trailer, t.wire.Trailer) // the caller may have the map
}
