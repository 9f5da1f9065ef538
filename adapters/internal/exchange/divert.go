package exchange

import "net/http"

// Divert has rt serve req instead of a connection of ours, and returns rt's
// response or error. If rt answers [http.ErrSkipAltProtocol], Divert is like Begin
// and reports that there is a call, unless there is an error.
func (c *Call) Divert(req *http.Request, rt http.RoundTripper) (call bool, resp *http.Response, err error) {
	if err := validateFields(req); err != nil {
		closeBody(req)
		return false, nil, err
	}
	out, body := req, (*requestBody)(nil)
	if hasBody(req) {
		body = &requestBody{src: req.Body}
		out = req.WithContext(req.Context())
		out.Body = body
	}
	resp, err = rt.RoundTrip(out)
	if err != http.ErrSkipAltProtocol { //nolint:errorlint // as in net/http
		return false, resp, err
	}
	if err := c.Begin(req); err != nil {
		return false, nil, err
	}
	if body == nil {
		return true, nil, nil
	}
	c.body = body // which knows what rt has read
	if err := c.Rewind(); err != nil {
		return false, nil, c.Fail(err)
	}
	return true, nil, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
