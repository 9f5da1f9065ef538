package httpconn

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// limits are a Config's numbers with Base's in place, 0 for no limit.
type limits struct {
	conns, idlePerHost, totalConns, idle int
	closeSerial                          bool // HTTP/1 connections are not kept
	idleTime, drainTime                  time.Duration
	dialTime, redialTime                 time.Duration
	pingTime                             time.Duration // 0: as Base says
}

// limits checks c and resolves its numbers. The error names the wrong field.
func (c *Config) limits(base *http.Transport) (limits, error) {
	for _, f := range []struct {
		name string
		v    int
	}{
		{"MaxConnsPerHost", c.MaxConnsPerHost},
		{"MaxConns", c.MaxConns},
		{"MaxIdleConns", c.MaxIdleConns},
		{"MaxStreamsPerConn", c.MaxStreamsPerConn},
		{"MaxDialsPerHost", c.MaxDialsPerHost},
		{"MaxDials", c.MaxDials},
	} {
		if f.v < 0 {
			return limits{}, fieldError(f.name, f.v)
		}
	}
	for _, f := range []struct {
		name string
		v    time.Duration
	}{
		{"WaitTimeout", c.WaitTimeout},
		{"DialTimeout", c.DialTimeout},
		{"RedialAfter", c.RedialAfter},
		{"IdleConnTimeout", c.IdleConnTimeout},
		{"DrainTimeout", c.DrainTimeout},
		{"PingInterval", c.PingInterval},
	} {
		if f.v < 0 {
			return limits{}, fieldError(f.name, f.v)
		}
	}
	l := limits{
		conns:      pick(c.MaxConnsPerHost, base.MaxConnsPerHost),
		totalConns: pick(c.MaxConns, 0),
		idle:       pick(c.MaxIdleConns, base.MaxIdleConns),
		idleTime:   noLimitIsZero(c.IdleConnTimeout),
		drainTime:  noLimitIsZero(c.DrainTimeout),
		dialTime:   noLimitIsZero(c.DialTimeout),
		redialTime: noLimitIsZero(c.RedialAfter),
		pingTime:   c.PingInterval,
	}
	if c.DialTimeout == 0 {
		l.dialTime = wire.DialTimeout
	}
	if c.RedialAfter == 0 {
		l.redialTime = wire.RedialAfter
	}
	if c.DrainTimeout == 0 {
		l.drainTime = wire.DrainTimeout
	}
	if c.IdleConnTimeout == 0 {
		l.idleTime = max(0, base.IdleConnTimeout)
	}
	if c.Budget != nil {
		l.idle = pick(c.MaxIdleConns, 0)
	}
	l.setIdlePerHost(c.MaxIdleConnsPerHost, base.MaxIdleConnsPerHost)
	return l, nil
}

func (l *limits) setIdlePerHost(v, base int) {
	if v == 0 {
		v = base
	}
	l.closeSerial = v < 0
	switch {
	case v == NoLimit:
	case v > 0:
		l.idlePerHost = v
	case l.conns > 0:
		l.idlePerHost = l.conns
	default:
		l.idlePerHost = http.DefaultMaxIdleConnsPerHost
	}
}

// pick returns v, or base if v is 0, with 0 for no limit. What is negative in
// base is no limit in net/http.
func pick(v, base int) int {
	switch v {
	case 0:
		return max(0, base)
	case NoLimit:
		return 0
	}
	return v
}

// noLimitIsZero is for durations: NoLimit can be assigned to them too, and on a
// 32-bit machine it is only two seconds.
func noLimitIsZero(d time.Duration) time.Duration {
	if d == NoLimit {
		return 0
	}
	return d
}

func fieldError(field string, v any) error {
	return fmt.Errorf("httpconn: Config.%s is %v: use 0 for the default, NoLimit for none", field, v)
}

// poolConfig returns the pool that t runs on.
func (t *Transport) poolConfig(c *Config, l limits) keyed.Config[Host, *conn] {
	return keyed.Config[Host, *conn]{
		Dial:      t.dial,
		Close:     (*conn).close,
		Take:      (*conn).take,
		Capacity:  (*conn).capacity,
		Shareable: (*conn).shareable,
		Expect:    (*conn).expect,
		Watch:     (*conn).watch,
		Shared:    t.shared,

		MaxOpenPerKey:    l.conns,
		MaxIdlePerKey:    l.idlePerHost,
		MaxWaitersPerKey: pickWaiters(c.MaxWaitersPerHost),
		MaxDialsPerKey:   pick(c.MaxDialsPerHost, 0),
		MaxOpen:          l.totalConns,
		MaxIdle:          l.idle,
		MaxWaiters:       pickWaiters(c.MaxWaiters),
		MaxDials:         pick(c.MaxDials, 0),
		Affinity:         c.Affinity,
		Budget:           c.Budget,
		PerKey:           t.perHost(c.PerHost),

		WaitTimeout:    noLimitIsZero(c.WaitTimeout),
		DialTimeout:    l.dialTime,
		RedialAfter:    l.redialTime,
		MaxIdleTime:    l.idleTime,
		MaxLifetime:    noLimitIsZero(c.MaxConnLifetime),
		LifetimeJitter: c.ConnLifetimeJitter,
		Overlap:        c.ConnOverlap,
		DrainTimeout:   l.drainTime,
		MaxUses:        c.MaxRequestsPerConn,
		Reuse:          c.Reuse,

		BackoffBase: c.BackoffBase,
		BackoffMax:  c.BackoffMax,
		BreakAfter:  c.BreakAfter,
		ShedLate:    c.ShedLate,
		LeakAfter:   noLimitIsZero(c.LeakAfter),
		LeakSample:  c.LeakSample,
		Hooks:       c.Hooks,
	}
}

// ownWords returns an error of keyed.New about a field under the name that it has
// here.
func ownWords(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "keyed: ")
	for theirs, ours := range map[string]string{
		"MaxLifetime": "MaxConnLifetime", "LifetimeJitter": "ConnLifetimeJitter", "Overlap": "ConnOverlap",
		"MaxOpen": "MaxConns", "MaxIdle": "MaxIdleConns",
	} {
		text = regexp.MustCompile(`\b`+theirs+`\b`).ReplaceAllString(text, ours)
	}
	return errors.New("httpconn: Config." + text)
}

// perHost returns of, which may be nil. Where connections are not kept, or those of HTTP/1
// are not and a host speaks nothing else, the MaxIdle of that host is -1, unless of sets its
// MaxIdle or MinIdle: what was dialled and is not needed any more is not kept either.
func (t *Transport) perHost(of func(Host) pool.Limits) func(Host) pool.Limits {
	if !t.closeSerial && !t.single {
		return of
	}
	return func(h Host) (own pool.Limits) {
		if of != nil {
			own = of(h)
		}
		if own.MaxIdle == 0 && own.MinIdle == 0 && (t.single || !t.wire.maybeHTTP2(h)) {
			own.MaxIdle = -1
		}
		return own
	}
}

// pickWaiters leaves what is negative: it means that none waits.
func pickWaiters(v int) int {
	if v == NoLimit {
		return 0
	}
	return v
}
