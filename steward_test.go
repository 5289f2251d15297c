package steward_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

func TestIDsAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	const want = steward.JobID("0193a5b0-7c1e-7def-8abc-0123456789ab")
	for _, s := range []string{string(want), strings.ToUpper(string(want)), strings.ReplaceAll(string(want), "-", "")} {
		if got, err := steward.ParseID[steward.JobID]("id", s); err != nil || got != want {
			t.Errorf("ParseID(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", string(want) + "0", "0193a5b0-7c1e-7def-8abc-0123456789ag", "0193a5b07-c1e-7def-8abc-0123456789ab", strings.Repeat("-", 36), "file_" + string(want), "../../etc/passwd"} {
		_, err := steward.ParseID[steward.JobID]("job_id", s)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != "job_id" {
			t.Errorf("ParseID(%q) = %v", s, err)
		}
	}
	if id, err := steward.ParseFileID("f", "file_"+strings.ToUpper(string(want))); err != nil || string(id) != string(want) {
		t.Errorf("ParseFileID = %q, %v", id, err)
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "0193a5b0-7c1e-7def-8abc-0123456789ab", "0193A5B07C1E7DEF8ABC0123456789AB", "----", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := steward.ParseID[steward.AgentID]("id", s)
		if err != nil {
			return
		}
		if again, err := steward.ParseID[steward.AgentID]("id", string(id)); err != nil || again != id || !strings.EqualFold(strings.ReplaceAll(s, "-", ""), strings.ReplaceAll(string(id), "-", "")) {
			t.Fatalf("ParseID(%q) = %q, again %q, %v", s, id, again, err)
		}
	})
}

func TestCodesAreFoundInWrappedErrors(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("claim jobs: %w", &steward.Error{Code: steward.Conflict, Field: "name", Message: "taken", Err: errors.New("UNIQUE")})
	if steward.CodeOf(err) != steward.Conflict || err.Error() != "claim jobs: name: taken: UNIQUE" {
		t.Errorf("CodeOf(%v) = %s", err, steward.CodeOf(err))
	}
	if steward.CodeOf(nil) != "" || steward.CodeOf(errors.New("x")) != steward.Internal {
		t.Error("nil has no code, other errors are internal")
	}
}

func TestUsageAddsUpAndAnUnknownCostStaysUnknown(t *testing.T) {
	t.Parallel()
	cost := func(n steward.MicroUSD) *steward.MicroUSD { return &n }
	sum := steward.Free().Add(steward.Usage{InputTokens: 3, OutputTokens: 1, Cost: cost(5)}).Add(steward.Usage{InputTokens: 4, Cost: cost(2)})
	if sum.InputTokens != 7 || sum.OutputTokens != 1 || sum.Cost == nil || *sum.Cost != 7 {
		t.Errorf("sum %+v", sum)
	}
	if got := sum.Add(steward.Usage{}).Add(steward.Free()); got.Cost != nil {
		t.Errorf("a sum with an unknown part costs %d", *got.Cost)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		has, wants steward.Scope
		allowed    bool
	}{
		{steward.ScopeRead, steward.ScopeRead, true}, {steward.ScopeRead, steward.ScopeRun, false},
		{steward.ScopeRun, steward.ScopeRead, true}, {steward.ScopeRun, steward.ScopeWrite, false},
		{steward.ScopeWrite, steward.ScopeRead, true}, {steward.ScopeWrite, steward.ScopeAdmin, false},
		{steward.ScopeAdmin, steward.ScopeRead, true}, {steward.ScopeAdmin, steward.ScopeRun, true},
	} {
		ctx := steward.WithPrincipal(context.Background(), &steward.Principal{Scopes: []steward.Scope{c.has}})
		if _, err := steward.PrincipalFrom(ctx, c.wants); (err == nil) != c.allowed {
			t.Errorf("a key with %s asked for %s: %v", c.has, c.wants, err)
		}
	}
	if _, err := steward.PrincipalFrom(context.Background(), steward.ScopeRead); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("no principal: %v", err)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if want := s >= 3; s.Terminal() != want {
			t.Errorf("%s terminal: %v", s, s.Terminal())
		}
	}
	if steward.Status(7).String() != "STATUS(7)" || steward.StatusCached.String() != "CACHED" || steward.StatusFailure.Succeeded() {
		t.Error("names of statuses")
	}
}
