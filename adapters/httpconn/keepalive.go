package httpconn

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	stdatomic "sync/atomic"
	"time"
)

// defaultKeepAliveMargin is for a request that is on its way while the server's
// time runs out, and for clocks that differ.
const defaultKeepAliveMargin = time.Second

// These are why a connection is not used any more.
var (
	errKeptTooLong = errors.New("httpconn: the server's keep-alive time is over")
	errIdleTooLong = errors.New("httpconn: the connection was idle for longer than IdleConnTimeout")
)

// keepAlive is how long the server keeps an idle HTTP/1 connection, by its own
// words. The holder of the connection owns it between Take and the end of its
// lease; only end is read by others.
type keepAlive struct {
	margin time.Duration // below 0: the server's words do not count
	keep   time.Duration // after each response. 0: the server has not said
	timer  *time.Timer   // tells the pool at the end

	// end is when an idle connection is of no use any more, as Unix nanoseconds of
	// the wall clock, because the server's clock goes on while this machine
	// sleeps. 0: never.
	end stdatomic.Int64
}

// heed reads the header of a response.
func (k *keepAlive) heed(h http.Header) {
	if k.margin < 0 {
		return
	}
	if d, ok := keepAliveTimeout(h); ok {
		k.keep = max(1, d-min(k.margin, d/2))
	}
}

// idle starts the time of an idle connection, if the server has said one. over is
// called at its end.
func (k *keepAlive) idle(over func()) {
	if k.keep == 0 {
		return
	}
	k.end.Store(time.Now().Add(k.keep).UnixNano())
	if k.timer == nil {
		k.timer = time.AfterFunc(k.keep, over)
		return
	}
	k.timer.Reset(k.keep)
}

func (k *keepAlive) isOver() bool {
	end := k.end.Load()
	return end != 0 && time.Now().UnixNano() >= end
}

// keepAliveTimeout returns the timeout parameter of a Keep-Alive field, RFC 2068
// section 19.7.1.1, which is in seconds.
func keepAliveTimeout(h http.Header) (time.Duration, bool) {
	for _, field := range h["Keep-Alive"] {
		for param := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(param, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "timeout") {
				continue
			}
			n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31)
			if err == nil {
				return time.Duration(n) * time.Second, true
			}
		}
	}
	return 0, false
}
