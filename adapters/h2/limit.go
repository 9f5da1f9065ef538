package h2

// Expect returns the capacity that the connection is about to have: until the
// server's number is known, what Options.Streams says, else the capacity.
func (r *Resource) Expect() int {
	if !r.proven.Load() && r.conn.Err() == nil {
		return r.atMost(r.expected)
	}
	return max(0, r.read())
}

// Limit returns how many streams the server allows at once, as far as the
// connection says so, and whether that is the server's number: false before it is
// known, while streams come and go, and while none is available, for the server may
// be leaving.
func (r *Resource) Limit() (n int, known bool) {
	inFlight := r.conn.InFlight()
	available := r.available(inFlight)
	known = available > 0 && r.conn.InFlight() == inFlight // the two are of one moment
	return available + inFlight, known && r.proven.Load() && r.conn.Err() == nil
}

// tellLimit calls Options.Limit, if that is news.
func (r *Resource) tellLimit(streams int32) {
	if r.said.Load() != streams && r.said.Swap(streams) != streams {
		r.limited(int(streams), true)
	}
}
