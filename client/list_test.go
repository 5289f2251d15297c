package client_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// agentPages serves three pages of two agents; page bad answers 400.
func agentPages(bad string) *script {
	return newScript(func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		if page == bad {
			status(400, `{"page":["Broken."]}`)(w, r)
			return
		}
		next := `"http://server.test/next"`
		if page == "3" {
			next = "null"
		}
		status(200, fmt.Sprintf(`{"count":6,"next":%s,"previous":null,"results":[{"name":"%s.1"},{"name":"%s.2"}]}`, next, page, page))(w, r)
	})
}

func names(t *testing.T, c *client.Client, p client.AgentList, most int) (got string, err error) {
	t.Helper()
	var list []string
	for a, e := range c.Agents(t.Context(), p) {
		if e != nil {
			err = e
			continue // the sequence has to end by itself
		}
		if list = append(list, a.Name); len(list) == most {
			break
		}
	}
	return strings.Join(list, " "), err
}

func TestARangeGoesOverAllPagesAndStartsOverEachTime(t *testing.T) {
	t.Parallel()
	c := newTo(t, agentPages(""), client.Options{})
	seq := c.Agents(t.Context(), client.AgentList{})
	for round := range 2 {
		var got []string
		for a, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a.Name)
		}
		if want := "1.1 1.2 2.1 2.2 3.1 3.2"; strings.Join(got, " ") != want {
			t.Errorf("round %d: %q, want %q", round, got, want)
		}
	}
}

func TestARangeFetchesNoMoreThanIsLookedAt(t *testing.T) {
	t.Parallel()
	s := agentPages("")
	got, err := names(t, newTo(t, s, client.Options{}), client.AgentList{}, 3)
	if err != nil || got != "1.1 1.2 2.1" || len(s.all()) != 2 {
		t.Errorf("%q with %d requests, %v", got, len(s.all()), err)
	}
	if s := agentPages(""); newTo(t, s, client.Options{}).Agents(t.Context(), client.AgentList{}) == nil || len(s.all()) != 0 {
		t.Error("a sequence that nobody ranges over asked the server")
	}
}

func TestARangeEndsAfterItsFirstError(t *testing.T) {
	t.Parallel()
	s := agentPages("2")
	got, err := names(t, newTo(t, s, client.Options{}), client.AgentList{}, -1)
	if steward.CodeOf(err) != steward.Invalid || got != "1.1 1.2" || len(s.all()) != 2 {
		t.Errorf("%q with %d requests, %v", got, len(s.all()), err)
	}
}

func TestARangeStartsAtItsPage(t *testing.T) {
	t.Parallel()
	if got, err := names(t, newTo(t, agentPages(""), client.Options{}), client.AgentList{Page: 3}, -1); err != nil || got != "3.1 3.2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestListsSendTheirFilters(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `{"count":0,"next":null,"previous":null,"results":[]}`))
	c := newTo(t, s, client.Options{})
	if _, err := c.ListAgents(t.Context(), client.AgentList{
		Page: 2, PageSize: 5, Search: "a&b", Name: "n", EngineClassIDs: []string{"E"}, Ordering: "-name",
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListAgents(t.Context(), client.AgentList{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListJobs(t.Context(), someID, client.JobList{Status: []steward.Status{steward.StatusPending, steward.StatusFailure}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"/v1/agents/?engine_class_id=E&name=n&ordering=-name&page=2&page_size=5&search=a%26b",
		"/v1/agents/",
		"/v1/agents/" + someID + "/jobs/?status_code=" + url.QueryEscape("0,4"),
	} {
		if got := s.all()[i].path; got != want {
			t.Errorf("request %d is %s, want %s", i, got, want)
		}
	}
}
