package provider_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/model/provider"
)

func TestTrivialDamageIsMended(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"whole", ` {"a": [1, 2.50, "x"]} `, `{"a":[1,2.50,"x"]}`},
		{"in a fence", "```json\n{\"a\":1}\n```", `{"a":1}`},
		{"in prose", `The answer is {"a":{"b":true}} as you see.`, `{"a":{"b":true}}`},
		{"behind braces that are no JSON", `For the set {x, y}: {"a":1}`, `{"a":1}`},
		{"behind a citation", `As [1] says: {"a":1}`, `{"a":1}`},
		{"a bare list", `Here: [1, 2]`, `[1,2]`},
		{"commas at the end", `{"a":[1,2,],"b":{"c":null,},}`, `{"a":[1,2],"b":{"c":null}}`},
		{"line breaks in a string", "{\"a\":\"one\ntwo\tthree\x01\"}", `{"a":"one\ntwo\tthree\u0001"}`},
		{"no closing brackets", `{"a":[{"b":"c"}`, `{"a":[{"b":"c"}]}`},
		{"cut in a string", `{"a":"x","b":"half a sen`, `{"a":"x"}`},
		{"cut in a number", `{"a":"x","b":12`, `{"a":"x"}`},
		{"cut behind a key", `{"a":"x","b":`, `{"a":"x"}`},
		{"cut in a key", `{"a":{"x":true},"bee`, `{"a":{"x":true}}`},
		{"cut in an inner object", `{"rows":[{"n":"1"},{"n":"2","m":"`, `{"rows":[{"n":"1"},{"n":"2"}]}`},
		{"escaped quotes", `{"a":"say \"hi\" \\"}`, `{"a":"say \"hi\" \\"}`},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "{\"a\":\"\uFFFD\"}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := provider.RepairJSON(test.text)
			if !ok || string(got) != test.want {
				t.Errorf("got %s %t, want %s", got, ok, test.want)
			}
		})
	}
}

func TestNothingIsMadeOfNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "  ", "I cannot say.", "12", `"text"`, "{", "[", `{"a"`, `{"a":12`, "{]", "{x: 1}", strings.Repeat("[", 100000)} {
		if got, ok := provider.RepairJSON(text); ok {
			t.Errorf("%.20q: got %s, want nothing", text, got)
		}
	}
}

func FuzzRepairJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2,],"b":"x`, "```json\n{\"a\":1}\n```", `{"a":"\u00e9\"","b":[{}`, `text {"a":1} text`, `[[[{"a":`, "{\"a\":\"\xff\n\"}", `{"a":1}{"b":2}`,
		`{"a" "b"}`, `{,}`, `[,]`, `{"a":,}`, `{:}`, `{"\`, `[-1e5,true,nul`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := provider.RepairJSON(text)
		if !ok {
			if got != nil {
				t.Fatalf("nothing found, but got %q", got)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q, which is no JSON", text, got)
		}
		again, ok := provider.RepairJSON(string(got))
		if !ok || !bytes.Equal(again, got) {
			t.Fatalf("%q: mended twice it becomes %q", got, again)
		}
		cutsKeepWholeValues(t, got)
	})
}

// cutsKeepWholeValues fails when the mended front of an object has a scalar member that the object itself has not.
func cutsKeepWholeValues(t *testing.T, whole json.RawMessage) {
	t.Helper()
	if len(whole) > 2000 || whole[0] != '{' {
		return
	}
	var want map[string]any
	if err := json.Unmarshal(whole, &want); err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(whole); cut += 1 + len(whole)/20 {
		mended, ok := provider.RepairJSON(string(whole[:cut]))
		if !ok {
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(mended, &got); err != nil {
			t.Fatalf("%q cut at %d became %q", whole, cut, mended)
		}
		if hasDoubles(whole) {
			continue // which of two members of one name counts depends on the cut
		}
		for key, value := range got {
			switch value.(type) {
			case map[string]any, []any:
			default:
				if !reflect.DeepEqual(value, want[key]) {
					t.Fatalf("%q cut at %d: %q became %v", whole, cut, key, value)
				}
			}
		}
	}
}

// hasDoubles reports whether an object's members are fewer than its text has: names that stand twice.
func hasDoubles(object json.RawMessage) bool {
	dec := json.NewDecoder(bytes.NewReader(object))
	depth, keys, key := 0, map[string]bool{}, true
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
				key = depth == 1
			} else {
				depth--
				key = true
			}
		case string:
			if depth == 1 && key {
				if keys[token] {
					return true
				}
				keys[token] = true
				key = false
				continue
			}
			key = true
		default:
			key = true
		}
	}
}

func TestRepairIsQuickOnHostileText(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 900)
	for name, text := range map[string]string{
		"many values deep down":     deep + strings.Repeat("1,", 1<<20),
		"many beginnings":           strings.Repeat("{\"a\":1 x", 1<<18),
		"many texts that never end": strings.Repeat("{\"", 1<<19),
		"a late fault":              "[" + strings.Repeat("{},", 1<<19) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			if out, ok := provider.RepairJSON(text); ok && !json.Valid(out) {
				t.Error("the result is no JSON")
			}
			if took := time.Since(start); took > 5*time.Second { // a tenth of a second on a calm machine
				t.Errorf("it took %s", took)
			}
		})
	}
}
