package provider_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/model/providertest"
)

// FuzzAnswer checks that no answer of any provider, whatever its status and bytes, does more harm than a failure: what is taken
// for an answer is JSON, its counts and its cost are possible, its claims lie where they can.
func FuzzAnswer(f *testing.F) {
	for i, w := range providertest.Wires() {
		for _, stream := range []bool{false, true} {
			for _, reply := range []providertest.Reply{
				{Text: strictAnswer}, {Refusal: "No."}, {Text: "{", Finish: providertest.Length}, {Tool: &providertest.Tool{Name: "f", Arguments: "{}"}},
				{Text: `{"result":{"number":"1","total":2},"evidence":[{"path":"/number","file":1,"page":2,"quote":"","confidence":1,"region":[1,2,3,4]}]}`},
			} {
				_, _, body := w.Render(reply, stream)
				f.Add(uint8(i), stream, 200, body)
				f.Add(uint8(i), stream, 200, body[:len(body)/2])
			}
		}
		for _, fault := range providertest.Faults() {
			status, _, body := w.Render(providertest.Reply{Fault: fault}, false)
			f.Add(uint8(i), false, status, body)
		}
	}
	page := drawn(f, 1)
	f.Fuzz(func(t *testing.T, wire uint8, stream bool, status int, body []byte) {
		all := providertest.Wires()
		w := all[int(wire)%len(all)]
		status = 200 + ((status-200)%400+400)%400
		_, kind, _ := w.Render(providertest.Reply{}, stream)
		base := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {kind}},
				Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1,
			}, nil
		})
		e := w.Entry()
		m, err := provider.DialerWith(provider.Options{Base: base, Stream: stream, MaxAnswerBytes: 1 << 20})(w.Name(), w.Config("http://192.0.2.1"), e)
		if err != nil {
			t.Fatal(err)
		}
		req := scanRequest(t, nil)
		req.Documents[0].Pages[1].Picture = pictureOf(page, nil)
		resp, err := model.WithPrice(m, e).Generate(t.Context(), req)
		if err != nil {
			var failure *steward.Failure
			if !errors.As(err, &failure) {
				t.Fatalf("got %v, want a failure", err)
			}
			hidesSecrets(t, err)
			return
		}
		checkAnswer(t, resp)
	})
}

func checkAnswer(t *testing.T, resp *model.Response) {
	t.Helper()
	if !json.Valid(resp.Value) {
		t.Fatalf("the value is no JSON: %q", resp.Value)
	}
	u := resp.Usage
	if u.InputTokens < 0 || u.OutputTokens < 0 || u.CachedTokens < 0 || u.CacheWriteTokens < 0 || u.ReasoningTokens < 0 ||
		u.CachedTokens+u.CacheWriteTokens > u.InputTokens || u.ReasoningTokens > u.OutputTokens || u.Cost == nil || *u.Cost < 0 || *u.Cost > 5_000_000 {
		t.Fatalf("usage: got %+v", u)
	}
	for _, c := range resp.Claims {
		if c.Confidence < 0 || c.Confidence > 1 || c.Page < 0 || c.FileIndex < 0 {
			t.Fatalf("claim: got %+v", c)
		}
		if b := c.Region; b != nil && !(b.X0 >= 0 && b.X1 <= 100 && b.X0 < b.X1 && b.Y0 >= 0 && b.Y1 <= 50 && b.Y0 < b.Y1) {
			t.Fatalf("region: got %+v", *b)
		}
	}
}
