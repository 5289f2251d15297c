package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

const (
	agentID   steward.AgentID    = "01890000-0000-7000-8000-0000000000a1"
	versionID steward.VersionID  = "01890000-0000-7000-8000-0000000000b1"
	jobID     steward.JobID      = "01890000-0000-7000-8000-0000000000c1"
	batchID   steward.BatchID    = "01890000-0000-7000-8000-0000000000d1"
	fileID    steward.FileID     = "01890000-0000-7000-8000-0000000000e1"
	hookID    steward.WebhookID  = "01890000-0000-7000-8000-0000000000f1"
	sentID    steward.DeliveryID = "01890000-0000-7000-8000-0000000000f2"
	tagID     steward.TagID      = "01890000-0000-7000-8000-0000000000f3"
)

// ptr returns a pointer to a value, as updates want it.
func ptr[T any](v T) *T { return &v }

// wired is one call, the request that it has to make, and what it makes of the answer.
type wired struct {
	name   string
	call   func(context.Context, *client.Client) (any, error)
	want   string // method and path
	body   string // JSON; "" means none
	status int
	answer string
	got    func(any) bool // judges what the call returned; nil means that it returns nothing but the error
}

// one makes a call of a method that returns a value.
func one[T any](f func(context.Context, *client.Client) (T, error)) func(context.Context, *client.Client) (any, error) {
	return func(ctx context.Context, c *client.Client) (any, error) { return f(ctx, c) }
}

// none makes a call of a method that returns an error alone.
func none(f func(context.Context, *client.Client) error) func(context.Context, *client.Client) (any, error) {
	return func(ctx context.Context, c *client.Client) (any, error) { return nil, f(ctx, c) }
}

func checkCalls(t *testing.T, calls []wired) {
	t.Helper()
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(status(tt.status, tt.answer))
			got, err := tt.call(t.Context(), newTo(t, s, client.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			if all := s.all(); len(all) != 1 || all[0].method+" "+all[0].path != tt.want || !sameJSON(t, all[0].body, tt.body) {
				t.Errorf("asked %+v\nwant %s %s", all, tt.want, tt.body)
			}
			if tt.got != nil && !tt.got(got) {
				t.Errorf("returned %+v", got)
			}
			if tt.got == nil && got != nil {
				t.Errorf("returned %+v, which nobody looks at", got)
			}
		})
	}
}

// sameJSON compares documents whatever the order of their members.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%q and %q: %v", a, b, err)
	}
	return reflect.DeepEqual(x, y)
}

func TestCallsAboutAgents(t *testing.T) {
	t.Parallel()
	isAgent := func(v any) bool { a, ok := v.(*steward.Agent); return ok && a.ID == agentID }
	const agent, answer = "/v1/agents/" + string(agentID) + "/", `{"id":"` + string(agentID) + `"}`
	checkCalls(t, []wired{
		{"create", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) {
			return c.CreateAgent(ctx, client.AgentCreate{Name: "a", EngineClassID: "E", EngineConfig: map[string]any{"k": 1}, VersionName: "v", Description: "d"})
		}), "POST /v1/agents/", `{"name":"a","engine_class_id":"E","input_definitions":null,"engine_config":{"k":1},"version_name":"v","description":"d"}`, 201, answer, isAgent},
		{"get", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) { return c.Agent(ctx, agentID) }), "GET " + agent, "", 200, answer, isAgent},
		{"update", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) {
			return c.UpdateAgent(ctx, agentID, client.AgentUpdate{DisableCache: ptr(true)})
		}), "PATCH " + agent, `{"disable_cache":true}`, 200, answer, isAgent},
		{"replace", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) {
			return c.ReplaceAgent(ctx, agentID, client.AgentUpdate{Name: ptr("b"), CacheFailedJobs: ptr(false)})
		}), "PUT " + agent, `{"name":"b","cache_failed_jobs":false}`, 200, answer, isAgent},
		{"delete", none(func(ctx context.Context, c *client.Client) error { return c.DeleteAgent(ctx, agentID) }), "DELETE " + agent, "", 204, "", nil},
		{"duplicate", one(func(ctx context.Context, c *client.Client) (*steward.Version, error) {
			return c.DuplicateAgent(ctx, agentID)
		}), "POST " + agent + "duplicate/", "", 201, `{"id":"` + string(versionID) + `","base_agent":{"name":"a (copy)"}}`, func(v any) bool {
			got, ok := v.(*steward.Version)
			return ok && got.ID == versionID && got.BaseAgent.Name == "a (copy)"
		}},
		{"list", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Agent], error) {
			at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
			return c.ListAgents(ctx, client.AgentList{
				Page: 2, PageSize: 50, Search: "a b", Name: "n", EngineClassIDs: []string{"E", "F"}, ExcludeEngineClassIDs: []string{"G", "H"}, CreatorIDs: []steward.UserID{1, 2},
				Tags: []steward.TagID{tagID}, IncludeUntagged: true, CreatedFrom: at, CreatedTo: at, UpdatedFrom: at, UpdatedTo: at,
				MostRecentJobFrom: at, MostRecentJobTo: at, JobCountMin: ptr(int64(0)), JobCountMax: ptr(int64(9)), WithoutJobStats: true, Ordering: "-job_count",
			})
		}), "GET /v1/agents/?created_from=2026-01-02T02%3A04%3A05.000006Z&created_to=2026-01-02T02%3A04%3A05.000006Z&creator_id=1&creator_id=2" +
			"&engine_class_id=E&engine_class_id=F&exclude_engine_class_id=G&exclude_engine_class_id=H&include_job_stats=false&include_untagged=true&job_count_max=9&job_count_min=0" +
			"&most_recent_job_from=2026-01-02T02%3A04%3A05.000006Z&most_recent_job_to=2026-01-02T02%3A04%3A05.000006Z&name=n&ordering=-job_count" +
			"&page=2&page_size=50&search=a+b&tags=" + string(tagID) +
			"&updated_from=2026-01-02T02%3A04%3A05.000006Z&updated_to=2026-01-02T02%3A04%3A05.000006Z",
			"", 200, `{"count":1,"next":null,"previous":null,"results":[` + answer + `]}`, func(v any) bool {
				page, ok := v.(*steward.Page[steward.Agent])
				return ok && page.Count == 1 && page.Results[0].ID == agentID
			}},
		{"list of nothing chosen", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Agent], error) {
			return c.ListAgents(ctx, client.AgentList{})
		}), "GET /v1/agents/", "", 200, `{"count":0,"next":null,"previous":null,"results":[]}`, func(any) bool { return true }},
	})
}

func TestCallsAboutVersions(t *testing.T) {
	t.Parallel()
	const versions, answer = "/v1/agents/" + string(agentID) + "/versions/", `{"id":"` + string(versionID) + `","supports_eval":true}`
	isVersion := func(v any) bool {
		got, ok := v.(*steward.Version)
		return ok && got.ID == versionID && *got.SupportsEval
	}
	checkCalls(t, []wired{
		{"list", one(func(ctx context.Context, c *client.Client) ([]steward.Version, error) {
			return c.ListVersions(ctx, agentID)
		}),
			"GET " + versions, "", 200, "[" + answer + "]", func(v any) bool {
				got, ok := v.([]steward.Version)
				return ok && len(got) == 1 && got[0].ID == versionID
			}},
		{"page", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Version], error) {
			return c.ListVersionPage(ctx, agentID, client.VersionList{PageSize: 5})
		}), "GET " + versions + "?page=1&page_size=5", "", 200, `{"count":1,"next":null,"results":[` + answer + `]}`, func(v any) bool {
			got, ok := v.(*steward.Page[steward.Version])
			return ok && got.Count == 1 && got.Results[0].ID == versionID
		}},
		{"get", one(func(ctx context.Context, c *client.Client) (*steward.Version, error) {
			return c.AgentVersion(ctx, agentID, versionID)
		}), "GET " + versions + string(versionID) + "/?get_supports_eval=true", "", 200, answer, isVersion},
		{"get the current one", one(func(ctx context.Context, c *client.Client) (*steward.Version, error) {
			return c.AgentVersion(ctx, agentID, "")
		}), "GET " + versions + "current/?get_supports_eval=true", "", 200, answer, isVersion},
		{"create, taking all over", one(func(ctx context.Context, c *client.Client) (*steward.Version, error) {
			return c.CreateVersion(ctx, agentID, client.VersionCreate{})
		}), "POST " + versions, `{"input_definitions":null,"engine_config":null}`, 201, answer, isVersion},
		{"create", one(func(ctx context.Context, c *client.Client) (*steward.Version, error) {
			return c.CreateVersion(ctx, agentID, client.VersionCreate{
				VersionName: "v", Description: "d", InputDefinitions: []steward.InputDefinition{}, EngineConfig: json.RawMessage(`{"a":1}`),
			})
		}), "POST " + versions, `{"version_name":"v","description":"d","input_definitions":[],"engine_config":{"a":1}}`, 201, answer, isVersion},
		{"update", none(func(ctx context.Context, c *client.Client) error {
			return c.UpdateVersion(ctx, agentID, versionID, client.VersionUpdate{Description: ptr("d")})
		}), "PATCH " + versions + string(versionID) + "/", `{"description":"d"}`, 200, `{"message":"ok"}`, nil},
		{"replace", none(func(ctx context.Context, c *client.Client) error {
			return c.ReplaceVersion(ctx, agentID, versionID, client.VersionUpdate{VersionName: ptr("v")})
		}), "PUT " + versions + string(versionID) + "/", `{"version_name":"v"}`, 200, `{"message":"ok"}`, nil},
		{"delete", none(func(ctx context.Context, c *client.Client) error { return c.DeleteVersion(ctx, agentID, versionID) }),
			"DELETE " + versions + string(versionID) + "/", "", 204, "", nil},
	})
	s := newScript(status(204, ""))
	if err := newTo(t, s, client.Options{}).DeleteVersion(t.Context(), agentID, ""); steward.CodeOf(err) != steward.Invalid || len(s.all()) != 0 {
		t.Errorf("DeleteVersion of no version = %v", err)
	}
}

func TestCallsAboutTags(t *testing.T) {
	t.Parallel()
	const tags, answer = "/v1/agents/tags/", `{"id":"` + string(tagID) + `","name":"n"}`
	isTag := func(v any) bool { got, ok := v.(*steward.Tag); return ok && got.ID == tagID }
	list := one(func(ctx context.Context, c *client.Client) ([]steward.Tag, error) { return c.ListTags(ctx) })
	isList := func(v any) bool { got, ok := v.([]steward.Tag); return ok && len(got) == 1 && got[0].ID == tagID }
	checkCalls(t, []wired{
		{"list", list, "GET " + tags, "", 200, "[" + answer + "]", isList},
		{"list in an envelope", list, "GET " + tags, "", 200, `{"count":1,"next":null,"results":[` + answer + `]}`, isList},
		{"create", one(func(ctx context.Context, c *client.Client) (*steward.Tag, error) {
			return c.CreateTag(ctx, client.TagCreate{Name: "n", Color: "red"})
		}), "POST " + tags, `{"name":"n","color":"red"}`, 201, answer, isTag},
		{"update", one(func(ctx context.Context, c *client.Client) (*steward.Tag, error) {
			return c.UpdateTag(ctx, tagID, client.TagUpdate{Color: ptr("blue")})
		}), "PATCH " + tags + string(tagID) + "/", `{"color":"blue"}`, 200, answer, isTag},
		{"delete", none(func(ctx context.Context, c *client.Client) error { return c.DeleteTag(ctx, tagID) }), "DELETE " + tags + string(tagID) + "/", "", 204, "", nil},
		{"set", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) {
			return c.SetAgentTags(ctx, agentID, tagID)
		}),
			"PUT /v1/agents/" + string(agentID) + "/tags/", `{"tag_ids":["` + string(tagID) + `"]}`, 200, `{"tags":[` + answer + `]}`,
			func(v any) bool { got, ok := v.(*steward.Agent); return ok && got.Tags[0].ID == tagID }},
		{"set none", one(func(ctx context.Context, c *client.Client) (*steward.Agent, error) {
			return c.SetAgentTags(ctx, agentID)
		}),
			"PUT /v1/agents/" + string(agentID) + "/tags/", `{"tag_ids":[]}`, 200, `{"tags":[]}`, func(any) bool { return true }},
	})
}

func TestAListInPagesIsFetchedToItsEnd(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `{"next":"/next","results":[{"name":"a"}]}`), status(200, `{"next":null,"results":[{"name":"b"}]}`))
	tags, err := newTo(t, s, client.Options{}).ListTags(t.Context())
	if err != nil || len(tags) != 2 || s.all()[1].path != "/v1/agents/tags/?page=2" {
		t.Errorf("ListTags = %+v, %v after %+v", tags, err, s.all())
	}
	if _, err := newTo(t, newScript(status(200, `"no list"`)), client.Options{}).ListTags(t.Context()); err == nil {
		t.Error("a text was taken for a list")
	}
}

func TestCallsAboutJobs(t *testing.T) {
	t.Parallel()
	const job, agent = "/v1/agents/jobs/" + string(jobID) + "/", "/v1/agents/" + string(agentID) + "/jobs/"
	checkCalls(t, []wired{
		{"status", one(func(ctx context.Context, c *client.Client) (*client.JobStatus, error) { return c.JobStatus(ctx, jobID) }),
			"GET " + job + "status/", "", 200, `{"status":1,"timestamp":12.5,"progress":{"done":1,"total":2},"cost":0.25,"started_at":null}`, func(v any) bool {
				st, ok := v.(*client.JobStatus)
				return ok && st.JobID == jobID && st.Status == steward.StatusStarted && st.Progress.Total == 2 && *st.Cost == 0.25 && st.StartedAt == nil
			}},
		{"result", one(func(ctx context.Context, c *client.Client) (*client.JobResult, error) { return c.JobResult(ctx, jobID) }),
			"GET " + job + "result/", "", 200, `{"status":6,"outputs":[],"cached_from":"` + someID + `","trace_url":"http://s/steps/","started_at":null}`, func(v any) bool {
				r, ok := v.(*client.JobResult)
				return ok && r.JobID == jobID && r.Succeeded() && r.CachedFrom == someID && r.TraceURL == "http://s/steps/"
			}},
		{"steps", one(func(ctx context.Context, c *client.Client) ([]steward.Step, error) { return c.JobSteps(ctx, jobID) }),
			"GET " + job + "steps/", "", 200, `{"results":[{"name":"s"}]}`, func(v any) bool { got, ok := v.([]steward.Step); return ok && got[0].Name == "s" }},
		{"artifact", one(func(ctx context.Context, c *client.Client) (json.RawMessage, error) {
			return c.Artifact(ctx, jobID, "agent-job-1/a b.json")
		}), "GET " + job + "artifacts/result/?artifact_key=agent-job-1%2Fa+b.json", "", 200, `{"result":{"a":1}}`,
			func(v any) bool { got, ok := v.(json.RawMessage); return ok && string(got) == `{"a":1}` }},
		{"cancel", none(func(ctx context.Context, c *client.Client) error { return c.CancelJob(ctx, jobID) }), "POST " + job + "cancel/", "", 204, "", nil},
		{"cancel all", one(func(ctx context.Context, c *client.Client) (*client.Cancelled, error) {
			return c.CancelAllJobs(ctx, agentID)
		}),
			"POST " + agent + "cancel-all/", "", 200, `{"task_id":null,"targeted_count":7,"note":"n"}`,
			func(v any) bool {
				got, ok := v.(*client.Cancelled)
				return ok && got.TargetedCount == 7 && got.TaskID == nil
			}},
		{"delete data", one(func(ctx context.Context, c *client.Client) (*client.DataDeletion, error) {
			return c.DeleteJobData(ctx, jobID)
		}),
			"POST " + job + "delete-data/", "", 200, `{"status":"success","deleted_count":3,"outputs_sanitized":true,"artifacts_deleted_count":1,"errors":null}`,
			func(v any) bool {
				got, ok := v.(*client.DataDeletion)
				return ok && got.DeletedCount == 3 && got.OutputsSanitized
			}},
		{"resend", one(func(ctx context.Context, c *client.Client) (*client.Resent, error) {
			return c.ResendWebhook(ctx, jobID, "")
		}),
			"POST " + job + "webhook/resend/", `{}`, 200, `{"status":"queued","queued":2}`, func(v any) bool { got, ok := v.(*client.Resent); return ok && got.Queued == 2 }},
		{"resend to one", one(func(ctx context.Context, c *client.Client) (*client.Resent, error) {
			return c.ResendWebhook(ctx, jobID, hookID)
		}),
			"POST " + job + "webhook/resend/", `{"webhook_id":"` + string(hookID) + `"}`, 200, `{"status":"queued","queued":1}`,
			func(v any) bool { got, ok := v.(*client.Resent); return ok && got.Queued == 1 }},
		{"list", one(func(ctx context.Context, c *client.Client) (*steward.Page[client.Job], error) {
			at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			return c.ListJobs(ctx, agentID, client.JobList{
				Page: 3, PageSize: 10, Status: []steward.Status{4, 5}, VersionNames: []string{"a", "b c"}, Metadata: map[string]string{"k": "v:w", "a": "b"},
				ExcludeMetadata: map[string]string{"x": "y"}, JobID: jobID, Inputs: "in", Search: "s", Verdicts: []string{"ok"},
				CreatedFrom: at, CreatedTo: at, Newest: 500, Ordering: "-cost,id",
			})
		}), "GET " + agent + "?created_from=2026-01-02T03%3A04%3A05Z&created_to=2026-01-02T03%3A04%3A05Z&exclude_metadata=x%3Ay&job_id=" + string(jobID) +
			"&job_inputs=in&limit=500&metadata=a%3Ab%2Ck%3Av%3Aw&ordering=-cost%2Cid&page=3&page_size=10&search=s&status_code=4%2C5&verdict=ok&version_name=a&version_name=b+c",
			"", 200, `{"count":1,"next":null,"results":[{"id":"` + string(jobID) + `","job_inputs":[{"key":"k"}],"ui_fields":{"verdict":"ok"},"creator":null,"metadata":{"a":"b"}}]}`,
			func(v any) bool {
				page, ok := v.(*steward.Page[client.Job])
				j := page.Results[0]
				return ok && j.ID == jobID && j.JobInputs[0].Key == "k" && string(j.UIFields) == `{"verdict":"ok"}` && j.Creator == nil && j.Metadata["a"] == "b"
			}},
		{"list of all", one(func(ctx context.Context, c *client.Client) (*steward.Page[client.Job], error) {
			return c.ListJobs(ctx, agentID, client.JobList{Newest: -1})
		}), "GET " + agent + "?limit=0", "", 200, `{"count":0,"next":null,"results":[]}`, func(any) bool { return true }},
	})
}

func TestFiltersThatTheWireCannotCarryAreRefused(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, "{}"))
	c := newTo(t, s, client.Options{})
	for field, p := range map[string]client.JobList{
		"metadata": {Metadata: map[string]string{"a:b": "c"}}, "exclude_metadata": {ExcludeMetadata: map[string]string{"a": "b,c:d"}},
	} {
		_, err := c.ListJobs(t.Context(), agentID, p)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != field {
			t.Errorf("%s: %v, want invalid naming it", field, err)
		}
		for _, err := range c.Jobs(t.Context(), agentID, p) {
			if steward.CodeOf(err) != steward.Invalid {
				t.Errorf("ranging: %v", err)
			}
		}
	}
	if n := len(s.all()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestCallsAboutWebhooks(t *testing.T) {
	t.Parallel()
	const hook, answer = "/v1/webhooks/" + string(hookID) + "/", `{"id":"` + string(hookID) + `","secret":"whsec_YQ==","agent_ids":["` + string(agentID) + `"]}`
	const delivery = `{"id":"` + string(sentID) + `","status":"failed","job_id":null,"response_status":500}`
	isHook := func(v any) bool {
		got, ok := v.(*steward.Webhook)
		return ok && got.ID == hookID && got.AgentIDs[0] == agentID
	}
	isDelivery := func(v any) bool {
		got, ok := v.(*steward.Delivery)
		return ok && got.ID == sentID && *got.ResponseStatus == 500
	}
	checkCalls(t, []wired{
		{"create", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.CreateWebhook(ctx, client.WebhookCreate{Name: "n", URL: "https://r.test"})
		}), "POST /v1/webhooks/", `{"name":"n","url":"https://r.test","events":["job_completed"]}`, 201, answer, isHook},
		{"create in full", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.CreateWebhook(ctx, client.WebhookCreate{
				Name: "n", URL: "https://r.test", Secret: "whsec_YQ==", Headers: map[string]string{"X-A": "b"}, Events: steward.EventTypes(),
				IsActive: ptr(false), Alerts: []string{someID}, IncludeInputs: true, NotifyCached: true,
			})
		}), "POST /v1/webhooks/", `{"name":"n","url":"https://r.test","secret":"whsec_YQ==","headers":{"X-A":"b"},"events":["job_completed","batch_completed"],
			"is_active":false,"alerts":["` + someID + `"],"include_inputs":true,"notify_cached":true}`, 201, answer, isHook},
		{"get", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) { return c.Webhook(ctx, hookID) }), "GET " + hook, "", 200, answer, isHook},
		{"update", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.UpdateWebhook(ctx, hookID, client.WebhookUpdate{IsActive: ptr(true), Headers: ptr(map[string]string{})})
		}), "PATCH " + hook, `{"is_active":true,"headers":{}}`, 200, answer, isHook},
		{"replace", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.ReplaceWebhook(ctx, hookID, client.WebhookCreate{Name: "n", URL: "https://r.test", Events: steward.EventTypes()})
		}), "PUT " + hook, `{"name":"n","url":"https://r.test","events":["job_completed","batch_completed"]}`, 200, answer, isHook},
		{"delete", none(func(ctx context.Context, c *client.Client) error { return c.DeleteWebhook(ctx, hookID) }), "DELETE " + hook, "", 204, "", nil},
		{"list", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Webhook], error) {
			return c.ListWebhooks(ctx, client.WebhookList{PageSize: 5})
		}), "GET /v1/webhooks/?page_size=5", "", 200, `{"count":1,"next":null,"results":[` + answer + `]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[steward.Webhook])
				return ok && got.Results[0].ID == hookID
			}},
		{"link", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.LinkWebhook(ctx, hookID, agentID)
		}),
			"POST " + hook + "agents/", `{"agent_ids":["` + string(agentID) + `"]}`, 201, answer, isHook},
		{"agents", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.WebhookAgent], error) {
			return c.ListWebhookAgents(ctx, hookID, client.WebhookList{Page: 2})
		}), "GET " + hook + "agents/?page=2", "", 200, `{"count":1,"next":null,"results":[{"id":"` + string(agentID) + `","name":"a"}]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[steward.WebhookAgent])
				return ok && got.Results[0].ID == agentID
			}},
		{"unlink", none(func(ctx context.Context, c *client.Client) error { return c.UnlinkWebhook(ctx, hookID, agentID) }),
			"DELETE " + hook + "agents/" + string(agentID) + "/", "", 204, "", nil},
		{"rotate", one(func(ctx context.Context, c *client.Client) (*steward.Webhook, error) {
			return c.RotateWebhookSecret(ctx, hookID)
		}),
			"POST " + hook + "rotate-secret/", "", 200, answer, isHook},
		{"test", one(func(ctx context.Context, c *client.Client) (*steward.DeliveryReport, error) {
			return c.TestWebhook(ctx, agentID, hookID)
		}),
			"POST /v1/agents/" + string(agentID) + "/webhooks/" + string(hookID) + "/test/", "", 200, `{"success":false,"error":"refused","response_status":null}`,
			func(v any) bool {
				got, ok := v.(*steward.DeliveryReport)
				return ok && !got.Success && *got.Error == "refused"
			}},
		{"deliveries", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Delivery], error) {
			return c.ListDeliveries(ctx, hookID, client.DeliveryList{Status: steward.DeliveryFailed, Page: 2})
		}), "GET " + hook + "deliveries/?page=2&status=failed", "", 200, `{"count":1,"next":null,"results":[` + delivery + `]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[steward.Delivery])
				return ok && got.Results[0].ID == sentID
			}},
		{"delivery", one(func(ctx context.Context, c *client.Client) (*steward.Delivery, error) {
			return c.Delivery(ctx, hookID, sentID)
		}),
			"GET " + hook + "deliveries/" + string(sentID) + "/", "", 200, delivery, isDelivery},
		{"replay", one(func(ctx context.Context, c *client.Client) (*steward.Delivery, error) {
			return c.ReplayDelivery(ctx, hookID, sentID)
		}),
			"POST " + hook + "deliveries/" + string(sentID) + "/replay/", "", 200, delivery, isDelivery},
	})
}

func TestCallsAboutBatches(t *testing.T) {
	t.Parallel()
	const batch, answer = "/v1/batches/" + string(batchID) + "/", `{"id":"` + string(batchID) + `","state":"open","counts":{"success":3}}`
	isBatch := func(v any) bool {
		got, ok := v.(*steward.Batch)
		return ok && got.ID == batchID && got.Counts.Success == 3
	}
	checkCalls(t, []wired{
		{"create", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) {
			return c.CreateBatch(ctx, agentID, client.BatchCreate{Name: "n", Metadata: map[string]any{"k": 1}})
		}), "POST /v1/agents/" + string(agentID) + "/batches/", `{"name":"n","metadata":{"k":1}}`, 201, answer, isBatch},
		{"get", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) { return c.Batch(ctx, batchID) }), "GET " + batch, "", 200, answer, isBatch},
		{"close", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) { return c.CloseBatch(ctx, batchID) }), "POST " + batch + "close/", "", 200, answer, isBatch},
		{"cancel", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) {
			return c.CancelBatch(ctx, batchID)
		}), "POST " + batch + "cancel/", "", 200, answer, isBatch},
		{"resume", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) {
			return c.ResumeBatch(ctx, batchID)
		}), "POST " + batch + "resume/", "{}", 200, answer, isBatch},
		{"resume failed ones", one(func(ctx context.Context, c *client.Client) (*steward.Batch, error) {
			return c.ResumeBatch(ctx, batchID, steward.StatusFailure)
		}), "POST " + batch + "resume/", `{"status_code":[4]}`, 200, answer, isBatch},
		{"list", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.Batch], error) {
			return c.ListBatches(ctx, client.BatchList{AgentID: agentID, Page: 2})
		}), "GET /v1/batches/?agent_id=" + string(agentID) + "&page=2", "", 200, `{"count":1,"next":null,"results":[` + answer + `]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[steward.Batch])
				return ok && got.Results[0].ID == batchID
			}},
		{"items", one(func(ctx context.Context, c *client.Client) (*steward.Page[steward.BatchItem], error) {
			return c.ListBatchItems(ctx, batchID, client.BatchItemList{Status: []steward.Status{4, 5}, From: 7, PageSize: 100})
		}), "GET " + batch + "items/?from=7&page_size=100&status_code=4%2C5", "", 200, `{"count":1,"next":null,"results":[{"index":7,"job_id":"` + string(jobID) + `","status":4}]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[steward.BatchItem])
				return ok && got.Results[0].JobID == jobID
			}},
	})
}

func TestCallsAboutFiles(t *testing.T) {
	t.Parallel()
	const answer = `{"file_id":"` + string(fileID) + `","file_ref":"file_` + string(fileID) + `","dataset_id":null,"name":"a","size":3,"uploaded_file":"a"}`
	checkCalls(t, []wired{
		{"get", one(func(ctx context.Context, c *client.Client) (*client.StoredFile, error) { return c.File(ctx, fileID) }),
			"GET /v1/files/" + string(fileID) + "/", "", 200, answer, func(v any) bool {
				got, ok := v.(*client.StoredFile)
				return ok && got.ID == fileID && got.SizeBytes == 3
			}},
		{"list", one(func(ctx context.Context, c *client.Client) (*steward.Page[client.StoredFile], error) {
			return c.ListFiles(ctx, client.FileList{DatasetID: someID})
		}), "GET /v1/files/?dataset_id=" + someID, "", 200, `{"count":1,"next":null,"results":[` + answer + `]}`,
			func(v any) bool {
				got, ok := v.(*steward.Page[client.StoredFile])
				return ok && got.Results[0].Ref == "file_"+string(fileID)
			}},
		{"delete", none(func(ctx context.Context, c *client.Client) error { return c.DeleteFile(ctx, fileID) }), "DELETE /v1/files/" + string(fileID) + "/", "", 204, "", nil},
	})
}

// TestEveryRangeGoesOverAllPages: one list for each resource, two pages each.
func TestEveryRangeGoesOverAllPages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, count := range map[string]func(*client.Client) (int, error){
		"agents":     func(c *client.Client) (int, error) { return length(c.Agents(ctx, client.AgentList{})) },
		"versions":   func(c *client.Client) (int, error) { return length(c.Versions(ctx, agentID, client.VersionList{})) },
		"jobs":       func(c *client.Client) (int, error) { return length(c.Jobs(ctx, agentID, client.JobList{})) },
		"batches":    func(c *client.Client) (int, error) { return length(c.Batches(ctx, client.BatchList{})) },
		"items":      func(c *client.Client) (int, error) { return length(c.BatchItems(ctx, batchID, client.BatchItemList{})) },
		"files":      func(c *client.Client) (int, error) { return length(c.Files(ctx, client.FileList{})) },
		"webhooks":   func(c *client.Client) (int, error) { return length(c.Webhooks(ctx, client.WebhookList{})) },
		"linked":     func(c *client.Client) (int, error) { return length(c.WebhookAgents(ctx, hookID, client.WebhookList{})) },
		"deliveries": func(c *client.Client) (int, error) { return length(c.Deliveries(ctx, hookID, client.DeliveryList{})) },
	} {
		s := newScript(status(200, `{"count":3,"next":"/2","results":[{},{}]}`), status(200, `{"count":3,"next":null,"results":[{}]}`))
		if n, err := count(newTo(t, s, client.Options{})); err != nil || n != 3 || len(s.all()) != 2 {
			t.Errorf("%s: %d rows with %d requests, %v", name, n, len(s.all()), err)
		}
		s = newScript(status(403, `{"detail":"no"}`))
		if n, err := count(newTo(t, s, client.Options{})); steward.CodeOf(err) != steward.Denied || n != 0 {
			t.Errorf("%s: %d rows, %v, want the refusal", name, n, err)
		}
	}
}

// length counts what a range yields and returns its last error.
func length[T any](seq func(func(*T, error) bool)) (n int, last error) {
	for _, err := range seq {
		if err != nil {
			last = err
			continue
		}
		n++
	}
	return n, last
}

func TestARefusalIsAnErrorOfEveryCall(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := newTo(t, newScript(status(http.StatusConflict, `{"error":"no"}`)), client.Options{})
	for name, call := range map[string]func() error{
		"agent update":   func() error { _, err := c.UpdateAgent(ctx, agentID, client.AgentUpdate{}); return err },
		"version list":   func() error { _, err := c.ListVersions(ctx, agentID); return err },
		"version create": func() error { _, err := c.CreateVersion(ctx, agentID, client.VersionCreate{}); return err },
		"version update": func() error { return c.UpdateVersion(ctx, agentID, versionID, client.VersionUpdate{}) },
		"tags":           func() error { _, err := c.ListTags(ctx); return err },
		"statuses":       func() error { _, err := c.JobStatuses(ctx, []steward.JobID{jobID}); return err },
		"results":        func() error { _, err := c.JobResults(ctx, []steward.JobID{jobID}); return err },
		"steps":          func() error { _, err := c.JobSteps(ctx, jobID); return err },
		"artifact":       func() error { _, err := c.Artifact(ctx, jobID, "k"); return err },
		"cancel":         func() error { return c.CancelJob(ctx, jobID) },
		"delete data":    func() error { _, err := c.DeleteJobData(ctx, jobID); return err },
		"batch create":   func() error { _, err := c.CreateBatch(ctx, agentID, client.BatchCreate{}); return err },
		"batch wait":     func() error { _, err := c.WaitBatch(ctx, batchID, nil); return err },
		"jobs wait":      func() error { _, err := c.WaitMany(ctx, []steward.JobID{jobID}, nil); return err },
		"upload":         func() error { _, err := c.UploadFile(ctx, client.FileBytes("a", nil), nil); return err },
		"webhook delete": func() error { return c.DeleteWebhook(ctx, hookID) },
		"keys":           func() error { _, err := c.ListKeys(ctx); return err },
		"engines":        func() error { _, err := c.EngineTypes(ctx); return err },
		"models":         func() error { _, err := c.Models(ctx, ""); return err },
		"download":       func() error { _, err := c.DownloadFile(ctx, fileID, &strings.Builder{}, nil); return err },
	} {
		if err := call(); steward.CodeOf(err) != steward.Conflict {
			t.Errorf("%s: %v, want the conflict", name, err)
		}
	}
}
