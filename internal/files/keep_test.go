package files_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/files"
)

func TestAKeptFileStaysUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := h.ctx(t)
	f := h.upload(t, "a.txt", "kept")
	dataset := steward.DatasetID(newID(t))
	info, err := h.Keep(ctx, f.ID, dataset)
	if err != nil || !info.Kept || info.DatasetID != dataset || info.File != f || !info.ExpiresAt.IsZero() {
		t.Fatalf("Keep = %+v, %v", info, err)
	}
	h.clock.Advance(1000 * time.Hour)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("the sweeper took %d, %v", n, err)
	}
	if err := h.Release(ctx, f.ID); err != nil {
		t.Errorf("Release: %v", err)
	}
	body, info, err := h.OpenStored(ctx, f.ID)
	if err != nil || info.Name != "a.txt" {
		t.Fatalf("OpenStored = %+v, %v", info, err)
	}
	text, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || string(text) != "kept" {
		t.Errorf("content %q, %v", text, err)
	}
	if err := h.Delete(ctx, f.ID); err != nil {
		t.Errorf("Delete: %v", err)
	}
	h.wantNothingLeft(t)
	for what, err := range map[string]error{
		"delete it again": h.Delete(ctx, f.ID), "info": errOf(h.Info(ctx, f.ID)), "keep": errOf(h.Keep(ctx, f.ID, "")), "stored": errOf(h.Stored(ctx, h.who.OrganizationID, f.ID)),
	} {
		if steward.CodeOf(err) != steward.NotFound {
			t.Errorf("%s: %v, want NotFound", what, err)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestJobsKeepTheirCopyOfADeletedFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.upload(t, "a.txt", "used")
	if _, err := h.Keep(h.ctx(t), f.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.running(t, f)
	if err := h.Delete(h.ctx(t), f.ID); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	h.clock.Advance(1000 * time.Hour)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("the sweeper took %d, %v", n, err)
	}
	if got, ok := h.content(t, f); !ok || got != "used" {
		t.Errorf("the job's copy: %q, %v", got, ok)
	}
	own := h.upload(t, "b.txt", "own")
	h.running(t, own)
	if err := h.Delete(h.ctx(t), own.ID); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("deleting a job's own file: %v, want Conflict", err)
	}
}

func TestKeptFilesAreListedInPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := h.ctx(t)
	dataset := steward.DatasetID(newID(t))
	for i := range 25 {
		f := h.upload(t, "a.txt", strings.Repeat("x", i))
		d := dataset
		if i%5 == 0 {
			d = ""
		}
		if _, err := h.Keep(ctx, f.ID, d); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Second)
	}
	h.upload(t, "temporary.txt", "x")
	page, count, err := h.List(ctx, files.ListParams{})
	if err != nil || count != 25 || len(page) != 20 || page[0].SizeBytes != 24 {
		t.Errorf("first page: %d of %d, %v", len(page), count, err)
	}
	page, count, err = h.List(ctx, files.ListParams{DatasetID: dataset, Page: 2, PageSize: 15})
	if err != nil || count != 20 || len(page) != 5 || page[4].SizeBytes != 1 {
		t.Errorf("second page of the data set: %d of %d, %v", len(page), count, err)
	}
	if page, _, err = h.List(ctx, files.ListParams{PageSize: 1000}); err != nil || len(page) != 25 {
		t.Errorf("a long page: %d, %v", len(page), err)
	}
	if _, _, err = h.List(ctx, files.ListParams{Page: 3}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a page behind the last: %v", err)
	}
}

func TestWhoMayDoWhatWithStoredFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.upload(t, "a.txt", "x")
	as := func(scope steward.Scope) context.Context {
		return steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: h.who.OrganizationID, Scopes: []steward.Scope{scope}})
	}
	foreign := steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: steward.OrganizationID(newID(t)), Scopes: steward.Scopes()})
	calls := map[string]func(ctx context.Context) error{
		"keep":   func(ctx context.Context) error { return errOf(h.Keep(ctx, f.ID, "")) },
		"info":   func(ctx context.Context) error { return errOf(h.Info(ctx, f.ID)) },
		"open":   func(ctx context.Context) error { _, _, err := h.OpenStored(ctx, f.ID); return err },
		"delete": func(ctx context.Context) error { return h.Delete(ctx, f.ID) },
	}
	for what, call := range calls {
		if err := call(foreign); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("%s of a foreign file: %v", what, err)
		}
		if err := call(t.Context()); steward.CodeOf(err) != steward.Unauthenticated {
			t.Errorf("%s by nobody: %v", what, err)
		}
	}
	if err := calls["keep"](as(steward.ScopeRead)); steward.CodeOf(err) != steward.Denied {
		t.Errorf("keep with the scope to read: %v", err)
	}
	if err := calls["delete"](as(steward.ScopeRun)); steward.CodeOf(err) != steward.Denied {
		t.Errorf("delete with the scope to run: %v", err)
	}
	if list, count, err := h.List(foreign, files.ListParams{}); err != nil || count != 0 || len(list) != 0 {
		t.Errorf("list of another organization: %d, %v", count, err)
	}
}
