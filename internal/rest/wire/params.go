package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
)

// PathID reads an id from the path in any spelling of a UUID.
//
// Errors: NotFound when it is none: such a thing cannot exist.
func PathID[T steward.UUID](r *http.Request, name string) (T, error) { return ID[T](r.PathValue(name)) }

// ID reads an id that came in a path.
//
// Errors: NotFound when it is not a UUID.
func ID[T steward.UUID](s string) (T, error) {
	id, err := steward.ParseID[T]("", s)
	if err != nil {
		return "", &steward.Error{Code: steward.NotFound}
	}
	return id, nil
}

// Bool reads a boolean of a form or query in any case: true, false, 1, 0, yes, no, on, off. "" is the fallback.
//
// Errors: Invalid, naming the field.
func Bool(field, s string, fallback bool) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "":
		return fallback, nil
	case "true", "1", "yes", "on", "t", "y":
		return true, nil
	case "false", "0", "no", "off", "f", "n":
		return false, nil
	}
	return false, Invalid(field, "Must be a valid boolean.")
}

// IntText is a parameter that is documented as an integer and read by its handler.
type IntText string

// Schema implements huma.SchemaProvider.
func (IntText) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeInteger} }

// BoolText is a parameter that is documented as a boolean and read with Bool.
type BoolText string

// Schema implements huma.SchemaProvider.
func (BoolText) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

// Sizes of pages.
const (
	defaultPageSize = 20
	maxPageSize     = 100
	maxLongPageSize = 1000
	maxPage         = 1 << 31 / maxPageSize // beyond it no list is that long
)

// Page is the part of a list's input that every paginated operation embeds. It is read by huma.
type Page struct {
	Number IntText `query:"page" doc:"Number of the page, from 1."`
	Size   IntText `query:"page_size" doc:"Rows on a page: 1 to 100, 20 when absent; more counts as 100."`

	request *http.Request
}

// Resolve implements huma.Resolver: it keeps the request, whose URL the links of the page are made of.
func (p *Page) Resolve(ctx huma.Context) []error {
	p.request = requestOf(ctx)
	return nil
}

// NewPage reads the page of a plain handler's request.
func NewPage(r *http.Request) Page {
	q := r.URL.Query()
	return Page{Number: IntText(q.Get("page")), Size: IntText(q.Get("page_size")), request: r}
}

// Asked reports whether the request names a page.
func (p Page) Asked() bool { return p.Number != "" || p.Size != "" }

// Window returns the page's number, from 1, and size.
//
// Errors: Invalid for what is not a number or a size below 1; NotFound for a page below 1 or beyond any list.
func (p Page) Window() (number, size int, err error) { return window(p.Number, p.Size, maxPageSize) }

func (p Page) asked() *http.Request { return p.request }

func window(page, pageSize IntText, most int) (number, size int, err error) {
	number, size = 1, defaultPageSize
	if page != "" {
		n, err := strconv.Atoi(string(page))
		if err != nil {
			return 0, 0, Invalid("page", "A valid integer is required.")
		}
		if n < 1 || n > maxPage {
			return 0, 0, errPage()
		}
		number = n
	}
	if pageSize != "" {
		n, err := strconv.Atoi(string(pageSize))
		if err != nil {
			return 0, 0, Invalid("page_size", "A valid integer is required.")
		}
		if n < 1 {
			return 0, 0, Invalid("page_size", "Ensure this value is greater than or equal to 1.")
		}
		size = min(n, most)
	}
	return number, size, nil
}

// LongPage is Page for lists of short rows: up to 1000 of them.
type LongPage struct {
	Number IntText `query:"page" doc:"Number of the page, from 1."`
	Size   IntText `query:"page_size" doc:"Rows on a page: 1 to 1000, 20 when absent; more counts as 1000."`

	request *http.Request
}

// Resolve implements huma.Resolver, as Page.Resolve does.
func (p *LongPage) Resolve(ctx huma.Context) []error {
	p.request = requestOf(ctx)
	return nil
}

// Window returns the page's number, from 1, and size.
//
// Errors: those of Page.Window.
func (p LongPage) Window() (number, size int, err error) {
	return window(p.Number, p.Size, maxLongPageSize)
}

func (p LongPage) asked() *http.Request { return p.request }

// Window is a page of either length.
type Window interface {
	Window() (number, size int, err error)
	asked() *http.Request
}

func errPage() error { return &steward.Error{Code: steward.NotFound, Message: "Invalid page."} }

// Envelope makes the answer of a list from one page's rows and the number of rows of the whole list.
//
// Errors: NotFound for a page beyond the end; page 1 always exists.
func Envelope[T any](a *API, p Window, rows []T, count int64) (*steward.Page[T], error) {
	number, size, err := p.Window()
	if err != nil {
		return nil, err
	}
	if number > 1 && int64(number-1)*int64(size) >= count {
		return nil, errPage()
	}
	if rows == nil {
		rows = []T{}
	}
	out := &steward.Page[T]{Count: count, Results: rows}
	if int64(number)*int64(size) < count {
		out.Next = a.pageLink(p.asked(), number+1)
	}
	if number > 1 {
		out.Previous = a.pageLink(p.asked(), number-1)
	}
	return out, nil
}

// pageLink returns the request's own URL with another page.
func (a *API) pageLink(r *http.Request, number int) *string {
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(number))
	u := a.Base(r) + (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).String()
	return &u
}

// Base returns scheme and host of absolute links, without a trailing slash.
func (a *API) Base(r *http.Request) string {
	if a.opts.BaseURL != "" {
		return strings.TrimSuffix(a.opts.BaseURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
