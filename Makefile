# Shorthands. `make ci` is what a change must pass; the rest are pieces of it.

.PHONY: ci test race lint fuzz quickstart

ci:
	bash .ci/run

test:
	go test ./...

race:
	go test -race -shuffle=on ./...

# The rules of the module itself. golangci-lint's are part of `make ci`, which
# installs it.
lint:
	test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	go test ./internal/lint

# make fuzz PKG=./waitq FUZZ=FuzzQueue TIME=5m
TIME ?= 1m
fuzz:
	GOTOOLCHAIN=go1.27.3 go test -run '^$$' -fuzz '^$(FUZZ)$$' -fuzztime $(TIME) $(PKG)

quickstart:
	go run ./examples/quickstart
