package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
)

// BenchmarkStatus is one poll of a job through the whole door, services faked.
func BenchmarkStatus(b *testing.B) {
	h := door(b, newFakes())
	r := httptest.NewRequest(http.MethodGet, "/v1/agents/jobs/"+jobID+"/status/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// BenchmarkRunAsync is the start of a job by a small JSON body and by a form, services faked.
func BenchmarkRunAsync(b *testing.B) {
	f := newFakes()
	f.submit = func(context.Context, jobs.RunParams) (steward.JobID, error) { return jobID, nil }
	h := door(b, f)
	for _, kind := range []struct{ name, contentType, body string }{
		{"json", jsonType, `{"text":"Total: 12.50 EUR","metadata":{"case":"A-1"}}`},
		{"form", formType, `text=Total%3A+12.50+EUR&metadata=%7B%22case%22%3A%22A-1%22%7D`},
	} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/v1/agents/run/"+agentID+"/async/", strings.NewReader(kind.body))
				r.Header.Set("Authorization", "Bearer "+token)
				r.Header.Set("Content-Type", kind.contentType)
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// BenchmarkNew is the part of a server's start that the door takes.
func BenchmarkNew(b *testing.B) {
	f := newFakes()
	b.ReportAllocs()
	for b.Loop() {
		door(b, f)
	}
}
