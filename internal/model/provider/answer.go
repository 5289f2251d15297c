package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// answerOf turns a model's text into a value and its claims. Text in which no JSON can be found becomes a JSON string, which
// fits no schema: the caller's validation then says so, and the call's cost is not lost.
func answerOf(text string, a *ask, req *model.Request) (json.RawMessage, []grounding.Claim, error) {
	text = withoutThoughts(text)
	if a.shape == nil {
		value, err := json.Marshal(text)
		if err != nil {
			return nil, nil, fmt.Errorf("encode a model's answer: %w", err)
		}
		return value, nil, nil
	}
	found, ok := RepairJSON(text)
	if !ok {
		value, err := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
		if err != nil {
			return nil, nil, fmt.Errorf("encode a model's answer: %w", err)
		}
		return value, nil, nil
	}
	value, claims := found, []grounding.Claim(nil)
	if a.wrapped {
		value, claims = unwrap(found, req.Documents)
	}
	if a.mode != modeBounded && a.mode != modeSchema && a.mode != modeObject {
		return value, claims, nil
	}
	value, err := withoutFillers(value, a.root)
	return value, claims, err
}

// unwrap splits {"result": …, "evidence": […]}. An answer without the wrapper is taken as the result without evidence.
func unwrap(found json.RawMessage, docs []grounding.Document) (json.RawMessage, []grounding.Claim) {
	var box map[string]json.RawMessage
	if err := json.Unmarshal(found, &box); err != nil {
		return found, nil
	}
	result, ok := box["result"]
	if _, evidence := box["evidence"]; !ok || (!evidence && len(box) > 1) {
		return found, nil
	}
	return result, claimsOf(box["evidence"], result, docs)
}

// hasResult reports whether a text that was cut begins with a whole {"result": …}: the answer is asked for before its evidence.
func hasResult(text string) bool {
	text = withoutThoughts(text)
	dec := json.NewDecoder(strings.NewReader(text[max(strings.IndexByte(text, '{'), 0):]))
	for _, want := range []json.Token{json.Delim('{'), "result"} {
		if token, err := dec.Token(); err != nil || token != want {
			return false
		}
	}
	var result json.RawMessage
	return dec.Decode(&result) == nil && result[0] == '{'
}

// rawClaim is a claim as models write it; numbers may come as text.
type rawClaim struct {
	Path       string `json:"path"`
	File       number `json:"file"`
	Page       number `json:"page"`
	Quote      string `json:"quote"`
	Confidence number `json:"confidence"`
	Region     region `json:"region"`
}

// region reads a list of four numbers; anything else is no region.
type region []float64

// UnmarshalJSON implements json.Unmarshaler. It never fails, for the same reason as that of number.
func (r *region) UnmarshalJSON(data []byte) error {
	var list []number
	if err := json.Unmarshal(data, &list); err == nil && len(list) == 4 {
		*r = region{float64(list[0]), float64(list[1]), float64(list[2]), float64(list[3])}
	}
	return nil
}

// number reads 3, 3.0 and "3"; anything else is 0.
type number float64

// UnmarshalJSON implements json.Unmarshaler. It never fails: claims are hints, and one bad number must not lose the others.
func (n *number) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(bytes.Trim(data, `"`), &f); err == nil {
		*n = number(f)
	}
	return nil
}

// maxClaims bounds how much evidence one answer may bring.
const maxClaims = 20000

func claimsOf(raw, result json.RawMessage, docs []grounding.Document) []grounding.Claim {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil // claims are hints: an answer without readable evidence is an answer without evidence
	}
	var out []grounding.Claim
	for _, item := range list[:min(len(list), maxClaims)] {
		var c rawClaim
		if err := json.Unmarshal(item, &c); err != nil {
			continue
		}
		claim := grounding.Claim{
			Path:       pointerOf(c.Path, result),
			FileIndex:  max(int(clamp(c.File, 0, 1e6))-1, 0),
			Page:       int(clamp(c.Page, 0, 1e6)),
			Quote:      c.Quote,
			Confidence: confidenceOf(c.Confidence),
		}
		claim.Region = regionOf(c.Region, pageOf(docs, claim.FileIndex, claim.Page))
		if strings.TrimSpace(claim.Quote) == "" && claim.Region == nil {
			continue
		}
		out = append(out, claim)
	}
	return out
}

// pageOf finds the page that a claim names; nil when there is none.
func pageOf(docs []grounding.Document, file, number int) *grounding.Page {
	for i := range docs {
		if docs[i].FileIndex != file {
			continue
		}
		for j := range docs[i].Pages {
			if docs[i].Pages[j].Number == number {
				return &docs[i].Pages[j]
			}
		}
	}
	return nil
}

// regionOf makes a box in the page's coordinates of four numbers that run from 0 to 1000, from 0 to 1, or over the picture's
// pixels. Only pages that were shown as a picture have regions; what is no box is nil.
func regionOf(r region, page *grounding.Page) *steward.Box {
	if len(r) != 4 || page == nil || page.Picture == nil {
		return nil
	}
	wide, high := 1000.0, 1000.0
	switch most := slices.Max(r); {
	case most <= 0:
		return nil
	case most <= 1:
		wide, high = 1, 1
	case most > 1000:
		wide, high = float64(page.Picture.Width), float64(page.Picture.Height)
	}
	width, height := page.Width, page.Height
	if width <= 0 || height <= 0 {
		width, height = float64(page.Picture.Width), float64(page.Picture.Height)
	}
	if wide <= 0 || high <= 0 || width <= 0 || height <= 0 {
		return nil
	}
	at := func(v, whole, to float64) float64 { return min(max(v/whole, 0), 1) * to }
	box := &steward.Box{
		X0: at(min(r[0], r[2]), wide, width), X1: at(max(r[0], r[2]), wide, width),
		Y0: at(min(r[1], r[3]), high, height), Y1: at(max(r[1], r[3]), high, height),
	}
	if box.X1 <= box.X0 || box.Y1 <= box.Y0 {
		return nil
	}
	return box
}

// withoutThoughts takes off what a model wrote for itself before its answer, in the tags of open models that no server took out.
// Thoughts that never end leave no answer.
func withoutThoughts(text string) string {
	const open, end = "<think>", "</think>"
	trimmed := strings.TrimSpace(text)
	if rest, thinks := strings.CutPrefix(trimmed, open); thinks {
		_, answer, _ := strings.Cut(rest, end)
		return strings.TrimSpace(answer)
	}
	// Some templates open the tag in the prompt. JSON may hold the tag in a string: then it is no mark of an end.
	before, answer, ended := strings.Cut(trimmed, end)
	if ended && !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") && !strings.Contains(before, open) {
		return strings.TrimSpace(answer)
	}
	return text
}

func clamp(n number, low, high float64) float64 { return min(max(float64(n), low), high) }

// confidenceOf reads 0.9 and, as some models write it, 90.
func confidenceOf(n number) float64 {
	if n > 1 {
		n /= 100
	}
	return clamp(n, 0, 1)
}

var indexed = regexp.MustCompile(`\[(\d+)\]`)

// pointerOf makes a JSON Pointer of what models write for one: "/a/0/b", "a.0.b", "$.a[0].b", "/result/a/0/b".
func pointerOf(path string, result json.RawMessage) string {
	path = strings.TrimSpace(path)
	if !strings.HasPrefix(path, "/") && path != "" {
		path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
		path = indexed.ReplaceAllString(path, ".$1")
		path = "/" + strings.TrimPrefix(strings.ReplaceAll(path, ".", "/"), "/")
	}
	rest, prefixed := strings.CutPrefix(path, "/result")
	if prefixed && (rest == "" || rest[0] == '/') && !hasMember(result, "result") {
		return rest
	}
	return path
}

func hasMember(object json.RawMessage, name string) bool {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return false
	}
	_, ok := members[name]
	return ok
}

// withoutFillers takes the nulls out that only the strict form asked for.
func withoutFillers(value json.RawMessage, root map[string]any) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("decode a model's answer: %w", err)
	}
	f := fillers{root: root}
	v = f.drop(v, root)
	if f.dropped == 0 {
		return value, nil // as the model wrote it, members in its order
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a model's answer: %w", err)
	}
	return out, nil
}
