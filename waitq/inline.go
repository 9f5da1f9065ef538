package waitq

// As in package pool: with it, all that a Queue calls can be inlined where one is used.
var _ = (*Queue[*struct{}]).Len
