package builtin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model/builtin"
)

func TestASchemaThatRefersToItselfRepeatsNoValue(t *testing.T) {
	t.Parallel()
	chain := `{"$ref":"#/$defs/unit","$defs":{"unit":{"type":"object","properties":{
		"name":{"type":["string","null"]},"code":{"type":["string","null"]},
		"parent":{"anyOf":[{"$ref":"#/$defs/unit"},{"type":"null"}]}}}}}`
	loose := `{"type":"object","properties":{"invoice_number":{"type":"string"},"total":{"type":"number"},"original":{"$ref":"#"}}}`
	tree := `{"type":"object","properties":{"name":{"type":["string","null"]},"children":{"type":"array","items":{"$ref":"#"}}}}`
	for name, c := range map[string]struct{ schema, doc, want string }{
		"nothing new is null":          {chain, "Name: Paint shop\nCode: PS-4\n", `{"name":"Paint shop","code":"PS-4","parent":null}`},
		"nothing new is left out":      {loose, "Invoice number: A-17\nTotal: 5.00\n", `{"invoice_number":"A-17","total":5}`},
		"not the same words elsewhere": {chain, "Name: Paint shop\nCode: PS-4\n\nName: Paint shop\nCode: PS-4\n", `{"name":"Paint shop","code":"PS-4","parent":null}`},
		"not another of the kind":      {chain, "Name: Paint shop\nCode: PS-4\n\nName: Foundry\nCode: F-1\n", `{"name":"Paint shop","code":"PS-4","parent":null}`},
		"what bears its own name is new": {
			chain, "Name: Paint shop\nCode: PS-4\nParent name: Body plant\nParent code: BP-1\n",
			`{"name":"Paint shop","code":"PS-4","parent":{"name":"Body plant","code":"BP-1","parent":null}}`,
		},
		"an array has no children of its own": {tree, "Name: Paint shop\n", `{"name":"Paint shop","children":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEveryClaimOfARecursiveSchemaHasItsOwnPlace(t *testing.T) {
	t.Parallel()
	schema := `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"total":{"type":["number","null"]},"next":{"$ref":"#/$defs/n"},"last":{"$ref":"#/$defs/n"}}}}}`
	resp := generate(t, builtin.New(), schema, grounding.FromText(0, "text", "Total: 5.00\nSum: 5.00\nTotal: 7.00\n"))
	if !json.Valid(resp.Value) || len(resp.Claims) != 1 || strings.Contains(string(resp.Value), "next") {
		t.Errorf("got %s with %d claims; want one total", resp.Value, len(resp.Claims))
	}
}
