package provider_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model/providertest"
)

func TestTextsAndPicturesReachTheModelByteForByte(t *testing.T) {
	t.Parallel()
	var everything strings.Builder
	for c := range rune(0x250) {
		everything.WriteRune(c)
	}
	everything.WriteString("\u2028\u2029\U0001F600 <b>&amp;</b> \\u0041 \"quoted\\\"")
	for _, w := range providertest.Wires() {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: strictAnswer})
			req := invoiceRequest()
			var pictures [][]byte
			req.Documents[0].Pages = nil
			for i, size := range []int{1, 2, 3, 4, 1000, 100_001} {
				data := bytes.Repeat([]byte{byte(i), 0xFF, '"'}, size)[:size]
				pictures = append(pictures, data)
				req.Documents[0].Pages = append(req.Documents[0].Pages, grounding.Page{
					Number: i + 1, Text: fmt.Sprintf("start %d %s end %d", i, strings.Repeat(everything.String(), i), i), Picture: pictureOf(data, nil),
				})
			}
			if _, err := connect(t, s, patient()).Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			last := s.Last(t)
			seen := last.PromptText()
			for _, page := range req.Documents[0].Pages {
				if !strings.Contains(seen, page.Text) {
					t.Errorf("the text of page %d did not arrive as it is", page.Number)
				}
			}
			for i, p := range last.Pictures() {
				if !bytes.Equal(p.Picture, pictures[i]) {
					t.Errorf("picture %d did not arrive as it is", i+1)
				}
			}
			if n := len(last.Pictures()); n != len(pictures) {
				t.Errorf("%d pictures arrived, want %d", n, len(pictures))
			}
		})
	}
}

func TestABrokenTextIsSentAsText(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI, providertest.Reply{Text: strictAnswer})
	req := invoiceRequest()
	req.Documents[0].Pages[0].Text = strings.Repeat("a\xffb ", 300)
	if _, err := connect(t, s, patient()).Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.Last(t).PromptText(), "a\uFFFDb") {
		t.Error("the broken byte was not replaced")
	}
}

func TestARequestCanBeSentTwiceByTheTransport(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI, providertest.Reply{Text: strictAnswer})
	o := patient()
	inner := http.DefaultTransport
	var lengths []int64
	o.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
		again, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		var first, second bytes.Buffer
		if _, err := first.ReadFrom(r.Body); err != nil {
			return nil, err
		}
		if _, err := second.ReadFrom(again); err != nil {
			return nil, err
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) || int64(first.Len()) != r.ContentLength {
			t.Errorf("the first body has %d bytes, the second %d, announced are %d", first.Len(), second.Len(), r.ContentLength)
		}
		lengths = append(lengths, r.ContentLength)
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		return inner.RoundTrip(r)
	})
	req := scanRequest(t, nil)
	req.Evidence = false
	req.Documents[0].Pages[0].Text = strings.Repeat("Invoice \"4711\"\n", 100)
	if _, err := connect(t, s, o).Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if len(lengths) != 1 {
		t.Errorf("%d requests", len(lengths))
	}
}
