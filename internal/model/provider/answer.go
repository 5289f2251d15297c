package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// answerOf turns a model's text into a value and its claims. Text in which no JSON can be found becomes a JSON string, which
// fits no schema: the caller's validation then says so, and the call's cost is not lost.
func answerOf(text string, a *ask, req *model.Request) (json.RawMessage, []grounding.Claim, error) {
	if a.schema == nil {
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
		value, claims = unwrap(found)
	}
	if a.strict == nil {
		return value, claims, nil
	}
	value, err := withoutFillers(value, req.Schema)
	return value, claims, err
}

// unwrap splits {"result": …, "evidence": […]}. An answer without the wrapper is taken as the result without evidence.
func unwrap(found json.RawMessage) (json.RawMessage, []grounding.Claim) {
	var box map[string]json.RawMessage
	if err := json.Unmarshal(found, &box); err != nil {
		return found, nil
	}
	result, ok := box["result"]
	if _, evidence := box["evidence"]; !ok || (!evidence && len(box) > 1) {
		return found, nil
	}
	return result, claimsOf(box["evidence"], result)
}

// rawClaim is a claim as models write it; numbers may come as text.
type rawClaim struct {
	Path       string `json:"path"`
	File       number `json:"file"`
	Page       number `json:"page"`
	Quote      string `json:"quote"`
	Confidence number `json:"confidence"`
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

func claimsOf(raw, result json.RawMessage) []grounding.Claim {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil // claims are hints: an answer without readable evidence is an answer without evidence
	}
	var out []grounding.Claim
	for _, item := range list[:min(len(list), maxClaims)] {
		var c rawClaim
		if err := json.Unmarshal(item, &c); err != nil || strings.TrimSpace(c.Quote) == "" {
			continue
		}
		out = append(out, grounding.Claim{
			Path:       pointerOf(c.Path, result),
			FileIndex:  max(int(clamp(c.File, 0, 1e6))-1, 0),
			Page:       int(clamp(c.Page, 0, 1e6)),
			Quote:      c.Quote,
			Confidence: confidenceOf(c.Confidence),
		})
	}
	return out
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
func withoutFillers(value, schema json.RawMessage) (json.RawMessage, error) {
	root, err := decodeSchema(schema)
	if err != nil {
		return nil, err
	}
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
