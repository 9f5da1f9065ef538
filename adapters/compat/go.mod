module github.com/berth-go/berth/adapters/compat

go 1.26.0

require github.com/berth-go/berth v0.0.0

require (
	connectrpc.com/connect v1.19.1 // indirect
	github.com/coder/websocket v1.8.14 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/berth-go/berth => ../..
