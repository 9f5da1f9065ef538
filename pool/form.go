package pool

// form is what the last change of a pool has left, where that says what the next one may
// come to: then the next one need not look at all that balanceLocked looks at. Each change
// sets it anew at its end, but for those that leave it as it is by construction: see
// steady.go, calm.go and joint.go. Where a change lets go of the lock before its end, it unsets it.
type form uint8

const (
	restless form = iota
	steady        // saturatedLocked, at the end of the last change
	calm          // calmLocked, with nothing in the lane: see mayStayCalmLocked
	joint         // calmLocked, with what may be shareable resources: see mayBeJointLocked
)
