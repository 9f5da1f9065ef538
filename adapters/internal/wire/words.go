package wire

import (
	"errors"
	"strings"
)

// WarmError returns an error of Warm with the names that the limits have in the Config of
// an adapter, whose package is of that name.
func WarmError(adapter string, err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "pool: n is ") {
		return err
	}
	text := adapter + strings.TrimPrefix(err.Error(), "pool")
	all := strings.Contains(text, " over all keys")
	text = strings.NewReplacer(" of the key", "", " over all keys", "").Replace(text)
	if all {
		return errors.New(strings.NewReplacer("MaxOpen", "MaxConns", "MaxIdle", "MaxIdleConns").Replace(text))
	}
	return errors.New(strings.NewReplacer("MaxOpen", "MaxConnsPerHost", "MaxIdle", "MaxIdleConnsPerHost").Replace(text))
}
