package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward/internal/rest/admit"
)

// notOfferedTag groups the operations that are known and not built: they answer 405.
const notOfferedTag = "Not offered yet"

// bodyReadTimeout bounds how long a small body may take to arrive.
const bodyReadTimeout = time.Minute

// describe makes the document's entry of an operation.
func (a *API) describe(op Operation) *huma.Operation {
	status := op.Status
	if status == 0 {
		status = http.StatusOK
	}
	doc := &huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: op.ID, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, DefaultStatus: status, Parameters: op.Params, RequestBody: op.Body,
		Responses:    map[string]*huma.Response{},
		MaxBodyBytes: MaxBodyBytes, BodyReadTimeout: bodyReadTimeout,
		SkipValidateParams: true, // handlers read parameters in all the spellings that clients use; the schemas are for the document
	}
	maps.Copy(doc.Responses, op.Responses)
	if op.Public {
		doc.Security = []map[string][]string{}
	}
	for _, code := range slices.Concat(commonErrors(op), op.Errors) {
		if key := strconv.Itoa(code); op.Responses[key] == nil {
			doc.Responses[key] = errorResponse(code)
		}
	}
	if key := strconv.Itoa(status); doc.Responses[key] == nil {
		switch {
		case status == http.StatusNoContent:
			doc.Responses[key] = &huma.Response{Description: "Done"}
		case status >= http.StatusMultipleChoices:
			doc.Responses[key] = errorResponse(status)
		}
	}
	return doc
}

// commonErrors are the errors of an operation that nobody has to list: the key and the organization beside it are looked at before
// every handler, it may be too much, an id in a path may lead nowhere, and the ground may fail.
func commonErrors(op Operation) []int {
	errs := []int{http.StatusInternalServerError}
	if !op.Public {
		errs = append(errs, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	}
	if op.Cost != admit.Free {
		errs = append(errs, http.StatusTooManyRequests)
	}
	if strings.Contains(op.Path, "{") {
		errs = append(errs, http.StatusNotFound)
	}
	return errs
}

// pathParams documents the path's ids that are not described yet.
func (a *API) pathParams(doc *huma.Operation) {
	for _, segment := range strings.Split(doc.Path, "/") {
		name, is := strings.CutPrefix(segment, "{")
		if !is {
			continue
		}
		name = strings.TrimSuffix(name, "}")
		known := slices.ContainsFunc(doc.Parameters, func(p *huma.Param) bool { return p.In == "path" && p.Name == name })
		if known {
			continue
		}
		schema := &huma.Schema{Type: huma.TypeString, Format: "uuid"}
		if name == "resource_id" {
			schema.Format = ""
		}
		doc.Parameters = append(doc.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: schema})
	}
}

// QueryParam documents a query parameter of a plain handler.
func QueryParam(name, kind, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: kind}}
}

// HeaderParam documents a header of a plain handler.
func HeaderParam(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// SchemaOf returns the schema of a Go type, by reference when it has a name.
func SchemaOf[T any](a *API, hint string) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, hint)
}

// JSONResponse documents an answer.
func JSONResponse(doc string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: doc, Content: map[string]*huma.MediaType{contentJSON: {Schema: schema}}}
}

// schemaPrefix opens references to the document's schemas.
const schemaPrefix = "#/components/schemas/"

// Names of the schemas that errors have.
const (
	schemaDetail  = "Detail"
	schemaFailure = "Failure"
	schemaInvalid = "Invalid"
	schemaProblem = "Problem"
)

func errorResponse(code int) *huma.Response {
	name := schemaDetail
	switch code {
	case http.StatusBadRequest:
		name = schemaInvalid
	case http.StatusConflict:
		name = schemaProblem
	case http.StatusRequestedRangeNotSatisfiable:
		name = schemaFailure
	}
	resp := JSONResponse(http.StatusText(code), &huma.Schema{Ref: schemaPrefix + name})
	resp.Headers = errorHeaders(code)
	return resp
}

// errorHeaders documents the headers that belong to a status.
func errorHeaders(code int) map[string]*huma.Param {
	header := func(name, kind, doc string) map[string]*huma.Param {
		return map[string]*huma.Param{name: {Description: doc, Schema: &huma.Schema{Type: kind}}}
	}
	switch code {
	case http.StatusUnauthorized:
		return header("WWW-Authenticate", huma.TypeString, "Bearer.")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return header("Retry-After", huma.TypeInteger, "Seconds to wait, 60 at most.")
	}
	return nil
}

// errorSchemas are the shapes of error bodies.
func errorSchemas() map[string]*huma.Schema {
	str := func() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }
	object := func(key, doc string) *huma.Schema {
		return &huma.Schema{
			Type: huma.TypeObject, Description: doc, Required: []string{key},
			Properties: map[string]*huma.Schema{key: str()}, AdditionalProperties: true,
		}
	}
	ref := func(name string) *huma.Schema { return &huma.Schema{Ref: schemaPrefix + name} }
	list := &huma.Schema{Type: huma.TypeArray, Items: str(), Description: "What is wrong with a run's inputs."}
	fields := &huma.Schema{
		Type: huma.TypeObject, Description: "What is wrong, by field.",
		AdditionalProperties: &huma.Schema{AnyOf: []*huma.Schema{str(), {Type: huma.TypeArray, Items: str()}}},
	}
	return map[string]*huma.Schema{
		schemaDetail:  object("detail", "A failure in one sentence."),
		schemaFailure: object("error", "A failure of the thing itself, in one sentence."),
		schemaInvalid: {AnyOf: []*huma.Schema{fields, list}, Description: "A request that has to be changed."},
		schemaProblem: {AnyOf: []*huma.Schema{ref(schemaFailure), ref(schemaDetail)}, Description: "What the state of things forbids."},
	}
}

// render fixes the document: error schemas, lists that are never null, no trace of huma's own error model.
func (a *API) render() ([]byte, error) {
	doc := a.huma.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	maps.Copy(schemas, errorSchemas())
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		a.settle(s)
		allowNull(s, doc.Components.Schemas.TypeFromRef(schemaPrefix+name))
	}
	for _, item := range doc.Paths {
		for _, op := range operations(item) {
			a.settleOperation(op)
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	return raw, nil
}

// operations returns what a path has.
func operations(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// settleOperation corrects one operation: huma promises 422, which the door answers as 400, and says nothing of bodies that are too
// large or of a foreign kind.
func (a *API) settleOperation(op *huma.Operation) {
	if r := op.Responses["422"]; r != nil && r.Content[contentJSON] == nil {
		delete(op.Responses, "422")
	}
	delete(op.Responses, "default")
	if op.RequestBody != nil {
		for _, code := range []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType} {
			if key := strconv.Itoa(code); op.Responses[key] == nil {
				op.Responses[key] = errorResponse(code)
			}
		}
	}
	for _, p := range op.Parameters {
		a.settle(p.Schema)
	}
	for _, r := range op.Responses {
		for _, m := range r.Content {
			a.settle(m.Schema)
		}
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			a.settle(m.Schema)
		}
	}
}

// allowNull says of fields that are pointers to structs that they may be null, which references alone do not.
func allowNull(s *huma.Schema, t reflect.Type) {
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for _, field := range reflect.VisibleFields(t) {
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if p := s.Properties[name]; p != nil && p.Ref != "" {
			s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
		}
	}
}

// settle walks a schema: the API's lists are never null.
func (a *API) settle(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	a.settle(s.Items)
	for _, p := range s.Properties {
		a.settle(p)
	}
	for _, list := range [][]*huma.Schema{s.AnyOf, s.OneOf, s.AllOf} {
		for _, sub := range list {
			a.settle(sub)
		}
	}
	if sub, is := s.AdditionalProperties.(*huma.Schema); is {
		a.settle(sub)
	}
}
