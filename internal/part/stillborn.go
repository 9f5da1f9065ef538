package part

import "errors"

// ErrStillborn is what a dial fails with whose resource had no capacity, for good,
// when it came, or ended before it had any. The adapters look for it: nothing has been sent on such a connection.
var ErrStillborn = errors.New("the resource came to its end before it could be used")
