package exchange

import (
	"errors"
	"net/http"
)

// Divert has rt serve req instead of a connection of ours. It returns rt's
// response or error; or, if rt answered [http.ErrSkipAltProtocol], a call for req
// as [New] does.
func Divert(req *http.Request, rt http.RoundTripper) (*Call, *http.Response, error) {
	if err := validateFields(req); err != nil {
		closeBody(req)
		return nil, nil, err
	}
	out, body := req, (*requestBody)(nil)
	if hasBody(req) {
		body = &requestBody{src: req.Body}
		out = req.WithContext(req.Context())
		out.Body = body
	}
	resp, err := rt.RoundTrip(out)
	if !errors.Is(err, http.ErrSkipAltProtocol) {
		return nil, resp, err
	}
	call, err := New(req)
	if err != nil || body == nil {
		return call, nil, err
	}
	call.body = body // which knows what rt has read
	if err := call.rewind(); err != nil {
		return nil, nil, call.Fail(err)
	}
	return call, nil, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
