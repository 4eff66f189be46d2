// Package history checks what clients saw. It has tests only: clients read and write hot rows through the plugin and the
// middleware, at once and in every way there is, while reads and COMMITs are held up and answers get lost; each call is
// recorded with the moments it began and returned, and a checker looks for an order of all calls on a row in which each
// of them is what a plain map would have answered. There must be one: that is what docs/coherence.md promises.
//
// The check is worth what it would notice. So each rule of internal/switches is turned off in turn, and the same checker
// must find a history that has no such order.
package history
