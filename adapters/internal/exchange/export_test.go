package exchange

// Drains is drains, for the tests.
const Drains = drains
