// Package wire holds what every family of the REST door shares: the registration of operations in the router and in the
// OpenAPI document at once, the bodies and statuses of errors, the reading of request bodies, pages and ids.
//
// An operation is registered in one of three ways:
//
//	wire.Typed(api, op, func(ctx context.Context, in *Input) (*Output, error) { … }) // parameters and bodies from Go types
//	api.Handle(op, func(w http.ResponseWriter, r *http.Request) error { … })         // free bodies, streams, hot paths
//	api.NotOffered("PUT", "/v1/agents/{agent_id}/", "Replace an agent")             // known, not built: 405
//
// All of them answer with and without the trailing slash, never redirect, and turn errors into bodies by the one table in
// error.go. After the last registration Finish gives every path a JSON answer for the methods it does not have.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
)

// Handler answers one request. What it returns as an error it must not have begun to answer.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Authenticator finds out who a token belongs to.
type Authenticator interface {
	// Authenticate returns the principal of what stands behind "Bearer ". Errors: Unauthenticated.
	Authenticate(ctx context.Context, token string) (*steward.Principal, error)
}

// Options configures an API.
type Options struct {
	Title, Version, Description string

	Auth    Authenticator
	Logger  *slog.Logger
	BaseURL string      // scheme and host of absolute links, without a trailing slash; "" means as the request says
	Door    *admit.Door // what requests pass before they cost anything; nil lets everything in
}

// API is a router and its OpenAPI document. It is built by one goroutine; after Finish it serves any number of requests at once.
type API struct {
	opts     Options
	router   chi.Router
	huma     huma.API
	routes   map[string][]string // path as documented → methods
	order    []string            // keys of routes in the order of their registration
	gzips    sync.Pool
	drains   atomic.Int32 // bodies that are being thrown away
	document func() ([]byte, error)
}

// New returns an API without operations.
func New(opts Options) *API {
	a := &API{opts: opts, router: chi.NewRouter(), routes: map[string][]string{}}
	a.huma = huma.NewAPI(a.config(), &adapter{api: a})
	a.router.NotFound(func(w http.ResponseWriter, r *http.Request) {
		a.Error(w, r, &steward.Error{Code: steward.NotFound})
	})
	a.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		a.methodNotAllowed(w, r, "")
	})
	return a
}

// Operation describes one operation for the document.
type Operation struct {
	Method      string
	Path        string // as documented, with the trailing slash when the family has one: /v1/agents/{agent_id}/
	ID          string // unique in the document, such as agents_list
	Tag         string
	Summary     string
	Description string
	Status      int  // of success; 0 means 200
	Public      bool // answers without a key
	Cost        admit.Class
	MaxBody     int64 // of a body that is read into memory; 0 means MaxBodyBytes
	Errors      []int // documented besides 401 and 500
	Params      []*huma.Param
	Body        *huma.RequestBody
	Responses   map[string]*huma.Response // for plain handlers; typed ones get theirs from the output type
}

// Handle registers a plain handler.
func (a *API) Handle(op Operation, h Handler) {
	doc := a.describe(op)
	a.pathParams(doc)
	a.huma.OpenAPI().AddOperation(doc)
	a.route(op.Method, op.Path, a.serve(op.traits(), h))
}

// NotOffered registers a known operation that this version does not have: it answers 405, to callers with a key only. Not 501: clients
// repeat whatever is 500 and above.
func (a *API) NotOffered(method, path, summary string) {
	op := Operation{
		Method: method, Path: path, Tag: notOfferedTag, Summary: summary,
		ID:     strings.ToLower(method) + "_" + operationName(path),
		Status: http.StatusMethodNotAllowed,
	}
	a.Handle(op, func(http.ResponseWriter, *http.Request) error {
		return &steward.Error{Code: steward.Unsupported, Message: summary + " is not offered by this version."}
	})
}

// Typed registers a handler whose parameters, body and answer are described by Go types, in huma's tags.
// Errors of the handler go through the same table as all others.
func Typed[I, O any](a *API, op Operation, h func(ctx context.Context, in *I) (*O, error)) {
	doc := *a.describe(op)
	doc.Metadata = map[string]any{traitsKey: op.traits()}
	huma.Register(a.huma, doc, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, a.fault(ctx, err)
		}
		return out, nil
	})
}

// Finish closes the registration: every path answers each method it does not have with 405 and an Allow header. The API
// serves requests afterwards.
func (a *API) Finish() {
	for _, path := range a.order {
		allowed := a.routes[path]
		allow := strings.Join(append(slices.Clone(allowed), extraMethods(allowed)...), ", ")
		for _, m := range allMethods() {
			if slices.Contains(allowed, m) || (m == http.MethodHead && slices.Contains(allowed, http.MethodGet)) {
				continue
			}
			a.both(m, path, func(w http.ResponseWriter, r *http.Request) { a.methodNotAllowed(w, r, allow) })
		}
	}
	a.document = sync.OnceValues(a.render)
}

// Document returns the OpenAPI 3.1 document as JSON. It is made when it is first asked for, after Finish; not to be changed.
func (a *API) Document() (json.RawMessage, error) { return a.document() }

// OpenAPI returns the document as values, for pages that show it. Valid after Document; not to be changed.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// Routes is the router's own table, whatever the document says. It holds every method of every path, since Finish registers those that
// are answered with 405 too.
func (a *API) Routes() chi.Routes { return a.router }

// route registers a handler for a path in both spellings, HEAD along with GET.
func (a *API) route(method, path string, h http.HandlerFunc) {
	if _, known := a.routes[path]; !known {
		a.order = append(a.order, path)
	}
	a.routes[path] = append(a.routes[path], method)
	a.both(method, path, h)
	if method == http.MethodGet {
		a.both(http.MethodHead, path, h)
	}
}

// both registers a handler with and without the trailing slash.
func (a *API) both(method, path string, h http.HandlerFunc) {
	bare := strings.TrimSuffix(path, "/")
	a.router.Method(method, bare, h)
	a.router.Method(method, bare+"/", h)
}

// serve wraps a handler into what lets requests in and the writing of errors.
func (a *API) serve(t traits, h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r, v, err := a.enter(w, r, t)
		defer v.leave()
		if err == nil {
			err = h(w, r)
		}
		if err != nil {
			a.Error(w, r, err)
		}
	}
}

// methodNotAllowed answers 405. allow lists the methods that the path has; "" when unknown.
func (a *API) methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	if allow != "" {
		w.Header().Set("Allow", allow)
	}
	drainUnasked(w, r)
	body := detailBody(fmt.Sprintf("Method %q not allowed.", r.Method))
	a.send(w, r, http.StatusMethodNotAllowed, body)
}

// allMethods are the methods that a path must answer in JSON, whichever it has.
func allMethods() []string {
	return []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
	}
}

// extraMethods are those that come without registration.
func extraMethods(allowed []string) []string {
	if slices.Contains(allowed, http.MethodGet) {
		return []string{http.MethodHead}
	}
	return nil
}

// operationName makes an operation id of a path.
func operationName(path string) string {
	return strings.Trim(strings.NewReplacer("/v1/", "", "/", "_", "{", "", "}", "", "-", "_").Replace(path), "_")
}

// clientGone reports whether err only says that nobody waits for the answer any more.
func clientGone(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && r.Context().Err() != nil
}
