package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/providertest"
)

// drawn is a small picture of one colour.
func drawn(t testing.TB, shade uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 8, 4))
	for i := range m.Pix {
		m.Pix[i] = shade
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pictureOf(data []byte, opened *atomic.Int64) *grounding.Picture {
	return &grounding.Picture{ContentType: "image/png", Width: 800, Height: 400, Key: fmt.Sprint(len(data)), Open: func(context.Context) ([]byte, error) {
		if opened != nil {
			opened.Add(1)
		}
		return data, nil
	}}
}

// scanRequest has two pages with pictures: one with text, one without.
func scanRequest(t testing.TB, opened *atomic.Int64) *model.Request {
	req := invoiceRequest()
	req.Evidence = true
	req.Documents[0].Pages = []grounding.Page{
		{Number: 1, Text: "Invoice 4711", Width: 100, Height: 50, Picture: pictureOf(drawn(t, 1), opened)},
		{Number: 2, Width: 100, Height: 50, Picture: pictureOf(drawn(t, 2), opened)},
	}
	return req
}

func TestPicturesStandBehindTheTextOfTheirPages(t *testing.T) {
	t.Parallel()
	for _, w := range providertest.Wires() {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, w, providertest.Reply{Text: `{"result":` + strictAnswer + `,"evidence":[]}`})
			req := scanRequest(t, nil)
			req.ImageDetail = "high"
			if _, err := connect(t, s, patient()).Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			var order []string
			for _, p := range s.Last(t).Prompt() {
				switch {
				case bytes.Equal(p.Picture, drawn(t, 1)):
					order = append(order, "first "+p.Type)
				case bytes.Equal(p.Picture, drawn(t, 2)):
					order = append(order, "second "+p.Type)
				case strings.Contains(p.Text, "[[page 1 of file 1]]\nInvoice 4711"):
					order = append(order, "page 1")
				case strings.Contains(p.Text, "[[page 2 of file 1]]"):
					order = append(order, "page 2")
				case strings.Contains(p.Text, "end file 1"):
					order = append(order, "end")
				}
				if w != providertest.Anthropic && w != providertest.Bedrock && w != providertest.Google && p.Picture != nil && p.Detail != "high" {
					t.Errorf("detail: got %q", p.Detail)
				}
			}
			if got := strings.Join(order, ", "); got != "page 1, first image/png, page 2, second image/png, end" {
				t.Errorf("got %s", got)
			}
			if got := s.Last(t).At("generationConfig", "mediaResolution"); w == providertest.Google && got != "MEDIA_RESOLUTION_HIGH" {
				t.Errorf("media resolution: got %v", got)
			}
			if !strings.Contains(s.Last(t).PromptText(), `"region"`) {
				t.Error("no region is asked for, though a page has no text")
			}
		})
	}
}

func TestRegionsComeBackInThePagesCoordinates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		region string
		want   *steward.Box
	}{
		{`[100,200,300,400]`, &steward.Box{X0: 10, Y0: 10, X1: 30, Y1: 20}},
		{`[300,400,100,200]`, &steward.Box{X0: 10, Y0: 10, X1: 30, Y1: 20}},
		{`[0.1,0.2,0.3,0.4]`, &steward.Box{X0: 10, Y0: 10, X1: 30, Y1: 20}},
		{`[0,0,1200,1200]`, &steward.Box{X0: 0, Y0: 0, X1: 100, Y1: 50}},
		{`["100",200,300,400]`, &steward.Box{X0: 10, Y0: 10, X1: 30, Y1: 20}},
		{`[]`, nil},
		{`[1,2,3]`, nil},
		{`[5,5,5,5]`, nil},
		{`[-9,-9,-1,-1]`, nil},
		{`"left"`, nil},
		{`null`, nil},
	}
	for _, test := range tests {
		t.Run(test.region, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t, providertest.OpenAI, providertest.Reply{Text: `{"result":` + strictAnswer +
				`,"evidence":[{"path":"/number","file":1,"page":2,"quote":"4711","confidence":1,"region":` + test.region + `}]}`})
			resp, err := connect(t, s, patient()).Generate(t.Context(), scanRequest(t, nil))
			if err != nil {
				t.Fatal(err)
			}
			if len(resp.Claims) != 1 {
				t.Fatalf("claims: got %+v", resp.Claims)
			}
			got := resp.Claims[0].Region
			if (got == nil) != (test.want == nil) || (got != nil && !near(*got, *test.want)) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func near(a, b steward.Box) bool {
	for _, d := range []float64{a.X0 - b.X0, a.Y0 - b.Y0, a.X1 - b.X1, a.Y1 - b.Y1} {
		if d > 1e-9 || d < -1e-9 {
			return false
		}
	}
	return true
}

func TestAModelThatCannotSeeReadsTheTextOrRefuses(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI, providertest.Reply{Text: strictAnswer})
	e := s.Entry()
	e.Capabilities = []string{"text"}
	m := connectAs(t, s, patient(), s.Config(), e)
	var opened atomic.Int64
	req := scanRequest(t, &opened)
	req.Evidence = false
	resp, err := m.Generate(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "no image capability: 1 pages of invoice.pdf have no text") {
		t.Errorf("warnings: got %q", resp.Warnings)
	}
	if len(s.Last(t).Pictures()) != 0 || opened.Load() != 0 {
		t.Error("pictures were opened or sent")
	}
	req.Documents[0].Pages = req.Documents[0].Pages[1:]
	_, err = m.Generate(t.Context(), req)
	if f := steward.FailureOf(err); f.Code != steward.FailInvalidConfig || !strings.Contains(f.Message, "no image capability") {
		t.Errorf("got %v, want invalid_config", err)
	}
	if s.Count() != 1 {
		t.Error("the server was asked for nothing")
	}
}

func TestPicturesThatAProviderWouldRefuseAreMadeSmaller(t *testing.T) {
	t.Parallel()
	noise := image.NewRGBA(image.Rect(0, 0, 1600, 1200))
	source := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(source.Uint32())
	}
	noise.Set(0, 0, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, noise); err != nil {
		t.Fatal(err)
	}
	if b.Len() < 4<<20 {
		t.Fatalf("the picture has only %d bytes", b.Len())
	}
	s := providertest.New(t, providertest.Anthropic, providertest.Reply{Text: `{"result":` + strictAnswer + `,"evidence":[]}`})
	req := scanRequest(t, nil)
	req.Documents[0].Pages[1].Picture = pictureOf(b.Bytes(), nil)
	if _, err := connect(t, s, patient()).Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	sent := s.Last(t).Pictures()
	if len(sent) != 2 || sent[1].Type != "image/jpeg" || len(sent[1].Picture) > 3840<<10 {
		t.Fatalf("got %d pictures, the second %s of %d bytes", len(sent), sent[1].Type, len(sent[1].Picture))
	}
	if _, err := jpeg.Decode(bytes.NewReader(sent[1].Picture)); err != nil {
		t.Error(err)
	}
}

func TestTooManyPicturesAreAnOverflow(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI)
	o := patient()
	o.MaxPictureBytes = int64(len(drawn(t, 1)))
	var opened atomic.Int64
	_, err := connect(t, s, o).Generate(t.Context(), scanRequest(t, &opened))
	if f := steward.FailureOf(err); f.Code != steward.FailContextOverflow || !strings.Contains(f.Message, "fewer pages") {
		t.Errorf("got %v, want context_overflow", err)
	}
	req := scanRequest(t, &opened)
	opened.Store(0)
	for range 20 {
		req.Documents[0].Pages = append(req.Documents[0].Pages, req.Documents[0].Pages[0])
	}
	bedrock := providertest.New(t, providertest.Bedrock)
	_, err = connect(t, bedrock, patient()).Generate(t.Context(), req)
	if f := steward.FailureOf(err); f.Code != steward.FailContextOverflow {
		t.Errorf("got %v, want context_overflow", err)
	}
	if opened.Load() != 0 || s.Count()+bedrock.Count() != 0 {
		t.Errorf("%d pictures were opened, %d calls made", opened.Load(), s.Count()+bedrock.Count())
	}
}

func TestAPictureThatCannotBeOpenedEndsTheCall(t *testing.T) {
	t.Parallel()
	torn := &steward.Failure{Code: steward.FailUnsupportedFile, Message: "The page cannot be drawn."}
	s := providertest.New(t, providertest.Google)
	req := scanRequest(t, nil)
	req.Documents[0].Pages[1].Picture.Open = func(context.Context) ([]byte, error) { return nil, torn }
	_, err := connect(t, s, patient()).Generate(t.Context(), req)
	if !errors.Is(err, torn) || s.Count() != 0 {
		t.Errorf("got %v after %d calls", err, s.Count())
	}
	req.Documents[0].Pages[1].Picture = pictureOf(nil, nil)
	if _, err := connect(t, s, patient()).Generate(t.Context(), req); err == nil {
		t.Error("an empty picture was sent")
	}
}

func TestPicturesAreCountedByTheirOwnMeasure(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.OpenAI,
		providertest.Reply{Text: `{"result":` + strictAnswer + `,"evidence":[]}`, Usage: providertest.Usage{Input: 60000, Output: 30}},
		providertest.Reply{Text: `{"result":` + strictAnswer + `,"evidence":[]}`, RawUsage: json.RawMessage("null")})
	m := connect(t, s, patient())
	resp, err := m.Generate(t.Context(), scanRequest(t, nil))
	if err != nil || resp.Usage.InputTokens != 60000 || len(resp.Warnings) != 0 {
		t.Errorf("got %+v, %v: pictures can cost that much", resp, err)
	}
	resp, err = m.Generate(t.Context(), scanRequest(t, nil))
	if err != nil || resp.Usage.InputTokens < 3000 || len(resp.Warnings) != 1 {
		t.Errorf("got %+v, %v: want both pictures estimated", resp, err)
	}
}
