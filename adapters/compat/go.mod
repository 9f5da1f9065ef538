module github.com/berth-go/berth/adapters/compat

go 1.26.0

require (
	connectrpc.com/connect v1.19.1
	github.com/berth-go/berth v0.0.0
	github.com/coder/websocket v1.8.14
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.36.12
)

require (
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/berth-go/berth => ../..
