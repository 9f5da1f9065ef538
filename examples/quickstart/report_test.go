package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func aRow(transport, protocol string, dialled, most, overtakings int) row {
	return row{
		server: strings.TrimSuffix(protocol, ".0"), transport: transport, ours: true,
		outcome: outcome{sent: 100, protocol: protocol, took: 1500 * time.Millisecond},
		dialled: dialled, most: most, overtakings: overtakings,
		waits: spread{p50: 1234 * time.Microsecond, p99: 20 * time.Millisecond, longest: 3 * time.Second},
	}
}

func TestReportHoldsEveryMeasuredNumber(t *testing.T) {
	r := aRow("berth", "HTTP/1.1", 5, 4, 17)
	r.failed = 3
	var out strings.Builder
	require.NoError(t, report(&out, []row{r}, 4))
	line := strings.Split(out.String(), "\n")[3] // under two lines of head and the rule
	assert.Equal(t,
		[]string{"HTTP/1.1", "berth", "100", "3", "5", "4", "1.2", "ms", "20.0", "ms", "3000.0", "ms", "17", "1.50", "s"},
		strings.Fields(line))
}

func TestReadingSaysWhatTheRowsShow(t *testing.T) {
	rows := []row{
		aRow("berth", "HTTP/1.1", 4, 4, 0),
		aRow("net/http", "HTTP/1.1", 4, 4, 2),
		aRow("berth", "HTTP/2.0", 1, 1, 0),
		aRow("net/http", "HTTP/2.0", 9, 6, 3),
	}
	assert.Equal(t, []string{
		"Cap: 4 connections allowed, but net/http had 6 open to HTTP/2.",
		"HTTP/2: one connection carries many requests at once; berth dialled 1 for 100 requests, net/http dialled 9 for 100 requests.",
		"Order: requests that overtook one which had already waited 1ms: 0 of 200 through berth, 5 of 200 through net/http." +
			" On a busy machine a request may only look overtaken: its goroutine is stopped before it reaches the queue.",
	}, reading(rows, 4))
}

func TestReadingDoesNotSpareBerth(t *testing.T) {
	text := strings.Join(reading([]row{aRow("berth", "HTTP/1.1", 3, 3, 8)}, 1), "\n")
	assert.Contains(t, text, "1 connection allowed, but berth had 3 open to HTTP/1.1")
	assert.Contains(t, text, "8 of 100 through berth")
	assert.NotContains(t, text, "HTTP/2")
}

func TestReadingSaysSoWhenTheCapHeld(t *testing.T) {
	assert.Equal(t, "Cap: never more than 4 connections open to a server, through either transport.",
		reading([]row{aRow("berth", "HTTP/1.1", 9, 4, 0)}, 4)[0])
}

func TestReadingTellsWhenOnlyTheClientSaw(t *testing.T) {
	r := aRow("berth", "HTTP/1.1", 4, 4, 0)
	assert.NotContains(t, strings.Join(reading([]row{r}, 4), "\n"), "seen from the client")
	r.ours = false
	assert.Contains(t, strings.Join(reading([]row{r}, 4), "\n"), "seen from the client")
}
