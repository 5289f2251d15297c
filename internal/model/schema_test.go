package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/model"
)

// suiteGroup is a schema and values to judge by it, in the form of the official JSON Schema test suite.
type suiteGroup struct {
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Tests       []struct {
		Description string          `json:"description"`
		Data        json.RawMessage `json:"data"`
		Valid       bool            `json:"valid"`
	} `json:"tests"`
}

func TestTheValidatorKnowsDraft7AndDraft2020(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/suite/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("suites %v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []suiteGroup
		if err := json.Unmarshal(data, &groups); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range groups {
			t.Run(filepath.Base(file)+"/"+g.Description, func(t *testing.T) {
				t.Parallel()
				g.run(t)
			})
		}
	}
}

// run judges each value alone, where the schema can stand at the top, and within an object.
func (g *suiteGroup) run(t *testing.T) {
	schema := compiled(t, topless(t, g.Schema))
	for _, test := range g.Tests {
		problems := schema.Check(test.Data, false)
		if (len(problems) == 0) != test.Valid {
			t.Errorf("%s: %s: got %q, want valid: %t", test.Description, test.Data, problems, test.Valid)
		}
		for _, p := range problems {
			if strings.Contains(p, "output-schema:") || strings.TrimSpace(p) == "" {
				t.Errorf("%s: message %q", test.Description, p)
			}
		}
		if test.Valid && !strings.Contains(string(g.Schema), "not") && !strings.Contains(string(g.Schema), `"if"`) && !strings.Contains(string(test.Data), "null") && !strings.Contains(string(g.Schema), "axContains") {
			if problems := schema.Check(test.Data, true); len(problems) != 0 {
				t.Errorf("%s: valid, but relaxed %q", test.Description, problems)
			}
		}
	}
}

// topless takes away a "type" at the top, which is only checked inside: answers are objects or lists.
func topless(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	kind, typed := members["type"]
	if !typed {
		return raw
	}
	delete(members, "type")
	members["allOf"] = json.RawMessage(`[{"type":` + string(kind) + `}]`)
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func compiled(t testing.TB, raw json.RawMessage) *model.Schema {
	t.Helper()
	schema, err := model.CompileSchema(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return schema
}

func TestFaultsAreToldInWordsThatAModelCanActOn(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, schema, value, want string }{
		{"missing", `{"required":["a","b","c"]}`, `{"c":1}`, `these properties are required and missing: "a", "b"`},
		{"missing inside", `{"properties":{"o":{"required":["a"]}}}`, `{"o":{}}`, `at /o: these properties are required and missing: "a"`},
		{"too much", `{"additionalProperties":false}`, `{"x":1}`, `these properties are not in the schema, leave them out: "x"`},
		{"type", `{"properties":{"n":{"type":"number"}}}`, `{"n":"12"}`, "at /n: got string, want number"},
		{"enumeration", `{"properties":{"k":{"enum":["in","out"]}}}`, `{"k":"sideways"}`, `at /k: got "sideways", want one of "in", "out"`},
		{"constant", `{"properties":{"k":{"const":1}}}`, `{"k":2}`, `at /k: got 2, want 1`},
		{"date", `{"properties":{"d":{"format":"date"}}}`, `{"d":"3.2.2026"}`, `at /d: got "3.2.2026", want the format date: YYYY-MM-DD, such as 2026-02-03`},
		{"pattern", `{"properties":{"d":{"pattern":"^[A-Z]{3}$"}}}`, `{"d":"euro"}`, `at /d: got "euro", want a text that matches the pattern ^[A-Z]{3}$`},
		{"nullable by alternatives", `{"properties":{"a":{"anyOf":[{"type":"number"},{"type":"null"}]}}}`, `{"a":"x"}`, "at /a: got string, want number or null"},
		{"the nearest alternative speaks", `{"properties":{"a":{"oneOf":[{"type":"object","required":["p","q","r"]},{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}},{"type":"null"}]}}}`,
			`{"a":{"n":"x"}}`, "at /a: these properties are required and missing: \"p\", \"q\", \"r\"|at /a/n: got string, want integer"},
		{"two alternatives", `{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1,"b":2}`, "more than one of the schema's alternatives matches, exactly one must"},
		{"dependency", `{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, `with "a" there must also be: "b"`},
		{"duplicates", `{"properties":{"l":{"uniqueItems":true}}}`, `{"l":[1,2,1]}`, "at /l: the elements 0 and 2 are equal, all must differ"},
		{"nothing allowed", `{"properties":{"l":false}}`, `{"l":1}`, "at /l: the schema allows no value here, leave it out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := compiled(t, json.RawMessage(tt.schema)).Check(json.RawMessage(tt.value), false)
			if len(got) != 1 || !slices.Contains(strings.Split(tt.want, "|"), got[0]) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestThereAreAtMostTwelveMessages(t *testing.T) {
	t.Parallel()
	schema := compiled(t, json.RawMessage(`{"additionalProperties":{"type":"integer"}}`))
	value := map[string]string{}
	for i := range 100 {
		value[fmt.Sprint("p", i)] = strings.Repeat("x", 10_000)
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	got := schema.Check(data, false)
	if len(got) != 12 || len(strings.Join(got, "")) > 12*310 {
		t.Errorf("%d messages of %d bytes", len(got), len(strings.Join(got, "")))
	}
}

// wide makes the schema of an object with n properties, some of them required.
func wide(n int) json.RawMessage {
	var names, required []string
	for i := range n {
		names = append(names, fmt.Sprintf(`"z%03d":{"$ref":"#/$defs/t%d"}`, n-i, i%2))
		if i%3 == 0 {
			required = append(required, fmt.Sprintf(`"z%03d"`, n-i))
		}
	}
	return json.RawMessage(`{"type":"object","additionalProperties":false,"properties":{` + strings.Join(names, ",") + `},"required":[` + strings.Join(required, ",") +
		`],"$defs":{"t0":{"type":"string"},"t1":{"anyOf":[{"$ref":"#/$defs/t2"},{"type":"null"}]},"t2":{"type":"integer"},"unused":{"type":"string"}}}`)
}

// names lists the properties of a part.
func names(t *testing.T, raw json.RawMessage) (properties []string, root map[string]any) {
	t.Helper()
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	all, _ := root["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(all)), root
}

func TestAWideSchemaIsCutAtItsProperties(t *testing.T) {
	t.Parallel()
	schema := compiled(t, wide(250))
	if schema.Leaves() != 250 {
		t.Fatalf("%d leaves", schema.Leaves())
	}
	parts, err := schema.Split(100)
	if err != nil || len(parts) != 3 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	seen := map[string]bool{}
	required := 0
	next := 0
	for _, p := range parts {
		if p.From != next || p.To-p.From+1 > 100 {
			t.Errorf("part %d-%d, want it to begin at %d", p.From, p.To, next)
		}
		next = p.To + 1
		part := compiled(t, p.Schema)
		if part.Leaves() != p.To-p.From+1 {
			t.Errorf("part %d-%d has %d leaves", p.From, p.To, part.Leaves())
		}
		properties, root := names(t, p.Schema)
		for _, name := range properties {
			if seen[name] {
				t.Errorf("%s stands in two parts", name)
			}
			seen[name] = true
		}
		list, _ := root["required"].([]any)
		for _, name := range list {
			if text, ok := name.(string); !ok || !slices.Contains(properties, text) {
				t.Errorf("%v is required of a part that has it not", name)
			}
		}
		required += len(list)
		definitions, _ := root["$defs"].(map[string]any)
		if len(definitions) != 3 || root["additionalProperties"] != false {
			t.Errorf("definitions %v, additionalProperties %v", slices.Sorted(maps.Keys(definitions)), root["additionalProperties"])
		}
	}
	if len(seen) != 250 || next != 250 || required != 84 {
		t.Errorf("%d properties, %d leaves, %d required; want 250, 250, 84", len(seen), next, required)
	}
	if first, _ := names(t, parts[0].Schema); first[0] != "z167" || first[len(first)-1] != "z250" {
		t.Errorf("the first part has %s to %s: the order of the schema is lost", first[0], first[len(first)-1])
	}
	again, err := compiled(t, wide(250)).Split(100)
	if err != nil || len(again) != 3 || string(again[1].Schema) != string(parts[1].Schema) {
		t.Errorf("the parts are not always the same: %v", err)
	}
}

func TestPropertiesThatARuleTiesStayTogether(t *testing.T) {
	t.Parallel()
	raw := json.RawMessage(`{"type":"object","properties":{"a":{},"b":{},"c":{},"d":{},"e":{},"f":{}},"required":["a","f"],
		"dependentRequired":{"a":["f"]},"allOf":[{"if":{"properties":{"b":{"const":1}}},"then":{"required":["e"]}}],"minProperties":1}`)
	parts, err := compiled(t, raw).Split(2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	rules := 0
	for _, p := range parts {
		properties, root := names(t, p.Schema)
		got = append(got, strings.Join(properties, ""))
		for _, key := range []string{"dependentRequired", "allOf", "minProperties"} {
			if root[key] != nil {
				rules++
			}
		}
		compiled(t, p.Schema)
	}
	if strings.Join(got, " ") != "af be cd" || rules != 3 {
		t.Errorf("parts %v with %d rules, want [af be cd] with 3", got, rules)
	}
}

func TestAWideObjectInsideIsCutToo(t *testing.T) {
	t.Parallel()
	inner, _, _ := strings.Cut(string(wide(150)), `,"$defs"`)
	inner = strings.ReplaceAll(inner+"}", "#/$defs/t1", "#/$defs/t0")
	raw := json.RawMessage(`{"type":"object","properties":{"head":{"type":"string"},"body":` + inner + `,"tail":{"type":"string"}},"required":["body"],"$defs":{"t0":{"type":"string"}}}`)
	parts, err := compiled(t, raw).Split(100)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	total := 0
	for _, p := range parts {
		total += compiled(t, p.Schema).Leaves()
	}
	if total != 152 {
		t.Errorf("%d leaves, want 152", total)
	}
}

func TestSchemasThatCannotBeCutStayWhole(t *testing.T) {
	t.Parallel()
	rows, _, _ := strings.Cut(string(wide(200)), `,"$defs"`)
	for name, raw := range map[string]string{
		"narrow":                         `{"type":"object","properties":{"a":{},"b":{}}}`,
		"a list":                         `{"type":"array","items":` + rows + `},"$defs":{"t0":{},"t1":{}}}`,
		"a reference into its own":       `{"type":"object","properties":{"a":{},"b":{"$ref":"#/properties/a"},"c":{"$ref":"#"}}}`,
		"one property":                   `{"type":"object","properties":{"l":{"type":"array","items":{"properties":{"a":{},"b":{},"c":{}}}}}}`,
		"free members":                   `{"type":"object"}`,
		"all of it tied by alternatives": `{"type":"object","properties":{"a":{},"b":{},"c":{}},"oneOf":[{"required":["a","b"]},{"required":["c"]}]}`,
	} {
		most := 2
		if name == "narrow" {
			most = 100
		}
		schema := compiled(t, json.RawMessage(raw))
		parts, err := schema.Split(most)
		if err != nil || len(parts) != 1 || string(parts[0].Schema) != string(schema.Asked()) {
			t.Errorf("%s: %d parts, %v", name, len(parts), err)
		}
	}
}

func TestASchemaTellsWhatItSaysAboutAValue(t *testing.T) {
	t.Parallel()
	schema := compiled(t, json.RawMessage(`{"$ref":"#/$defs/invoice","$defs":{
		"invoice":{"type":"object","required":["total"],"properties":{"z":{"type":["string","null"],"description":"a mark"},"total":{"type":"number"},
			"kind":{"anyOf":[{"enum":["in","out"]},{"type":"null"}]},"free":{"anyOf":[{"enum":["x"]},{"type":"string"}]},
			"rows":{"type":"array","items":{"$ref":"#/$defs/row"}},"pair":{"prefixItems":[{"const":"p"}],"items":{"enum":[1,2]}}},
			"additionalProperties":{"enum":["other"]}},
		"row":{"type":"object","properties":{"next":{"$ref":"#/$defs/row"},"size":{"enum":["s","m"]}}}}}`))
	root := schema.Root()
	var order []string
	for _, p := range root.Properties() {
		order = append(order, fmt.Sprintf("%s/%t/%t", p.Name, p.Required, p.Place.Nullable()))
	}
	if got := strings.Join(order, " "); got != "z/false/true total/true/false kind/false/true free/false/false rows/false/false pair/false/false" {
		t.Errorf("properties %s", got)
	}
	if root.Property("z").Description() != "a mark" || !root.Property("rows").IsList() || root.Property("z").IsList() {
		t.Error("description or list is wrong")
	}
	for got, want := range map[string]string{
		strings.Join(root.Property("kind").Choices(), ","):                                                        "in,out",
		"free " + strings.Join(root.Property("free").Choices(), ","):                                              "free ",
		"deep " + strings.Join(root.Property("rows").Element(7).Property("next").Property("size").Choices(), ","): "deep s,m",
		"pair " + strings.Join(root.Property("pair").Element(0).Choices(), ","):                                   "pair p",
		"rest " + strings.Join(root.Property("pair").Element(3).Choices(), ","):                                   "rest 1,2",
		"more " + strings.Join(root.Property("unknown").Choices(), ","):                                           "more other",
	} {
		if got != want {
			t.Errorf("choices %q, want %q", got, want)
		}
	}
	if root.Property("total").Property("none").Known() || root.Property("z").Element(0).Known() {
		t.Error("something is known of what the schema does not name")
	}
}

func TestReferencesThatMultiplyAreCountedQuickly(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`)
	for i := range 60 { // each has ten of the next: 10 to the power of 60 values
		fmt.Fprintf(&b, `"d%d":{"type":"object","properties":{`, i)
		for k := range 10 {
			fmt.Fprintf(&b, `"p%d":{"$ref":"#/$defs/d%d"},`, k, (i+1)%60)
		}
		b.WriteString(`"q":{}}},`)
	}
	b.WriteString(`"z":{}}}`)
	schema := compiled(t, json.RawMessage(b.String()))
	if n := schema.Leaves(); n < 1000 || n > 1<<20 {
		t.Errorf("%d leaves", n)
	}
	if parts, err := schema.Split(100); err != nil || len(parts) != 1 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	if got := schema.Root().Property("a").Property("p3").Property("q"); !got.Known() {
		t.Error("a property behind references is not known")
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(wide(12)), 5)
	f.Add([]byte(`{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"x":{"$ref":"#/$defs/a"},"y":{}}}}}`), 1)
	f.Add([]byte(`{"properties":{"a":{},"b":{},"c":true},"oneOf":[{"required":["a","b"]}],"if":{"required":["c"]},"then":false}`), 1)
	f.Add([]byte(`{"properties":{"o":{"properties":{"a":{},"b":{},"c":{}},"required":["a"]},"p":{}}}`), 2)
	f.Fuzz(func(t *testing.T, raw []byte, most int) {
		schema, err := model.CompileSchema(raw)
		if err != nil {
			return
		}
		parts, err := schema.Split(most % 50)
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) == 1 {
			return
		}
		total := 0
		for _, p := range parts {
			part, err := model.CompileSchema(p.Schema)
			if err != nil {
				t.Fatalf("%s: part %s: %v", raw, p.Schema, err)
			}
			total += len(part.Root().Properties())
		}
		if total < len(schema.Root().Properties()) {
			t.Fatalf("%s: %d properties in the parts", raw, total)
		}
	})
}
