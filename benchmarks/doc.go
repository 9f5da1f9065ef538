// Package benchmarks measures Berth beside other pools: the same workloads, in
// the same process, in one run. It holds no code but benchmarks.
//
//	go test -bench Alone               # one workload
//	go test -short -bench . -benchtime 1x   # all of them, small and once
//	go run ./cmd/report                # all of them, several rounds, and docs/benchmarks.md of what came out
//
// Beside Berth and its peers run the floors: the cheapest operations that keep the
// contract, with nothing else of a pool. They tell how far a bound can be reached.
//
// Names of benchmarks have the form Workload/subject=NAME/n=SIZE, where subjects
// are those of the packages subject and httpsubject.
package benchmarks
