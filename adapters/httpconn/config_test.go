package httpconn_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// That of net/http can be used as it is, so somebody will try.
func TestZeroTransportSaysWhatItIs(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
	require.NoError(t, err)
	zero := &httpconn.Transport{}
	for name, call := range map[string]func(){
		"RoundTrip":    func() { _, _ = zero.RoundTrip(req) },
		"Warm":         func() { _ = zero.Warm(t.Context(), "http://localhost/", 1) },
		"HostOf":       func() { _, _ = zero.HostOf(req) },
		"SetLimits":    func() { _ = zero.SetLimits(httpconn.Host{}, pool.Limits{}) },
		"ShutdownHost": func() { _ = zero.ShutdownHost(t.Context(), httpconn.Host{}) },
		"StatsFor":     func() { _, _ = zero.StatsFor(httpconn.Host{}) },
		"Reset":        zero.Reset,
		"ResetHost":    func() { zero.ResetHost(httpconn.Host{}) },
		"CloseIdle":    zero.CloseIdleConnections,
		"Close":        func() { _ = zero.Close() },
		"Shutdown":     func() { _ = zero.Shutdown(t.Context()) },
		"Stats":        func() { _ = zero.Stats() },
		"All":          func() { _ = zero.All() },
	} {
		assert.PanicsWithValue(t, "httpconn: this is the zero Transport: make it with New", call, name)
	}
}

func TestNewNamesTheWrongField(t *testing.T) {
	for field, cfg := range map[string]httpconn.Config{
		"MaxConnsPerHost":   {MaxConnsPerHost: -1},
		"MaxConns":          {MaxConns: -1},
		"MaxIdleConns":      {MaxIdleConns: -1},
		"MaxStreamsPerConn": {MaxStreamsPerConn: -1},
		"MaxDialsPerHost":   {MaxDialsPerHost: -1},
		"WaitTimeout":       {WaitTimeout: -1},
		"DialTimeout":       {DialTimeout: -1},
		"RedialAfter":       {RedialAfter: -1},
		"IdleConnTimeout":   {IdleConnTimeout: -1},
		"PingInterval":      {PingInterval: -1},
		"MaxDials":          {MaxDials: -1},
		"MaxConnLifetime":   {MaxConnLifetime: -1},
		"DrainTimeout":      {DrainTimeout: -1},
		"BackoffBase":       {BackoffBase: -1},
		"BackoffMax":        {BackoffBase: 1, BackoffMax: -1},
		"BreakAfter":        {BreakAfter: -1},
		"LeakAfter":         {LeakAfter: -1},
		"LeakSample":        {LeakAfter: 1, LeakSample: -1},
		"Affinity":          {Affinity: -1},
	} {
		t.Run(field, func(t *testing.T) {
			tr, err := httpconn.New(cfg)
			require.Error(t, err)
			assert.Contains(t, err.Error(), "httpconn: Config."+field+" is -1")
			assert.Nil(t, tr)
		})
	}
	b, err := pool.NewBudget(pool.BudgetLimits{})
	require.NoError(t, err)
	for want, cfg := range map[string]httpconn.Config{
		"Config.MaxConns is set together with Budget":     {Budget: b, MaxConns: 1},
		"Config.MaxIdleConns is set together with Budget": {Budget: b, MaxIdleConns: 1},
		"Config.MaxDials is set together with Budget":     {Budget: b, MaxDials: 1},
		"Config.Affinity is set together with Budget":     {Budget: b, Affinity: 1},

		"DrainTimeout is -1ns: use 0 for the default, NoLimit for none": {DrainTimeout: -1},
		"Config.ConnLifetimeJitter is 2s, not below MaxConnLifetime 1s": {MaxConnLifetime: time.Second, ConnLifetimeJitter: 2 * time.Second},
		"Config.ConnOverlap is 2s":                                      {MaxConnLifetime: time.Second, ConnOverlap: 2 * time.Second},
		"Config.Reuse is 9":                                             {Reuse: 9},
		"Config.ShedLate is 9":                                          {ShedLate: 9},
		"Config.LeakSample is set":                                      {LeakSample: 1},
		"Config.BackoffMax is set":                                      {BackoffMax: 1},
	} {
		_, err := httpconn.New(cfg)
		assert.ErrorContains(t, err, want)
	}
}

func TestNewWantsATransportAsDefaultTransport(t *testing.T) {
	old := http.DefaultTransport
	defer func() { http.DefaultTransport = old }()
	http.DefaultTransport = http.NewFileTransport(http.Dir("."))
	_, err := httpconn.New(httpconn.Config{})
	require.ErrorContains(t, err, "Base")
	_, err = httpconn.New(httpconn.Config{Base: &http.Transport{}})
	require.NoError(t, err)
}

func TestNoLimitIsAcceptedEverywhere(t *testing.T) {
	s := serve(t, plain1, proto)
	c := newClient(t, plain1, s, httpconn.Config{
		MaxConnsPerHost: httpconn.NoLimit, MaxIdleConnsPerHost: httpconn.NoLimit,
		MaxConns: httpconn.NoLimit, MaxIdleConns: httpconn.NoLimit,
		MaxStreamsPerConn: httpconn.NoLimit, MaxWaitersPerHost: httpconn.NoLimit, MaxDialsPerHost: httpconn.NoLimit,
		WaitTimeout: httpconn.NoLimit, DialTimeout: httpconn.NoLimit, RedialAfter: httpconn.NoLimit, IdleConnTimeout: httpconn.NoLimit,
		MaxWaiters: httpconn.NoLimit, MaxDials: httpconn.NoLimit,
		MaxConnLifetime: httpconn.NoLimit, DrainTimeout: httpconn.NoLimit, PingInterval: httpconn.NoLimit, LeakAfter: httpconn.NoLimit,
	}, func(tr *http.Transport) {
		tr.MaxConnsPerHost, tr.IdleConnTimeout = 1, time.Nanosecond
	})
	c.mustGet(s.URL)
	for _, st := range c.All() {
		assert.Equal(t, pool.Limits{}, st.Limits)
		assert.Equal(t, 1, st.Idle)
	}
}

func TestLimitsOfBaseAreTheDefault(t *testing.T) {
	s := serve(t, plain1, proto)
	c := newClient(t, plain1, s, httpconn.Config{MaxDialsPerHost: 3, MaxWaitersPerHost: 9}, func(tr *http.Transport) {
		tr.MaxConnsPerHost, tr.MaxIdleConnsPerHost, tr.MaxIdleConns = 7, 5, 6
	})
	c.mustGet(s.URL)
	for _, st := range c.All() {
		assert.Equal(t, pool.Limits{MaxOpen: 7, MaxIdle: 5, MaxWaiters: 9, MaxDials: 3}, st.Limits)
	}
	assert.Equal(t, 6, c.Stats().MaxIdle)
}

func TestBaseIsNotChangedAndStaysUsable(t *testing.T) {
	s := serve(t, tls2, proto)
	base := &http.Transport{MaxConnsPerHost: 3, MaxIdleConns: 4, IdleConnTimeout: time.Hour, DisableKeepAlives: true}
	trust(base, s)
	tr, err := httpconn.New(httpconn.Config{Base: base})
	require.NoError(t, err)
	defer func() { require.NoError(t, tr.Shutdown(context.Background())) }()
	for _, rt := range []http.RoundTripper{tr, base, tr} {
		resp, err := (&http.Client{Transport: rt}).Get(s.URL)
		require.NoError(t, err)
		body, err := read(resp)
		require.NoError(t, err)
		assert.Equal(t, "HTTP/2.0", body)
	}
	assert.Equal(t, 3, base.MaxConnsPerHost)
	assert.Equal(t, 4, base.MaxIdleConns)
	assert.Equal(t, time.Hour, base.IdleConnTimeout)
	assert.True(t, base.DisableKeepAlives)
	assert.Nil(t, base.DialContext)
	assert.Nil(t, base.Proxy)
	assert.Nil(t, base.Protocols)
}

func TestHTTP2IsSpokenWhereBaseWouldSpeakIt(t *testing.T) {
	for name, tt := range map[string]struct {
		tune func(*http.Transport)
		want string
	}{
		"own TLS settings turn it off": {func(tr *http.Transport) { tr.ForceAttemptHTTP2 = false }, "HTTP/1.1"},
		"ForceAttemptHTTP2":            {func(*http.Transport) {}, "HTTP/2.0"},
		"Protocols without it": {func(tr *http.Transport) {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetHTTP1(true)
		}, "HTTP/1.1"},
		"Protocols with it": {func(tr *http.Transport) {
			tr.ForceAttemptHTTP2 = false
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetHTTP1(true)
			tr.Protocols.SetHTTP2(true)
		}, "HTTP/2.0"},
		"an empty TLSNextProto turns it off": {func(tr *http.Transport) {
			tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}, "HTTP/1.1"},
		"another implementation in TLSNextProto": {func(tr *http.Transport) {
			tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
				"h2": func(string, *tls.Conn) http.RoundTripper { return nil },
			}
		}, "HTTP/2.0"},
		"NextProtos left over": {func(tr *http.Transport) {
			tr.ForceAttemptHTTP2 = false
			tr.TLSClientConfig.NextProtos = []string{"h2", "http/1.1"}
		}, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tls2, proto)
			c := newClient(t, tls2, s, httpconn.Config{}, tt.tune)
			assert.Equal(t, tt.want, c.mustGet(s.URL))
		})
	}
}

func TestBadRequestsHaveTheWordsOfNetHTTP(t *testing.T) {
	target := &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/"}
	for want, tune := range map[string]func(*http.Request){
		"http: nil Request.URL":                               func(r *http.Request) { r.URL = nil },
		"http: nil Request.Header":                            func(r *http.Request) { r.Header = nil },
		`unsupported protocol scheme "ftp"`:                   func(r *http.Request) { r.URL.Scheme = "ftp" },
		`unsupported protocol scheme ""`:                      func(r *http.Request) { r.URL.Scheme = "" },
		`net/http: invalid header field name "a b"`:           func(r *http.Request) { r.Header["a b"] = []string{"c"} },
		`net/http: invalid header field name ""`:              func(r *http.Request) { r.Header[""] = []string{"c"} },
		`net/http: invalid header field value for "A"`:        func(r *http.Request) { r.Header["A"] = []string{"secret\n"} },
		`net/http: invalid trailer field name "Traïl"`:        func(r *http.Request) { r.Trailer = http.Header{"Traïl": nil} },
		`net/http: invalid trailer field value for "Trailer"`: func(r *http.Request) { r.Trailer = http.Header{"Trailer": {"\x7f"}} },
		`net/http: invalid method "BAD METHOD"`:               func(r *http.Request) { r.Method = "BAD METHOD" },
		"http: no Host in request URL":                        func(r *http.Request) { r.URL.Host = "" },
	} {
		t.Run(want, func(t *testing.T) {
			c := newClient(t, plain1, nil, httpconn.Config{})
			ask := func(rt http.RoundTripper) (int, error) {
				u := *target
				body := &closeCounter{Reader: http.NoBody}
				req := &http.Request{Method: http.MethodPost, URL: &u, Header: http.Header{}, Body: body}
				tune(req)
				_, err := rt.RoundTrip(req)
				return body.times(), err
			}
			closes, err := ask(c)
			assert.Equal(t, 1, closes)
			assert.Zero(t, c.wires.dialled())
			_, theirs := ask(&http.Transport{})
			require.EqualError(t, err, theirs.Error())
			assert.EqualError(t, err, want)
		})
	}
}

func TestRequestWithoutMethodIsAGet(t *testing.T) {
	s := serve(t, plain1, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Method)) })
	c := newClient(t, plain1, s, httpconn.Config{})
	req := request(t.Context(), t, http.MethodGet, s.URL, nil)
	req.Method = ""
	r := within(t, c.start(req), "response")
	require.NoError(t, r.err)
	assert.Equal(t, "GET", r.body)
}
