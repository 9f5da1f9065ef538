package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoFlagsMeanTheDefaults(t *testing.T) {
	var said strings.Builder
	o, err := parse(nil, &said)
	require.NoError(t, err)
	assert.Equal(t, options{requests: 2000, goroutines: 64, conns: 4}, o)
	assert.Empty(t, said.String())
}

func TestEveryFlagIsTaken(t *testing.T) {
	o, err := parse([]string{
		"-url", "http://a:1/x", "-url", "https://b", "-n", "7", "-c", "3", "-conns", "2", "-insecure",
	}, &strings.Builder{})
	require.NoError(t, err)
	assert.Equal(t, options{
		urls:     []string{"http://a:1/x", "https://b"},
		requests: 7, goroutines: 3, conns: 2, insecure: true,
	}, o)
}

func TestBadFlagsAreNamedAndEndWithTwo(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		says string
	}{
		"no requests":       {"-n 0", "-n is 0"},
		"too many requests": {"-n 10000001", "-n is 10000001"},
		"negative callers":  {"-c -1", "-c is -1"},
		"no connections":    {"-conns 0", "-conns is 0"},
		"not a number":      {"-n many", `invalid value "many" for flag -n`},
		"unknown flag":      {"-verbose", "-verbose"},
		"missing value":     {"-url", "flag needs an argument: -url"},
		"other scheme":      {"-url ftp://a", "the scheme must be http or https"},
		"no scheme":         {"-url localhost:80", "the scheme must be http or https"},
		"no host":           {"-url http:///x", "there is no host"},
		"not a URL":         {"-url http://a\x7f", "-url"},
		"argument":          {"http://a", `unexpected argument "http://a"`},
		"insecure alone":    {"-insecure", "-insecure needs -url"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, said strings.Builder
			assert.Equal(t, 2, quickstart(t.Context(), strings.Fields(c.args), &out, &said, nil))
			assert.Contains(t, said.String(), c.says)
			assert.Empty(t, out.String(), "nothing may run")
		})
	}
}

func TestHelpShowsTheFlagsAndIsNoFailure(t *testing.T) {
	var said strings.Builder
	assert.Zero(t, quickstart(t.Context(), []string{"-h"}, &strings.Builder{}, &said, nil))
	for _, name := range []string{"-url", "-n ", "-c ", "-conns", "-insecure"} {
		assert.Contains(t, said.String(), name)
	}
	_, err := parse([]string{"-h"}, &strings.Builder{})
	assert.ErrorIs(t, err, flag.ErrHelp)
}
