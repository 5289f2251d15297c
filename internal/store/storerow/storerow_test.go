package storerow_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// now returns a time with all the digits that databases keep.
func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC) }

func TestTimesKeepMicroseconds(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, now(), time.Unix(1, 0).UTC(), time.Date(1969, 1, 1, 0, 0, 0, 1000, time.UTC)} {
		if got := storerow.Time(storerow.Micros(at)); got != at {
			t.Errorf("got %v, want %v", got, at)
		}
	}
	zone := time.FixedZone("far", 5*3600)
	if got := storerow.Time(storerow.Micros(now().In(zone))); got != now() {
		t.Errorf("a time of another zone: got %v, want %v", got, now())
	}
	if got := storerow.TimePtr(0); got != nil {
		t.Errorf("TimePtr(0): got %v, want nil", got)
	}
	at := now()
	if got := storerow.TimePtr(storerow.MicrosPtr(&at)); got == nil || *got != at {
		t.Errorf("TimePtr: got %v, want %v", got, at)
	}
	if got := storerow.MicrosPtr(nil); got != 0 {
		t.Errorf("MicrosPtr(nil): got %d, want 0", got)
	}
}

func TestDaysAreThoseOfUTC(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	day := storerow.Day(midnight)
	for _, c := range []struct {
		at   time.Time
		want int64
	}{
		{midnight, day}, {midnight.Add(-time.Microsecond), day - 1}, {midnight.Add(24*time.Hour - 1), day}, {midnight.Add(24 * time.Hour), day + 1},
		{midnight.In(time.FixedZone("far", -5*3600)), day},
		{time.Unix(0, 0), 0}, {time.Unix(-1, 0), -1}, {time.Unix(-86400, 0), -1}, {time.Unix(-86401, 0), -2},
	} {
		if got := storerow.Day(c.at); got != c.want {
			t.Errorf("%v: got day %d, want %d", c.at, got, c.want)
		}
	}
}

func TestListsAreNeverNil(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{nil, {}} {
		if got, err := storerow.List(list); err != nil || got != "[]" {
			t.Errorf("List(%#v): got %q (%v), want []", list, got, err)
		}
	}
	for _, text := range []string{"", "[]", "[ ]"} {
		if got, err := storerow.ParseList[string](text); err != nil || got == nil || len(got) != 0 {
			t.Errorf("ParseList(%q): got %#v (%v), want an empty list", text, got, err)
		}
	}
	text, err := storerow.List([]string{"é", "\x00"})
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	if got, err := storerow.ParseList[string](text); err != nil || !reflect.DeepEqual(got, []string{"é", "\x00"}) {
		t.Errorf("ParseList(%q): got %q (%v)", text, got, err)
	}
	if _, err := storerow.ParseList[string]("{"); err == nil {
		t.Error("ParseList of a broken row: no error")
	}
	if _, err := storerow.List([]func(){nil}); err == nil {
		t.Error("List of what JSON cannot say: no error")
	}
}

func TestObjectsMayBeMissing(t *testing.T) {
	t.Parallel()
	if got, err := storerow.Object[steward.Progress](nil); err != nil || got != "" {
		t.Errorf("Object(nil): got %q (%v), want nothing", got, err)
	}
	if got, err := storerow.ParseObject[steward.Progress](""); err != nil || got != nil {
		t.Errorf("ParseObject of nothing: got %v (%v), want nil", got, err)
	}
	p := &steward.Progress{Done: 1, Total: 2, Message: "m"}
	text, err := storerow.Object(p)
	if err != nil {
		t.Fatalf("Object: %v", err)
	}
	if got, err := storerow.ParseObject[steward.Progress](text); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("ParseObject(%q): got %v (%v), want %v", text, got, err, p)
	}
	if _, err := storerow.ParseObject[steward.Progress]("["); err == nil {
		t.Error("ParseObject of a broken row: no error")
	}
	bad := any(func() {})
	if _, err := storerow.Object(&bad); err == nil {
		t.Error("Object of what JSON cannot say: no error")
	}
}

func TestUsageOfNothingIsFree(t *testing.T) {
	t.Parallel()
	if got, err := storerow.ParseUsage(""); err != nil || !reflect.DeepEqual(got, steward.Free()) {
		t.Errorf("got %+v (%v), want nothing for free", got, err)
	}
	for _, u := range []steward.Usage{{}, steward.Free(), {InputTokens: 1, OutputTokens: 2}} {
		text, err := storerow.Usage(u)
		if err != nil {
			t.Fatalf("Usage: %v", err)
		}
		if got, err := storerow.ParseUsage(text); err != nil || !reflect.DeepEqual(got, u) {
			t.Errorf("ParseUsage(%q): got %+v (%v), want %+v", text, got, err, u)
		}
	}
	if _, err := storerow.ParseUsage("x"); err == nil {
		t.Error("ParseUsage of a broken row: no error")
	}
}

func TestEventsAreAppended(t *testing.T) {
	t.Parallel()
	f := &steward.Failure{Code: steward.FailProviderError, Message: "503", Err: errors.New("secret")}
	pending, err := storerow.Event(now().Add(999*time.Nanosecond), steward.StatusPending, nil)
	if err != nil {
		t.Fatalf("Event: %v", err)
	}
	failed, err := storerow.Event(now(), steward.StatusFailure, f)
	if err != nil {
		t.Fatalf("Event: %v", err)
	}
	lost, err := storerow.LostEvent(now())
	if err != nil {
		t.Fatalf("LostEvent: %v", err)
	}
	list := storerow.Events("", pending)
	list = storerow.Events(list, lost, failed)
	if other := storerow.Events("[]", pending, lost, failed); other != list {
		t.Errorf("all at once: got %s, want %s", other, list)
	}
	if strings.Contains(list, "secret") {
		t.Errorf("events %s show the cause of a failure", list)
	}
	got, err := storerow.ParseList[steward.StatusEvent](list)
	want := []steward.StatusEvent{
		{Timestamp: now(), StatusCode: steward.StatusPending},
		{Timestamp: now(), StatusCode: steward.StatusRetry, ErrorMessage: storerow.LostMessage},
		{Timestamp: now(), StatusCode: steward.StatusFailure, ErrorMessage: "503", ErrorDetails: map[string]any{"code": "provider_error"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const started, queued = steward.StatusStarted, steward.StatusPending
	late, soon := storerow.Micros(now()), storerow.Micros(now().Add(time.Microsecond))
	for name, c := range map[string]struct {
		candidate  storerow.Candidate
		maxCrashes int
		status     steward.Status
		code       steward.FailureCode
		crashes    int
		lost       bool
	}{
		"a queued job starts":                     {storerow.Candidate{Status: queued, Deadline: soon}, 3, started, "", 0, false},
		"a retrying job keeps its crashes":        {storerow.Candidate{Status: steward.StatusRetry, Deadline: soon, Crashes: 2}, 3, started, "", 2, false},
		"a lost job counts a crash":               {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: soon}, 3, started, "", 1, true},
		"a job taken back counts a crash":         {storerow.Candidate{Status: started, LeaseEnd: storerow.TakenBack, Deadline: soon}, 3, started, "", 1, true},
		"a job handed over counts none":           {storerow.Candidate{Status: started, LeaseEnd: storerow.HandedOver, Deadline: soon}, 1, started, "", 0, true},
		"the last crash is poison":                {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: soon, Crashes: 2}, 3, steward.StatusFailure, steward.FailPoison, 3, true},
		"three crashes are the default":           {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: soon, Crashes: 1}, 0, started, "", 2, true},
		"the third is too many by default":        {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: soon, Crashes: 2}, 0, steward.StatusFailure, steward.FailPoison, 3, true},
		"the deadline has come":                   {storerow.Candidate{Status: queued, Deadline: late}, 3, steward.StatusFailure, steward.FailTimeout, 0, false},
		"poison goes before the deadline":         {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: late}, 1, steward.StatusFailure, steward.FailPoison, 1, true},
		"a cancel request goes before everything": {storerow.Candidate{Status: started, LeaseEnd: 5, Deadline: late, CancelRequested: true}, 1, steward.StatusCancelled, "", 1, true},
	} {
		got := storerow.Judge(c.candidate, now(), c.maxCrashes)
		var code steward.FailureCode
		if got.Failure != nil {
			code = got.Failure.Code
		}
		if got.Status != c.status || code != c.code || got.Crashes != c.crashes || got.Lost != c.lost {
			t.Errorf("%s: got %+v (code %q)", name, got, code)
		}
	}
}

func TestJobRowsDecode(t *testing.T) {
	t.Parallel()
	got, err := (&storerow.Job{ID: "j", CreatedAt: storerow.Micros(now())}).Decode()
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if got.ID != "j" || got.CreatedAt != now() || string(got.Metadata) != "{}" || got.Inputs == nil || got.Outputs == nil || got.References == nil || got.Events == nil {
		t.Errorf("a bare row: got %+v", got)
	}
	for name, r := range map[string]storerow.Job{
		"progress": {Progress: "x"}, "inputs": {Inputs: "x"}, "outputs": {Outputs: "x"}, "references": {References: "x"},
		"events": {Events: "x"}, "failure": {Failure: "x"}, "usage": {Usage: "x"},
	} {
		if _, err := r.Decode(); err == nil {
			t.Errorf("broken %s: no error", name)
		}
	}
}

func TestFilesOfInputs(t *testing.T) {
	t.Parallel()
	got := storerow.Files([]steward.Input{
		{Key: "a", Files: []steward.File{{ID: "1"}, {ID: "2"}}}, {Key: "b"}, {Key: "c", Text: &steward.File{ID: "3"}},
	})
	if want := []steward.File{{ID: "1"}, {ID: "2"}, {ID: "3"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	claim := store.ClaimRequest{Now: now(), Max: 1, Lease: time.Second}
	outcome := store.Outcome{Status: steward.StatusSuccess, At: now()}
	job := store.NewJob{ID: "j", OrganizationID: "o", AgentID: "a", CreatedAt: now(), Timeout: 1}
	for what, err := range map[string]error{
		"claim": storerow.CheckClaim(&claim), "outcome": storerow.CheckOutcome(&outcome), "job": storerow.CheckNew(&job),
	} {
		if err != nil {
			t.Errorf("a good %s: %v", what, err)
		}
	}
	for _, c := range []struct{ limit, offset, want int }{{0, 0, 20}, {1, 5, 1}, {1000, 0, 1000}} {
		if got, err := storerow.Limit(c.limit, c.offset); err != nil || got != c.want {
			t.Errorf("Limit(%d, %d): got %d (%v), want %d", c.limit, c.offset, got, err, c.want)
		}
	}
}

func TestErrorsHaveTheirCodes(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	for want, err := range map[steward.Code]error{
		steward.NotFound: storerow.NotFound("Job"), steward.Conflict: storerow.LeaseLost(), steward.Unavailable: storerow.Unavailable(cause),
		steward.Invalid: storerow.OutOfRange("f", "m"),
	} {
		if got := steward.CodeOf(err); got != want {
			t.Errorf("%v: got code %q, want %q", err, got, want)
		}
	}
	var e *steward.Error
	if err := storerow.Unavailable(cause); !errors.Is(err, cause) || !errors.As(err, &e) || strings.Contains(e.Message, "fire") || e.RetryAfter <= 0 {
		t.Errorf("Unavailable: got %#v, want the cause inside, not in the message, and a time to try again", err)
	}
	for _, err := range []error{storerow.BlobDying(), storerow.KeyReused(), storerow.FileGone("f")} {
		if b, jerr := json.Marshal(err); jerr != nil || steward.CodeOf(err) == steward.Internal {
			t.Errorf("%v: got code internal or %v (%s)", err, jerr, b)
		}
	}
}

func TestSearchTextIsFolded(t *testing.T) {
	t.Parallel()
	got := storerow.SearchText(&steward.Agent{ID: "0A", Name: "ÄÖ Straße", EngineClassID: "PDFEngine", EngineName: "Document"})
	for _, part := range []string{"äö", "straße", "pdfengine", "document", "0a"} {
		if !strings.Contains(got, storerow.Fold(part)) {
			t.Errorf("%q is not in %q", part, got)
		}
	}
}

func TestJudgeKnowsTheLastChance(t *testing.T) {
	t.Parallel()
	now := time.UnixMicro(1000)
	for _, c := range []struct {
		crashes, most int
		lost, want    bool
	}{
		{crashes: 1, most: 0, want: false}, {crashes: 2, most: 0, want: true}, {crashes: 1, most: 3, lost: true, want: true},
		{crashes: 0, most: 2, want: false}, {crashes: 1, most: 2, want: true}, {crashes: 0, most: 1, want: false},
		{crashes: 2, most: 3, lost: true, want: false}, // poison
	} {
		k := storerow.Candidate{Crashes: c.crashes, Deadline: 2000}
		if c.lost {
			k.Status, k.LeaseEnd = steward.StatusStarted, storerow.TakenBack
		}
		if got := storerow.Judge(k, now, c.most).LastChance; got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestEncodeOutcomeLeavesOutWhatIsNotOfTheStatus(t *testing.T) {
	t.Parallel()
	o := store.Outcome{
		Status: steward.StatusRetry, At: time.UnixMicro(1000), Outputs: []steward.Datum{{Key: "k"}}, Failure: &steward.Failure{Code: steward.FailTimeout},
	}
	retry, err := storerow.EncodeOutcome(o)
	if err != nil || retry.Outputs != "[]" || retry.Failure == "" || !retry.RunAfter.Equal(o.At) || !strings.Contains(retry.Cancelled, `"status_code":5`) {
		t.Errorf("retry: got %+v, %v", retry, err)
	}
	o.Status = steward.StatusSuccess
	success, err := storerow.EncodeOutcome(o)
	if err != nil || success.Outputs == "[]" || success.Failure != "" || !success.RunAfter.IsZero() || success.Cancelled != "" {
		t.Errorf("success: got %+v, %v", success, err)
	}
	o.Status = steward.StatusCached
	if _, err := storerow.EncodeOutcome(o); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("a status that ends no attempt: got %v, want Invalid", err)
	}
}

func TestSumUsageIsOfUnknownCostWhenAStepCannotBeRead(t *testing.T) {
	t.Parallel()
	cost := steward.MicroUSD(5)
	step, err := storerow.Usage(steward.Usage{InputTokens: 1, Cost: &cost})
	if err != nil {
		t.Fatalf("Usage: %v", err)
	}
	unknown := steward.MicroUSD(-1)
	for _, c := range []struct {
		steps []string
		want  steward.MicroUSD
	}{{nil, 0}, {[]string{step, step}, 10}, {[]string{step, "{"}, unknown}} {
		sum, err := storerow.SumUsage(c.steps)
		if err != nil {
			t.Fatalf("SumUsage: %v", err)
		}
		u, err := storerow.ParseUsage(sum)
		if err != nil {
			t.Fatalf("ParseUsage: %v", err)
		}
		got := unknown
		if u.Cost != nil {
			got = *u.Cost
		}
		if got != c.want {
			t.Errorf("cost of %q: got %d, want %d", c.steps, got, c.want)
		}
	}
}

func TestLatestKeepsTheLatest(t *testing.T) {
	t.Parallel()
	var l storerow.Latest
	for _, us := range []int64{5, 9, 3} {
		l.Note(time.UnixMicro(us))
	}
	if got := l.Micros(); got != 9 {
		t.Errorf("got %d, want 9", got)
	}
}
