package exchange

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLastRequestOfAConnectionIsKnown(t *testing.T) {
	for _, tt := range []struct {
		req  http.Request
		want bool
	}{
		{http.Request{}, false},
		{http.Request{Close: true}, true},
		{http.Request{Header: http.Header{"Connection": {}}}, false},
		{http.Request{Header: http.Header{"Connection": {""}}}, false},
		{http.Request{Header: http.Header{"Connection": {"keep-alive"}}}, false},
		{http.Request{Header: http.Header{"Connection": {"CLOSE"}}}, true},
		{http.Request{Close: true, Header: http.Header{"Connection": {"keep-alive"}}}, true},
	} {
		assert.Equal(t, tt.want, IsLast(&tt.req), "%+v", tt.req.Header)
	}
}
