package webhooks

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

func TestFailuresCountBeforeTheDatabaseHasThem(t *testing.T) {
	t.Parallel()
	const id steward.WebhookID = "0190a000-0000-7000-8000-000000000001"
	d := NewDeliverer(&Service{}, nil)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	due := []store.DueWebhook{{ID: id}} // of what fails here it knows nothing
	share := func(want int, what string) {
		t.Helper()
		got := 0
		takes, _ := d.share(due, now)
		for _, take := range takes {
			got += take.Max
		}
		if got != want {
			t.Errorf("%s: %d attempts may begin, want %d", what, got, want)
		}
	}
	fail := func(n int) {
		for range n {
			d.note(id, &attempt{status: 500}, now)
		}
	}
	share(perWebhook, "at first")
	fail(failingFrom - 1)
	share(perWebhook, "after a few failures")
	fail(1)
	share(0, "when it fails again and again")
	now = now.Add(firstPause)
	share(1, "after a pause")
	fail(1)
	share(0, "after one more failure")
	now = now.Add(recordLag)
	share(perWebhook, "when the database still knows of none")
	due[0].FailureCount, due[0].FailedAt = failingFrom, now
	share(0, "when the database knows")
	d.note(id, &attempt{status: 200}, now)
	due[0].FailureCount, due[0].FailedAt = 0, time.Time{}
	share(perWebhook, "after a success")
}
