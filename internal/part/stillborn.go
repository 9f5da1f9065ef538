package part

import "errors"

// ErrStillborn is what a dial fails with whose resource had no capacity, for good,
// when it came. The adapters look for it: nothing has been sent on such a connection.
var ErrStillborn = errors.New("the resource was unusable as soon as it was dialled")
