package files_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/store"
)

// answerLost is a store whose first answer to Reserve is lost.
type answerLost struct {
	files.Store
	lost bool
}

func (a *answerLost) Reserve(ctx context.Context, r store.FileRecord, expires time.Time) (bool, error) {
	known, err := a.Store.Reserve(ctx, r, expires)
	if err == nil && !a.lost {
		a.lost = true
		return false, &steward.Error{Code: steward.Unavailable, Message: "away", Err: errors.New("unexpected EOF")}
	}
	return known, err
}

func TestAnUploadWhoseReservationGotNoAnswerIsStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.faults.Store = &answerLost{Store: h.store}
	f, err := h.Upload(steward.WithPrincipal(t.Context(), h.who), "a.txt", "text/plain", strings.NewReader("content"))
	if err != nil {
		t.Fatalf("Upload: %v", err)
	}
	r, err := h.Open(t.Context(), f)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
