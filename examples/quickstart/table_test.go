package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTableAlignsNamesLeftAndNumbersRight(t *testing.T) {
	tab := table{
		head: [][]string{{"", "", "wait", ""}, {"server", "through", "max", "n"}},
		body: [][]string{{"Ärger", "b", "9 ms", "1"}, {"x", "berth", "12345 ms", "20"}},
	}
	var out strings.Builder
	require.NoError(t, tab.writeTo(&out))
	assert.Equal(t, strings.Join([]string{
		"                     wait",
		"server  through       max   n",
		"------  -------  --------  --",
		"Ärger   b            9 ms   1",
		"x       berth    12345 ms  20",
		"",
	}, "\n"), out.String())
}

func TestTableWithoutRowsIsItsHead(t *testing.T) {
	var out strings.Builder
	require.NoError(t, table{head: [][]string{{"a", "b"}}}.writeTo(&out))
	assert.Equal(t, "a  b\n-  -\n", out.String())
}

// A full is a writer with no room left.
type full struct{ error }

func (f full) Write([]byte) (int, error) { return 0, f.error }

func TestTableReportsAFailedWrite(t *testing.T) {
	noRoom := errors.New("no room")
	assert.ErrorIs(t, table{head: [][]string{{"a"}}}.writeTo(full{noRoom}), noRoom)
	assert.ErrorIs(t, report(full{noRoom}, nil, 4), noRoom)
}
