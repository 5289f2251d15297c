package wire

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/stewardhq/steward"
)

// OrganizationField is the name under which clients send their organization, in queries, forms and bodies.
const OrganizationField = "organization_id"

// authenticate finds the principal of a request and puts it into its context. The organization comes from the key alone;
// an organization that the client names is checked against it.
func (a *API) authenticate(r *http.Request) (*http.Request, error) {
	headers := r.Header["Authorization"]
	if len(headers) > 1 { // a proxy in front may have looked at another one than we would
		return r, &steward.Error{Code: steward.Unauthenticated, Message: "There must be one Authorization header."}
	}
	token, ok := bearer(strings.Join(headers, ""))
	if !ok {
		return r, &steward.Error{Code: steward.Unauthenticated, Message: "Authentication credentials were not provided."}
	}
	p, err := a.opts.Auth.Authenticate(r.Context(), token)
	if err != nil {
		return r, err
	}
	if err := checkNamedOrganization(r, p); err != nil {
		return r, err
	}
	if err := checkEncoding(r.Header); err != nil {
		return r, err
	}
	return r.WithContext(steward.WithPrincipal(r.Context(), p)), nil
}

// checkEncoding refuses bodies that are compressed: a small one could become any size.
func checkEncoding(h http.Header) error {
	for _, coding := range h["Content-Encoding"] {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return &steward.Error{Code: steward.Unsupported, Field: ContentTypeField, Message: "Compressed request bodies are not read: send it without Content-Encoding."}
		}
	}
	return nil
}

// bearer returns what stands behind "Bearer " in any case.
func bearer(header string) (token string, ok bool) {
	const scheme = "bearer "
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	token = strings.TrimSpace(header[len(scheme):])
	return token, token != ""
}

// checkNamedOrganization looks at the headers and the query.
func checkNamedOrganization(r *http.Request, p *steward.Principal) error {
	for _, name := range [...]string{"X-Organization-Id", "X-Roe-Organization-Id"} {
		if v := r.Header.Get(name); v != "" {
			if err := CheckOrganization(p, v); err != nil {
				return err
			}
		}
	}
	if !strings.Contains(r.URL.RawQuery, OrganizationField) && !strings.Contains(r.URL.RawQuery, "%") {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &steward.Error{Code: steward.Invalid, Message: "The query string is malformed."}
	}
	for _, v := range query[OrganizationField] {
		if v == "" {
			continue
		}
		if err := CheckOrganization(p, v); err != nil {
			return err
		}
	}
	return nil
}

// CheckOrganization compares an organization that a client named with that of its key.
//
// Errors: Invalid when it is no UUID, Denied when it is another one, whether or not that exists.
func CheckOrganization(p *steward.Principal, named string) error {
	if named == string(p.OrganizationID) {
		return nil
	}
	id, err := steward.ParseID[steward.OrganizationID](OrganizationField, strings.TrimSpace(named))
	if err != nil {
		return Invalid(OrganizationField, "Must be a valid UUID.")
	}
	if id != p.OrganizationID {
		return &steward.Error{Code: steward.Denied, Message: "This key does not belong to the given organization."}
	}
	return nil
}
