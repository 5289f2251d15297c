package answer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Extras checks the answer against the documents and returns what is to stand beside it: the evidence of every value, how
// much of the answer is grounded, and warnings. It is what an engine whose user asked for sources gives to Compose:
//
//	extras, err := got.Extras(docs)
//	result, err := answer.Compose(got.Value, extras)
//
// docs are all documents, whole, not the parts.
func (a *Answer) Extras(docs []grounding.Document) (Extras, error) {
	var root model.Place
	if a.schema != nil {
		root = a.schema.Root()
	}
	t, err := parseTree(a.Value)
	if err != nil {
		return Extras{}, fmt.Errorf("sources of output: %w", err)
	}
	sources := sourcesOf(docs, t, a.Claims, root)
	counts := countGrounded(t, root, sources)
	return Extras{Sources: sources, Grounding: &counts, Warnings: a.Warnings}, nil
}

// Sources is the evidence for a value of which no schema is known: one entry at least, and four at most, for each text, number and boolean. A claim
// is verified when its quote stands in the documents and supports the value; a value without a usable quote when it stands in
// the documents at one place alone; see grounding.Index.Ground. A claim about an object or a list speaks for the values
// in it. Values with no evidence that holds are marked as unverified. The result is never nil.
//
// Answer.Extras, which knows the schema and so the enumerations, is what engines use.
func Sources(docs []grounding.Document, value json.RawMessage, claims []grounding.Claim) ([]steward.Evidence, error) {
	t, err := parseTree(value)
	if err != nil {
		return nil, fmt.Errorf("sources of output: %w", err)
	}
	return sourcesOf(docs, t, claims, model.Place{}), nil
}

// guessed is the confidence in a value that the code found without the model's word.
const guessed = 0.5

// maxPerValue is how many pieces of evidence are kept for one value.
const maxPerValue = 4

// maxInherited bounds how often claims about objects and lists are held against the values in them, in one answer. Values behind that
// are looked for in the documents by themselves.
const maxInherited = 200_000

// sourcesOf grounds every value: first those that claims are about, in the order of the claims, then the others in the order of
// the answer. Of the claims about a value the first ones that hold are kept, maxPerValue of them.
func sourcesOf(docs []grounding.Document, t *tree, claims []grounding.Claim, root model.Place) []steward.Evidence {
	index := grounding.NewIndex(docs)
	byPath, rank := claimsByPath(claims)
	sources := []steward.Evidence{}
	ranks := map[string]int{} // of the entries, by path
	inherited := maxInherited
	t.leaves("", root, func(path string, leaf *tree, place model.Place) {
		value := valueOf(leaf, place)
		said, about := claimsFor(path, byPath)
		ranks[path] = len(claims)
		if len(said) > 0 {
			ranks[path] = rank[about]
		}
		if about != path {
			said = said[:min(len(said), inherited)]
		}
		held, first, tried := groundAll(index, path, said, value)
		if about != path {
			inherited -= tried
		}
		switch {
		case len(held) > 0:
			sources = append(sources, held...)
		case first != nil:
			sources = append(sources, *first)
		default:
			sources = append(sources, index.Ground(grounding.Claim{Path: path, Confidence: guessed}, value))
		}
	})
	slices.SortStableFunc(sources, func(a, b steward.Evidence) int { return ranks[a.Path] - ranks[b.Path] })
	return sources
}

// claimsByPath groups claims by what they are about, without those that say the same again; rank is the first one's place among all.
func claimsByPath(claims []grounding.Claim) (byPath map[string][]grounding.Claim, rank map[string]int) {
	type said struct {
		path, quote string
		file, page  int
	}
	byPath = make(map[string][]grounding.Claim, len(claims))
	rank = make(map[string]int, len(claims))
	seen := make(map[said]bool, len(claims))
	for i, c := range claims {
		key := said{c.Path, c.Quote, c.FileIndex, c.Page}
		if seen[key] && c.Region == nil {
			continue
		}
		seen[key] = true
		if len(byPath[c.Path]) == 0 {
			rank[c.Path] = i
		}
		byPath[c.Path] = append(byPath[c.Path], c)
	}
	return byPath, rank
}

// groundAll holds claims against a value until maxPerValue of them hold at different places. first is the first that does not; tried is
// how many were looked at.
func groundAll(index *grounding.Index, path string, claims []grounding.Claim, value grounding.Value) (held []steward.Evidence, first *steward.Evidence, tried int) {
	for _, c := range claims {
		if len(held) == maxPerValue {
			break
		}
		tried++
		c.Path = path
		e := index.Ground(c, value)
		same := func(h steward.Evidence) bool {
			return h.FileIndex == e.FileIndex && h.Page == e.Page && h.Quote == e.Quote && slices.Equal(h.Boxes, e.Boxes)
		}
		switch {
		case e.Unverified && first == nil:
			first = &e
		case !e.Unverified && !slices.ContainsFunc(held, same):
			held = append(held, e)
		}
	}
	return held, first, tried
}

// claimsFor returns the claims about a value, else those about the nearest object or list that it is in, and what they are about.
func claimsFor(path string, byPath map[string][]grounding.Claim) (list []grounding.Claim, about string) {
	for p := path; ; p = p[:strings.LastIndexByte(p, '/')] {
		if list := byPath[p]; len(list) > 0 {
			return list, p
		}
		if p == "" {
			return nil, ""
		}
	}
}

// valueOf is a value as package grounding judges it.
func valueOf(leaf *tree, place model.Place) grounding.Value {
	text := string(leaf.text)
	isText := text[0] == '"'
	if isText {
		var s string
		if err := json.Unmarshal(leaf.text, &s); err == nil { // it was read as JSON before
			text = s
		}
	}
	choices := place.Choices()
	switch {
	case text == "true" && !isText, text == "false" && !isText:
		return grounding.Value{Kind: grounding.Any}
	case len(choices) > 0:
		return grounding.Value{Kind: grounding.Choice, Text: text, Choices: choices}
	case isText:
		return grounding.Value{Kind: grounding.Text, Text: text}
	}
	return grounding.Value{Kind: grounding.Number, Text: text}
}

// leaves calls fn with the JSON Pointer of every value that says something and is neither object nor list, and with what the schema says
// about it.
func (t *tree) leaves(path string, place model.Place, fn func(path string, leaf *tree, place model.Place)) {
	switch t.kind {
	case 'v':
		if !t.blank() {
			fn(path, t, place)
		}
	case '{':
		for i, name := range t.names {
			t.values[i].leaves(path+"/"+escape(name), place.Property(name), fn)
		}
	default:
		for i, v := range t.values {
			v.leaves(path+"/"+strconv.Itoa(i), place.Element(i), fn)
		}
	}
}

// blank reports whether a value says nothing: null, an empty text.
func (t *tree) blank() bool { return t.empty() || string(t.text) == `""` }

// placeOf is what a schema says about the value at a JSON Pointer.
func placeOf(p model.Place, pointer string) model.Place {
	if pointer == "" {
		return p
	}
	for _, token := range strings.Split(pointer[1:], "/") {
		if i, err := strconv.Atoi(token); err == nil && p.IsList() {
			p = p.Element(i)
			continue
		}
		p = p.Property(unescape(token))
	}
	return p
}

// countGrounded counts the values of an answer by what is known of where they stand.
func countGrounded(t *tree, root model.Place, sources []steward.Evidence) steward.Grounding {
	verified := make(map[string]bool, len(sources))
	for _, e := range sources {
		if !e.Unverified {
			verified[e.Path] = true
		}
	}
	var g steward.Grounding
	t.count("", root, verified, &g)
	g.Fields = g.Verified + g.Unverified + g.NotFound
	return g
}

func (t *tree) count(path string, place model.Place, verified map[string]bool, g *steward.Grounding) {
	switch {
	case t.kind == 'v' && t.blank(), t.kind == '[' && len(t.values) == 0:
		g.NotFound++
	case t.kind == 'v' && verified[path]:
		g.Verified++
	case t.kind == 'v':
		g.Unverified++
	case t.kind == '{':
		for i, name := range t.names {
			t.values[i].count(path+"/"+escape(name), place.Property(name), verified, g)
		}
		for _, p := range place.Properties() {
			if t.member(p.Name) == nil {
				g.NotFound++
			}
		}
	default:
		for i, v := range t.values {
			v.count(path+"/"+strconv.Itoa(i), place.Element(i), verified, g)
		}
	}
}
