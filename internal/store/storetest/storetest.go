// Package storetest holds the tests that every database behind package store passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
//	}
//
// Times are passed in with the requests, so nothing here sleeps.
package storetest

import (
	"testing"

	"github.com/stewardhq/steward/internal/store"
)

// Run runs all tests. open returns an empty store that is closed when its test ends; it is called once for each test,
// from many goroutines at once.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	groups := []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"identity", Identity},
		{"agents", Agents},
		{"agent edits", AgentEdits},
		{"agent lists", AgentLists},
		{"tags", Tags},
		{"submit", Submit},
		{"job lists", JobLists},
		{"job queries", JobQueries},
		{"bulk", Bulk},
		{"claim", Claim},
		{"queued", Queued},
		{"turns", Turns},
		{"limits", Limits},
		{"leases", Leases},
		{"last chances", Chances},
		{"finish", Finish},
		{"cancel", Cancel},
		{"steps", Steps},
		{"books", Books},
		{"cache", Cache},
		{"purge", Purge},
		{"batches", Batches},
		{"files", Files},
		{"kept files", KeptFiles},
		{"webhooks", Webhooks},
		{"creations", Creations},
		{"crowd", Crowd},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.run(t, open)
		})
	}
}

// Open returns an empty store that is closed when its test ends.
type Open = func(t *testing.T) store.Store
