package wire_test

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddrIsCanonical(t *testing.T) {
	n := wire.NewNames()
	for in, want := range map[string]string{
		"http://example.com":             "example.com:80",
		"https://example.com":            "example.com:443",
		"https://EXAMPLE.com:8443":       "example.com:8443",
		"http://example.com:":            "example.com:80",
		"http://127.0.0.1:8080":          "127.0.0.1:8080",
		"http://[2001:DB8::1]":           "[2001:db8::1]:80",
		"http://[fe80::A%25Eth0]:81":     "[fe80::a%Eth0]:81",
		"http://bücher.example":          "xn--bcher-kva.example:80",
		"https://BÜCHER.example:1":       "xn--bcher-kva.example:1",
		"http://xn--bcher-kva.example:2": "xn--bcher-kva.example:2",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		got, err := n.Addr(u)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
}

// A URL that was not parsed may have an address without brackets.
func TestAddrHasBracketsWhateverTheURL(t *testing.T) {
	got, err := wire.NewNames().Addr(&url.URL{Scheme: "http", Host: "::1:80"})
	require.NoError(t, err)
	assert.Equal(t, "[::1]:80", got)
}

func TestAddrOfAFullHostCostsNothing(t *testing.T) {
	n, u := wire.NewNames(), &url.URL{Scheme: "https", Host: "a-name-of-more-than-32-characters.example:8443"}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = n.Addr(u) }))
}

func TestAddrNamesTheHostThatHasNoASCIIForm(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "\u0378.example"} // a character without a meaning yet
	_, err := wire.NewNames().Addr(u)
	require.ErrorContains(t, err, strconv.Quote(u.Host))
}
