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

// LimitsError returns an error of package keyed about the limits of one host, which come
// from where, in the words of an adapter, whose package is of that name: there a host is
// a key. Any other it returns as it is.
func LimitsError(adapter, where string, err error) error {
	if err == nil || (!strings.HasPrefix(err.Error(), "keyed: limits of key ") && !strings.HasPrefix(err.Error(), "keyed: Limits.")) {
		return err
	}
	return errors.New(strings.NewReplacer(
		"keyed: limits of key ", adapter+": "+where+": limits of ",
		"keyed: Limits.", adapter+": "+where+": ",
		": PerKey.", ": ",
		"the limit per key", "the limit per host",
	).Replace(err.Error()))
}
