package keyed

// As in package pool: with it, all that a Pool calls can be inlined where one is used.
var _ = New[string, *struct{}]
