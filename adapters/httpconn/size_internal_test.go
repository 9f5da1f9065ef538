package httpconn

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// Each request makes one of them. The sizes are classes of the allocator: a byte more
// costs 64, or 128.
func TestRequestStaysInItsSizeClass(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("of 64 bits")
	}
	assert.LessOrEqual(t, unsafe.Sizeof(exchanging{}), uintptr(576))
	assert.LessOrEqual(t, unsafe.Sizeof(struct {
		exchanging
		sending exchange.Sending
	}{}), uintptr(768))
}
