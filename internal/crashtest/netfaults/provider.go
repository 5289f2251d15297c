package netfaults

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/model/providertest"
)

// callUSD is what a call of the provider's model costs, of providertest.Counted.
const callUSD = (100*3 + 20*3 + 30*15) / 1e6

var sectionCode = regexp.MustCompile(`SC-\d+`)

// codeOf is the code that the n-th job of a scenario asks for.
func codeOf(n int) string { return fmt.Sprintf("SC-%d", 100+n) }

// asking is a fault between the server and a model provider.
type asking struct {
	title   string
	slow    bool // the scenario waits long
	stream  bool // answers are streams of events
	tls     bool // the server expects TLS, which nobody speaks
	nobody  bool // nobody listens
	fault   fault
	limit   time.Duration
	fails   []steward.FailureCode
	again   bool    // what came through was lost on the way back, and has to come again
	single  bool    // each answer comes through at once: a question is asked once
	budget  float64 // of a run, in US dollars; 0 means none
	jobs    int     // 0 means jobsEach
	network *toxic.Proxy
	server  *providertest.Server

	mu   sync.Mutex
	came map[string]int // questions by what they ask for
}

func (a *asking) name() string { return "provider: " + a.title }
func (a *asking) long() bool   { return a.slow }
func (a *asking) slug() string { return strings.NewReplacer(" ", "-", ",", "").Replace(a.title) }

func (a *asking) open(ctx context.Context) (err error) {
	a.came = map[string]int{}
	wire := providertest.Compatible
	if a.stream {
		wire = providertest.Anthropic
	}
	a.server = providertest.Start(wire, providertest.Reply{Func: a.reply})
	a.network, err = toxic.Listen(ctx, a.server.Listener.Addr().String())
	return err
}

// reply answers with the code that the question holds.
func (a *asking) reply(r providertest.Request) providertest.Reply {
	code := sectionCode.FindString(r.Text)
	a.mu.Lock()
	a.came[code]++
	a.mu.Unlock()
	text, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		panic(err) // strings always encode
	}
	return providertest.Reply{Text: string(text)}
}

func (a *asking) close() error {
	if a.server == nil {
		return nil
	}
	err := error(nil)
	if a.network != nil {
		err = a.network.Close()
	}
	a.server.Close()
	return err
}

func (a *asking) configure(c *app.Config, models *[]map[string]any) {
	kind, url := "openaicompat", "http://"+a.network.Addr()+"/v1"
	if a.stream {
		kind, url = "anthropic", "http://"+a.network.Addr()
	}
	if a.tls {
		url = strings.Replace(url, "http:", "https:", 1)
	}
	if a.nobody {
		url = "http://127.0.0.1:1/v1"
	}
	if c.Models.Providers == nil {
		c.Models.Providers = map[string]app.ProviderConfig{}
	}
	c.Models.Providers[a.slug()] = app.ProviderConfig{Kind: kind, APIKey: providertest.Key, BaseURL: url, Models: []string{a.slug()}}
	*models = append(*models, map[string]any{
		"id": a.slug(), "providers": []string{a.slug()}, "capabilities": []string{"text"}, "context_window": 100000, "max_output_tokens": 64000,
		"supports_system_message": true, "supports_temperature": true, "supports_json_output": true, "supports_json_schema": true,
		"price": map[string]any{"input": 3, "cached": 3, "output": 15},
	})
}

func (a *asking) play(ctx context.Context, s *stage) (*Result, []string, error) {
	config := map[string]any{"model": a.slug(), "output_schema": json.RawMessage(scripted.CodeSchema), "use_source": false, "instruction": "Find the section code."}
	if a.stream {
		config["max_output_tokens"] = 30_000
	}
	if a.budget > 0 {
		config["max_cost_usd"] = a.budget
		config["max_output_tokens"] = 30 // what a call may cost at most is what it costs
	}
	agent, err := s.client.CreateAgent(ctx, client.AgentCreate{
		Name: a.name(), EngineClassID: extract.ClassID, EngineConfig: config,
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text."}},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("create agent: %w", err)
	}
	stop := a.fault.play(ctx, a.network, a.server.Count)
	defer stop()
	jobs := a.jobs
	if jobs == 0 {
		jobs = jobsEach
	}
	r, _, faults, err := s.run(ctx, &plan{
		agent: agent.ID, jobs: jobs, limit: a.limit, fails: a.fails, answers: func(n int) []string { return []string{`"` + codeOf(n) + `"`} },
		inputs: func(n int) client.Inputs { return client.Inputs{"text": "Section code: " + codeOf(n)} },
	})
	if err != nil {
		return nil, nil, err
	}
	r.Requests = a.server.Count()
	r.Again = r.Requests - len(a.came)
	if a.again && r.Again == 0 {
		faults = append(faults, "the fault met nothing")
	}
	if a.single && r.Again > 0 {
		faults = append(faults, fmt.Sprintf("%d questions were asked again whose answers came through", r.Again))
	}
	if spent := float64(r.Requests) * callUSD; a.budget > 0 && spent > a.budget+callUSD {
		faults = append(faults, fmt.Sprintf("calls for $%.6f were made with a budget of $%.6f", spent, a.budget))
	}
	if least := float64(r.Succeeded) * callUSD; r.CostUSD < least-1e-9 {
		faults = append(faults, fmt.Sprintf("the books say $%.6f, the answers alone cost $%.6f", r.CostUSD, least))
	}
	return r, faults, nil
}
