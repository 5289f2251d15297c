package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/model"
)

// marshalled decodes a schema into maps, which forget its order, and encodes it in the order of another.
func marshalled(t *testing.T, schema, ordered string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(schema), &v); err != nil {
		t.Fatal(err)
	}
	data, err := model.OrderOf(json.RawMessage(ordered)).Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestASchemaKeepsTheOrderOfItsProperties(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ schema, want string }{
		"properties": {
			`{"type":"object","required":["a","z"],"properties":{"z":{"type":"string"},"a":{"type":"number"}}}`,
			`{"properties":{"z":{"type":"string"},"a":{"type":"number"}},"required":["z","a"],"type":"object"}`,
		},
		"the same names in another order further in": {
			`{"properties":{"b":{},"a":{"items":{"properties":{"a":{},"b":{}}}}}}`,
			`{"properties":{"b":{},"a":{"items":{"properties":{"a":{},"b":{}}}}}}`,
		},
		"definitions": {
			`{"$defs":{"x":{"properties":{"c":{},"b":{}}}},"properties":{"b":{},"c":{"$ref":"#/$defs/x"}}}`,
			`{"$defs":{"x":{"properties":{"c":{},"b":{}}}},"properties":{"b":{},"c":{"$ref":"#/$defs/x"}}}`,
		},
		"a property that is called properties": {
			`{"properties":{"properties":{"properties":{"y":{},"x":{}}},"enum":{"type":"string"}}}`,
			`{"properties":{"properties":{"properties":{"y":{},"x":{}}},"enum":{"type":"string"}}}`,
		},
		"data is no schema": {
			`{"const":{"properties":{"y":1,"x":2},"required":["y","x"]}}`,
			`{"const":{"properties":{"x":2,"y":1},"required":["y","x"]}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := marshalled(t, test.schema, test.schema); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAMovedSchemaKeepsItsOrder(t *testing.T) {
	t.Parallel()
	o := model.OrderOf(json.RawMessage(`{"properties":{"verdict":{},"because":{}}}`))
	o.Move("result")
	o.Put("", "result", "evidence")
	data, err := o.Marshal(map[string]any{"properties": map[string]any{
		"evidence": map[string]any{}, "unheard": map[string]any{},
		"result": map[string]any{"properties": map[string]any{"because": map[string]any{}, "verdict": map[string]any{}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"properties":{"result":{"properties":{"verdict":{},"because":{}}},"evidence":{},"unheard":{}}}`; string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

func TestPartsOfAWideSchemaAndListsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s, err := model.CompileSchema(json.RawMessage(`{"type":"object","properties":{"d":{"type":"string"},"c":{"type":"string"},"b":{"type":"string"},"a":{"type":"string"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.Split(2)
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	for _, p := range parts {
		text := string(p.Schema)
		for _, pair := range [][2]string{{`"d"`, `"c"`}, {`"b"`, `"a"`}} {
			first, second := strings.Index(text, pair[0]), strings.Index(text, pair[1])
			if first >= 0 && second >= 0 && first > second {
				t.Errorf("%s: %s stands behind %s", text, pair[0], pair[1])
			}
		}
	}
	list, err := model.CompileSchema(json.RawMessage(`{"type":"array","items":{"properties":{"z":{},"a":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(list.Asked()); strings.Index(text, `"z"`) > strings.Index(text, `"a":{}`) {
		t.Errorf("got %s", text)
	}
}

func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"properties":{"z":{"enum":[{"b":1}]},"a":{"properties":{"q":true}}},"required":["z"]}`))
	f.Add([]byte(`[{"properties":[]},null,1.50]`))
	f.Add([]byte(`{"properties":{"a":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		order := model.OrderOf(data)
		var v any
		if json.Unmarshal(data, &v) != nil {
			return
		}
		out, err := order.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.OrderOf(out).Marshal(v)
		if err != nil || string(again) != string(out) {
			t.Errorf("%s is not stable: %s, %v", out, again, err)
		}
	})
}
