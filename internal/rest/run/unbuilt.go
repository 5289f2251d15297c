package run

import "net/http"

// registerNotOffered lists the calls of the family that clients know and this version does not have.
func (f *family) registerNotOffered() {
	for _, op := range []struct{ method, path, summary string }{
		{http.MethodPut, pathAgent, "Replacing an agent"},
		{http.MethodPatch, pathAgent, "Updating an agent"},
		{http.MethodDelete, pathAgent, "Deleting an agent"},
		{http.MethodPost, pathAgent + "duplicate/", "Duplicating an agent"},
		{http.MethodPost, pathVersions, "Creating a version"},
		{http.MethodPut, pathVersion, "Replacing a version"},
		{http.MethodPatch, pathVersion, "Updating a version"},
		{http.MethodDelete, pathVersion, "Deleting a version"},
		{http.MethodPost, pathRunAsync + "many/", "Starting many runs"},
		{http.MethodPost, pathAgentJobs + "cancel-all/", "Cancelling all jobs"},
		{http.MethodPost, pathJob + "delete-data/", "Deleting a job's data"},
		{http.MethodPost, pathJob + "webhook/resend/", "Resending webhooks"},
		{http.MethodPost, "/v1/agents/jobs/statuses/", "Reading many statuses"},
		{http.MethodPost, "/v1/agents/jobs/results/", "Reading many results"},
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
