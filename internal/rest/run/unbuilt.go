package run

import "net/http"

// registerNotOffered lists the calls of the family that clients know and this version does not have.
func (f *family) registerNotOffered() {
	for _, op := range []struct{ method, path, summary string }{
		{http.MethodGet, "/v1/policies/", "Listing policies"},
		{http.MethodPost, "/v1/policies/", "Creating a policy"},
		{http.MethodGet, "/v1/connections/", "Listing connections"},
		{http.MethodPost, "/v1/connections/", "Creating a connection"},
		{http.MethodGet, "/v1/connectors/", "Listing connectors"},
		{http.MethodGet, "/v1/tables/", "Listing tables"},
		{http.MethodPost, "/v1/tables/query/", "Querying tables"},
		{http.MethodPost, "/v1/tables/upload/", "Uploading a table"},
	} {
		f.api.NotOffered(op.method, op.path, op.summary)
	}
}
