//go:build go1.27

package exchange

// drains says that responses are not drained here, because net/http does it.
const drains = false
