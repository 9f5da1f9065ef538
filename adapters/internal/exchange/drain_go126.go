//go:build !go1.27

package exchange

// drains says that responses are drained here, because net/http closes the
// connection instead.
const drains = true
