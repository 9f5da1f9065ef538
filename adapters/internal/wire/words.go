package wire

import (
	"errors"
	"strings"
)

// WarmError returns an error of Warm with the names that the limits have in the Config of
// an adapter.
func WarmError(err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "pool: n is ") {
		return err
	}
	text := strings.TrimPrefix(err.Error(), "pool: ")
	all := strings.Contains(text, " over all keys")
	text = strings.NewReplacer(" of the key", "", " over all keys", "").Replace(text)
	if all {
		return errors.New(strings.NewReplacer("MaxOpen", "MaxConns", "MaxIdle", "MaxIdleConns").Replace(text))
	}
	return errors.New(strings.NewReplacer("MaxOpen", "MaxConnsPerHost", "MaxIdle", "MaxIdleConnsPerHost").Replace(text))
}
