package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Validate returns what is wrong with req, in the words of net/http. It runs
// before a connection is asked for: an [http.ClientConn] that is given a bad
// request gives up a reservation which may be somebody else's, and leaves the
// body open.
func Validate(req *http.Request) error {
	if err := validateFields(req); err != nil {
		return err
	}
	if !isHTTP(req) {
		return fmt.Errorf("unsupported protocol scheme %q", req.URL.Scheme)
	}
	if req.Method != "" && !isToken(req.Method) {
		return fmt.Errorf("net/http: invalid method %q", req.Method)
	}
	if req.URL.Host == "" {
		return errors.New("http: no Host in request URL")
	}
	return nil
}

// validateFields is the part of Validate that a request for another round tripper
// has to pass too. What fields may hold is the matter of HTTP alone.
func validateFields(req *http.Request) error {
	if req.URL == nil {
		return errors.New("http: nil Request.URL")
	}
	if req.Header == nil {
		return errors.New("http: nil Request.Header")
	}
	if !isHTTP(req) {
		return nil
	}
	if what := badField(req.Header); what != "" {
		return fmt.Errorf("net/http: invalid header %s", what)
	}
	if what := badField(req.Trailer); what != "" {
		return fmt.Errorf("net/http: invalid trailer %s", what)
	}
	return nil
}

func isHTTP(req *http.Request) bool {
	return req.URL.Scheme == "http" || req.URL.Scheme == "https"
}

// badField describes a field of h that must not be sent, or returns "". It never
// shows a value: values hold secrets.
func badField(h http.Header) string {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Sprintf("field name %q", name)
		}
		for _, v := range values {
			if !isFieldValue(v) {
				return fmt.Sprintf("field value for %q", name)
			}
		}
	}
	return ""
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2: what methods
// and field names are made of.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s may stand in a field: anything but control
// characters, of which only the tab is harmless.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-!#$%&'*+.^_`|~", c) >= 0
}
