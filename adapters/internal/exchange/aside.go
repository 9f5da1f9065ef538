package exchange

// Aside is for a panic of a hook in the goroutine of an [Ending] with Aside set: it
// goes to hook, if there is one. It is to be deferred.
func Aside(hook func(value any)) {
	if hook == nil {
		return // and the panic goes on
	}
	if v := recover(); v != nil {
		hook(v)
	}
}
