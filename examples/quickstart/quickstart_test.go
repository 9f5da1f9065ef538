package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// told runs quickstart and returns what it told whom.
func told(ctx context.Context, args ...string) (code int, out, errs string) {
	var stdout, stderr strings.Builder
	code = quickstart(ctx, args, &stdout, &stderr, nil)
	return code, stdout.String(), stderr.String()
}

// tableOf returns the rows of the table in out, split at blanks. Times lose their
// units, so that every row has eleven fields.
func tableOf(t *testing.T, out string) [][]string {
	t.Helper()
	text, _, found := strings.Cut(out, "\n\n")
	require.True(t, found, out)
	lines := strings.Split(text, "\n")[3:] // the head has two lines and a rule
	var rows [][]string
	for _, line := range lines {
		line = strings.NewReplacer(" ms", "", " s", "", " (HTTP", "(HTTP").Replace(line)
		fields := strings.Fields(line)
		require.Len(t, fields, 11, line)
		rows = append(rows, fields)
	}
	return rows
}

func TestQuickstartComparesBothTransportsOnBothServers(t *testing.T) {
	code, out, errs := told(t.Context(), "-n", "60", "-c", "16", "-conns", "2")
	assert.Zero(t, code, errs)
	assert.Empty(t, errs)
	rows := tableOf(t, out)
	require.Len(t, rows, 4)
	for i, names := range [][]string{{"HTTP/1.1", "berth"}, {"HTTP/1.1", "net/http"}, {"HTTP/2", "berth"}, {"HTTP/2", "net/http"}} {
		assert.Equal(t, names, rows[i][:2])
		assert.Equal(t, []string{"60", "0"}, rows[i][2:4], "requests and errors")
	}
	berth1, berth2 := rows[0], rows[2]
	assert.Equal(t, []string{"2", "2"}, berth1[4:6], "HTTP/1.1 uses the cap and not more")
	assert.Equal(t, []string{"1", "1"}, berth2[4:6], "one connection does for HTTP/2")
	longest, err := strconv.ParseFloat(berth1[8], 64)
	require.NoError(t, err)
	// The sixteenth request must wait for seven others on its connection.
	assert.GreaterOrEqual(t, longest, 7*work.Seconds()*1000)
}

func TestServersOfTheUsersAreMeasuredFromTheClient(t *testing.T) {
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/path", r.URL.Path)
		assert.Empty(t, r.Header.Get(numberHeader), "a user's server gets no header of ours")
	})
	h1 := httptest.NewServer(handler)
	defer h1.Close()
	h2 := httptest.NewUnstartedServer(handler)
	h2.EnableHTTP2 = true
	h2.StartTLS()
	defer h2.Close()

	code, out, errs := told(t.Context(), "-url", h1.URL+"/path", "-url", h2.URL+"/path", "-insecure", "-n", "30", "-c", "5", "-conns", "2")
	assert.Zero(t, code, errs)
	rows := tableOf(t, out)
	require.Len(t, rows, 4)
	assert.Equal(t, h1.URL+"/path(HTTP/1.1)", rows[0][0])
	assert.Equal(t, h2.URL+"/path(HTTP/2)", rows[2][0])
	for _, row := range rows {
		assert.Equal(t, []string{"30", "0"}, row[2:4], "requests and errors")
		dialled, err := strconv.Atoi(row[4])
		require.NoError(t, err)
		assert.Positive(t, dialled)
	}
	assert.Equal(t, []string{"1", "1"}, rows[2][4:6], "one connection does for HTTP/2")
	assert.Contains(t, out, "seen from the client")
}

func TestCertificatesAreVerifiedUnlessInsecure(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = discardLog()
	s.StartTLS()
	defer s.Close()
	code, _, errs := told(t.Context(), "-url", s.URL, "-n", "1")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "certificate")

	_, _, errs = told(t.Context(), "-url", s.URL, "-n", "1", "-insecure")
	assert.Contains(t, errs, "404", "it got through, to a server that has nothing")
}

func TestAFailedRequestEndsWithOneAndItsReason(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Inc() == 3 {
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	code, out, errs := told(t.Context(), "-url", s.URL, "-n", "20", "-c", "2")
	assert.Equal(t, 1, code)
	assert.Equal(t, []string{"20", "1"}, tableOf(t, out)[0][2:4], "the others are sent all the same")
	assert.Contains(t, errs, "1 request of 20 failed ("+s.URL)
	assert.Contains(t, errs, "through berth), the first with: "+s.URL+" answered 503 Service Unavailable")
	assert.NotContains(t, errs, "through net/http", "which had no failure")
}

func TestAServerThatIsNotThereIsGivenUp(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	code, out, errs := told(t.Context(), "-url", s.URL, "-n", "5000", "-c", "8")
	assert.Equal(t, 1, code)
	for _, name := range []string{"berth", "net/http"} {
		assert.Contains(t, errs, "("+s.URL+" through "+name+")")
	}
	for _, row := range tableOf(t, out) {
		sent, err := strconv.Atoi(row[2])
		require.NoError(t, err)
		assert.GreaterOrEqual(t, sent, giveUp)
		assert.Less(t, sent, giveUp+8, "each goroutine may have had one more in flight")
		assert.Equal(t, row[2], row[3], "all failed")
	}
}

func TestAnAnswerThatBreaksOffIsAFailure(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("half"))
	}))
	defer s.Close()
	code, _, errs := told(t.Context(), "-url", s.URL, "-n", "1")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "reading the answer from "+s.URL)
}

func TestAnInterruptEndsARunAtOnce(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt() // the first request is here, and others wait behind it
		<-r.Context().Done()
	}))
	defer s.Close()
	// It does not return before every request has: none is answered, so only the
	// interrupt ends them.
	code, out, errs := told(ctx, "-url", s.URL, "-n", "100", "-c", "10", "-conns", "1")
	assert.Equal(t, 130, code)
	assert.Equal(t, "quickstart: interrupted\n", errs)
	assert.Empty(t, out)
}

func TestAnInterruptBeforeTheFirstRequestSendsNone(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	code, out, _ := told(ctx, "-n", "10")
	assert.Equal(t, 130, code)
	assert.Empty(t, out)
}

func TestProgressIsShownWhileALoadRuns(t *testing.T) {
	var stdout, stderr, progress strings.Builder
	assert.Zero(t, quickstart(t.Context(), []string{"-n", "4", "-c", "2"}, &stdout, &stderr, &progress))
	for _, label := range []string{"HTTP/1.1 through berth", "HTTP/1.1 through net/http", "HTTP/2 through berth", "HTTP/2 through net/http"} {
		assert.Contains(t, progress.String(), "\r"+label+": ")
	}
	assert.True(t, strings.HasSuffix(progress.String(), "\r\x1b[K"), "and wiped at the end")
}
