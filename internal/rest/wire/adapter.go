package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// adapter lets huma register in the API's router, so that typed operations take the same road as plain ones.
type adapter struct{ api *API }

// Handle implements huma.Adapter.
func (ad *adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	t, known := op.Metadata[traitsKey].(traits)
	if !known { // what huma adds by itself; nothing does
		t.maxBody = MaxBodyBytes
	}
	ad.api.route(op.Method, op.Path, ad.api.serve(t, func(w http.ResponseWriter, r *http.Request) error {
		ctx := &humaContext{inner: humachi.NewContext(op, r, w), r: r, status: http.StatusOK}
		h(ctx)
		if ctx.status == http.StatusNoContent {
			ad.api.NoContent(w)
			return nil
		}
		ad.api.send(w, r, ctx.status, bytes.TrimSuffix(ctx.body.Bytes(), []byte{'\n'}))
		return nil
	}))
}

// ServeHTTP implements huma.Adapter.
func (ad *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.api.ServeHTTP(w, r) }

// inner is huma's context under a name that does not hide its method Context.
type inner = huma.Context

// humaContext collects an answer instead of writing it, so that it can be compressed and its status corrected.
type humaContext struct {
	inner
	r      *http.Request
	status int
	forced bool // the status is set for good
	body   bytes.Buffer
}

// SetStatus implements huma.Context.
func (c *humaContext) SetStatus(code int) {
	if !c.forced {
		c.status = code
	}
}

// force sets a status that huma cannot change.
func (c *humaContext) force(code int) { c.status, c.forced = code, true }

// Status implements huma.Context.
func (c *humaContext) Status() int { return c.status }

// BodyWriter implements huma.Context.
func (c *humaContext) BodyWriter() io.Writer { return &c.body }

// config is huma's configuration: JSON only, our errors, no pages of its own.
func (a *API) config() huma.Config {
	format := huma.Format{
		Marshal: func(w io.Writer, v any) error {
			body, err := encode(v)
			if err != nil {
				return err
			}
			_, err = w.Write(body)
			return err
		},
		Unmarshal: func(data []byte, v any) error {
			if err := CheckJSON(data); err != nil {
				return err
			}
			return json.Unmarshal(data, v)
		},
	}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: a.opts.Title, Version: a.opts.Version, Description: a.opts.Description},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{securityName: {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{securityName: {}}},
		},
		Formats: map[string]huma.Format{
			contentJSON:                format,
			"application/problem+json": {Marshal: format.Marshal}, // what huma names its own errors before they are ours
		},
		DefaultFormat: contentJSON,
		Transformers: []huma.Transformer{func(ctx huma.Context, _ string, v any) (any, error) {
			m, is := v.(*huma.ErrorModel)
			if !is {
				return v, nil
			}
			f := a.humaError(ctx.Context(), m)
			if c, ours := ctx.(*humaContext); ours {
				c.force(f.status)
			}
			return f, nil
		}},
	}
	config.AllowAdditionalPropertiesByDefault = true // clients may send more than we know, and we may answer more than they know
	return config
}

// securityName names the one way to authenticate in the document.
const securityName = "key"

var _ huma.Context = (*humaContext)(nil)

// requestOf returns the request behind a typed operation's context.
func requestOf(ctx huma.Context) *http.Request {
	if c, ours := ctx.(*humaContext); ours {
		return c.r
	}
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil) // never: all contexts are ours
	return r
}
