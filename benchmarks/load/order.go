package load

// Overtakings returns, for callers in the order in which they were served and
// numbered in the order in which they came, how many pairs were served in the
// wrong order, and how often the one that was overtaken most was.
//
// Counting from the last to the first in a tree of sums takes n log n.
func Overtakings(served []int) (pairs, worst int) {
	tree := make([]int, len(served)+1)
	for i, caller := range served {
		// Those served already who came later have overtaken this one.
		later := i - sum(tree, caller+1)
		pairs += later
		worst = max(worst, later)
		for j := caller + 1; j < len(tree); j += j & -j {
			tree[j]++
		}
	}
	return pairs, worst
}

// sum returns how many of the first n callers are in the tree.
func sum(tree []int, n int) int {
	total := 0
	for ; n > 0; n -= n & -n {
		total += tree[n]
	}
	return total
}
