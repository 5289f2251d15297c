package answer

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// Sources is the evidence for an answer: the claims, verified in the documents, and an unverified entry for every value
// that no claim speaks of. So each text, number and boolean of the answer is either grounded or marked as not.
// The result is never nil.
func Sources(docs []grounding.Document, value json.RawMessage, claims []grounding.Claim) ([]steward.Evidence, error) {
	t, err := parseTree(value)
	if err != nil {
		return nil, fmt.Errorf("sources of output: %w", err)
	}
	sources := grounding.Verify(docs, claims)
	claimed := make(map[string]bool, len(claims))
	for _, c := range claims {
		claimed[c.Path] = true
	}
	t.leaves("", func(path string) {
		for p := path; ; p = p[:strings.LastIndexByte(p, '/')] {
			if claimed[p] {
				return
			}
			if p == "" {
				break
			}
		}
		sources = append(sources, steward.Evidence{Path: path, Unverified: true})
	})
	if sources == nil {
		sources = []steward.Evidence{}
	}
	return sources, nil
}

// leaves calls fn with the JSON Pointer of every value that is neither null, object nor array.
func (t *tree) leaves(path string, fn func(path string)) {
	switch t.kind {
	case 'v':
		if string(t.text) != "null" {
			fn(path)
		}
	case '{':
		for i, name := range t.names {
			t.values[i].leaves(path+"/"+escape(name), fn)
		}
	default:
		for i, v := range t.values {
			v.leaves(fmt.Sprintf("%s/%d", path, i), fn)
		}
	}
}
