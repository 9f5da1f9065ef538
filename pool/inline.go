package pool

// This makes the compiler inline here what the generic code of this package calls. Only
// what has been inlined here, or is declared here, can be inlined again where a Pool is
// used, and that is where generic code is compiled: without this line each load of an
// atomic in it is a call, unless the user's package happens to import what it is from.
// Nothing of it gets into a program.
var _ = New[*struct{}]
