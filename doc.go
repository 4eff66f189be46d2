// Package cachewright is the root of a coherent cache for GORM and net/http; it holds no code of its own.
//
// Start reading in this order:
//
//   - [github.com/cachewright/cachewright/policy]: the tag a model carries, and what it asks for.
//   - [github.com/cachewright/cachewright/coherence]: the engine; versions, stamps and effects. The one mechanism.
//   - [github.com/cachewright/cachewright/gormplugin]: the door to the database, a GORM plugin.
//   - [github.com/cachewright/cachewright/middleware]: the door to pages, a net/http middleware.
//   - [github.com/cachewright/cachewright/store]: where entries live, and how to bring a store of one's own.
//
// How the protocol works, and why it is right, is told in docs/coherence.md; demoapp is a small application to run.
package cachewright
