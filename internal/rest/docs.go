package rest

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsTemplate string

// docsGroup is the operations of one tag.
type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Public                                 bool
	Params                                 []docsParam
	Body                                   []docsBody
	Responses                              []docsResponse
}

type docsParam struct {
	Name, In, Type, Description string
	Required                    bool
}

type docsBody struct{ ContentType, Schema string }

type docsResponse struct{ Status, Description, Schema string }

type docsSchema struct {
	Name, Description string
	Rows              []docsParam
	Other             string // what it is when it is no object
}

// render makes the page of the finished document.
func (p *pages) render() ([]byte, error) {
	page, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse the page: %w", err)
	}
	if _, err := p.api.Document(); err != nil { // also settles the schemas that the page shows
		return nil, err
	}
	doc := p.api.OpenAPI()
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Title": doc.Info.Title, "Version": doc.Info.Version, "Description": doc.Info.Description,
		"Groups": docsGroups(doc), "Schemas": docsSchemas(doc),
	})
	if err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return b.Bytes(), nil
}

func docsGroups(doc *huma.OpenAPI) []docsGroup {
	byTag := map[string][]docsOperation{}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				tag := strings.Join(op.Tags, ", ")
				byTag[tag] = append(byTag[tag], docsOperationOf(path, op))
			}
		}
	}
	groups := make([]docsGroup, 0, len(byTag))
	for tag, ops := range byTag {
		slices.SortFunc(ops, func(a, b docsOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		groups = append(groups, docsGroup{tag, ops})
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return cmp.Compare(groupRank(a.Name), groupRank(b.Name)) })
	return groups
}

// groupRank puts the groups in the order in which a reader meets them.
func groupRank(name string) string {
	order := []string{"Agents", "Runs", "Jobs", "Discovery", "Users and keys", tagService}
	if i := slices.Index(order, name); i >= 0 {
		return fmt.Sprintf("%02d", i)
	}
	return "99" + name
}

func docsOperationOf(path string, op *huma.Operation) docsOperation {
	out := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description,
		Public: op.Security != nil && len(op.Security) == 0,
	}
	for _, p := range op.Parameters {
		out.Params = append(out.Params, docsParam{p.Name, p.In, typeOf(p.Schema), p.Description, p.Required})
	}
	if op.RequestBody != nil {
		for kind, m := range op.RequestBody.Content {
			out.Body = append(out.Body, docsBody{kind, typeOf(m.Schema)})
		}
		slices.SortFunc(out.Body, func(a, b docsBody) int { return cmp.Compare(a.ContentType, b.ContentType) })
	}
	for status, r := range op.Responses {
		row := docsResponse{Status: status, Description: r.Description}
		for _, m := range r.Content {
			row.Schema = typeOf(m.Schema)
		}
		out.Responses = append(out.Responses, row)
	}
	slices.SortFunc(out.Responses, func(a, b docsResponse) int { return cmp.Compare(a.Status, b.Status) })
	return out
}

func docsSchemas(doc *huma.OpenAPI) []docsSchema {
	var out []docsSchema
	for name, s := range doc.Components.Schemas.Map() {
		row := docsSchema{Name: name, Description: s.Description}
		if len(s.Properties) == 0 {
			row.Other = typeOf(s)
		}
		for field, p := range s.Properties {
			row.Rows = append(row.Rows, docsParam{field, "", typeOf(p), p.Description, slices.Contains(s.Required, field)})
		}
		slices.SortFunc(row.Rows, func(a, b docsParam) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b docsSchema) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// typeOf names a schema in a few words.
func typeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(s.Items)
	case len(s.AnyOf) > 0:
		return alternatives(s.AnyOf)
	case len(s.OneOf) > 0:
		return alternatives(s.OneOf)
	}
	name := s.Type
	if name == "" {
		name = "any"
	}
	if s.Format != "" {
		name += " (" + s.Format + ")"
	}
	if s.Nullable {
		name += " or null"
	}
	return name
}

func alternatives(list []*huma.Schema) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = typeOf(s)
		if names[i] == "" {
			names[i] = "null"
		}
	}
	return strings.Join(names, " or ")
}
