package journal_test

const actVariable = "JOURNAL_TEST_ACT"

// acts are what this test's binary does when a test starts it with actVariable set.
var acts = map[string]func(){}
