package exchange

import (
	"net/http"
	"strings"
)

// IsLast reports whether a connection of net/http's HTTP/2 takes no request after this one.
func IsLast(req *http.Request) bool {
	if req.Close {
		return true
	}
	header := req.Header["Connection"] // of more than one it makes an error
	return len(header) > 0 && strings.EqualFold(header[0], "close")
}
