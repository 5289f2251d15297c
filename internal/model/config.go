package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Kind says how a provider is spoken to.
type Kind string

// The kinds.
const (
	KindOpenAI       Kind = "openai"
	KindAnthropic    Kind = "anthropic"
	KindGoogle       Kind = "google"
	KindAzure        Kind = "azure"
	KindBedrock      Kind = "bedrock"
	KindOpenRouter   Kind = "openrouter"
	KindXAI          Kind = "xai"
	KindOpenAICompat Kind = "openaicompat" // any server with OpenAI's chat completions: Ollama, vLLM, llama.cpp, gateways
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{KindOpenAI, KindAnthropic, KindGoogle, KindAzure, KindBedrock, KindOpenRouter, KindXAI, KindOpenAICompat}
}

// Config says which models can be used and through whom.
type Config struct {
	Providers     map[string]ProviderConfig // by a name of the operator's choice: letters, digits, '-', '_' and '.'
	Default       string                    // model of configurations that name none; "" means builtin
	Aliases       map[string]string         // further names: alias → catalogue id, alias or "provider/model"
	Fallbacks     map[string][]string       // model → those that are asked in its place, in order, when it cannot answer
	CatalogueFile string                    // catalogue whose entries replace and extend the embedded ones; "" means none
	Builtin       Model                     // the reader that needs nothing; required
	Dial          Dialer                    // connects to providers; may be nil when there are none
	Retry         RetryOptions              // in-call retries; the zero value is fine
	Breaker       BreakerOptions            // when a provider is left alone; the zero value is fine
}

// Dialer makes the model that asks one provider for one catalogue entry. It is called at the first use of the entry; it does
// no I/O that could block for long. The result has none of this package's decorators.
//
// Errors: *steward.Failure with FailInvalidConfig for a configuration that cannot work.
type Dialer func(name string, p ProviderConfig, e Entry) (Model, error)

// ProviderConfig is one provider. Its JSON form is read whole and written without secrets.
type ProviderConfig struct {
	Kind           Kind              `json:"kind"`
	APIKey         string            `json:"api_key,omitempty"`         // secret; some compatible servers need none
	BaseURL        string            `json:"base_url,omitempty"`        // "" means the public address; required for azure and openaicompat
	Headers        map[string]string `json:"headers,omitempty"`         // sent with every call; values are kept out of errors and logs
	Models         []string          `json:"models,omitempty"`          // further models that it serves, by its own names
	ModelIDs       map[string]string `json:"model_ids,omitempty"`       // catalogue id → its own name, such as an Azure deployment's
	Region         string            `json:"region,omitempty"`          // bedrock only; "" means what the AWS environment says
	MaxConcurrency int               `json:"max_concurrency,omitempty"` // calls at once; 0 means 16, below 0 means no limit
	Free           bool              `json:"free,omitempty"`            // its models cost nothing, as those of one's own machine do

	Rates RateObserver `json:"-"` // is told what the provider says about its limits; nil means nobody
}

// MarshalJSON implements json.Marshaler: the key and the headers' values are replaced by "[secret]".
func (p ProviderConfig) MarshalJSON() ([]byte, error) {
	type plain ProviderConfig
	shown := plain(p)
	if shown.APIKey != "" {
		shown.APIKey = "[secret]"
	}
	shown.Headers = maps.Clone(p.Headers)
	for name := range shown.Headers {
		shown.Headers[name] = "[secret]"
	}
	return json.Marshal(shown)
}

// String hides the secrets, so that a configuration can be logged.
func (p ProviderConfig) String() string {
	return fmt.Sprintf("{%s %s key:%t headers:%d models:%v}", p.Kind, hostOf(p.BaseURL), p.APIKey != "", len(p.Headers), p.Models)
}

// GoString hides the secrets from %#v as well.
func (p ProviderConfig) GoString() string { return p.String() }

func (p *ProviderConfig) check(name string) error {
	if name == "" || name == BuiltinID || strings.Trim(name, providerNameRunes) != "" {
		return fmt.Errorf("provider %q: the name may hold letters, digits, '-', '_' and '.', and must not be %q", name, BuiltinID)
	}
	if !slices.Contains(Kinds(), p.Kind) {
		return fmt.Errorf("provider %q: unknown kind %q (one of %v)", name, p.Kind, Kinds())
	}
	if p.BaseURL == "" {
		if p.Kind == KindAzure || p.Kind == KindOpenAICompat {
			return fmt.Errorf("provider %q: kind %s needs a base URL", name, p.Kind)
		}
		return nil
	}
	u, err := url.Parse(p.BaseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("provider %q: the base URL is not an http or https URL", name)
	}
	if u.User != nil {
		return fmt.Errorf("provider %q: the base URL must not hold a user name or password", name)
	}
	return nil
}

const providerNameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// FromEnv fills a Config from environment-style lookups; getenv returns "" for what is not set. Builtin and Dial are left to
// the caller. It reads
//
//   - OPENAI_API_KEY and OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL, GEMINI_API_KEY or GOOGLE_API_KEY,
//     OPENROUTER_API_KEY, XAI_API_KEY;
//   - AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT; AZURE_OPENAI_DEPLOYMENT, a deployment's name, becomes a model;
//   - AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID, or AWS_PROFILE, with AWS_REGION or AWS_DEFAULT_REGION, for Bedrock;
//   - STEWARD_MODEL_BASE_URL and STEWARD_MODEL_API_KEY: any OpenAI-compatible server, as provider "local"; its model
//     is STEWARD_MODEL (several: separated by commas). It counts as free of charge when it runs on this machine;
//   - STEWARD_MODEL, the first one: the default model; STEWARD_MODEL_ALIASES, such as "gpt-4.1-2025-04-14=local/qwen3";
//     STEWARD_MODEL_FALLBACKS, such as "gpt-5-2025-08-07=claude-sonnet-4-6|local/qwen3": what is asked when a model cannot answer;
//     STEWARD_MODEL_CATALOGUE: the catalogue file.
func FromEnv(getenv func(string) string) Config {
	first := func(names ...string) string {
		for _, name := range names {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				return v
			}
		}
		return ""
	}
	providers := map[string]ProviderConfig{}
	maps.Copy(providers, hostedFromEnv(first))
	models := splitList(first("STEWARD_MODEL"))
	if base := first("STEWARD_MODEL_BASE_URL"); base != "" {
		providers["local"] = ProviderConfig{
			Kind:    KindOpenAICompat,
			APIKey:  first("STEWARD_MODEL_API_KEY"),
			BaseURL: base,
			Models:  models,
			Free:    isLoopback(base),
		}
	}
	c := Config{
		Providers:     providers,
		Aliases:       splitPairs(first("STEWARD_MODEL_ALIASES")),
		Fallbacks:     splitChains(first("STEWARD_MODEL_FALLBACKS")),
		CatalogueFile: first("STEWARD_MODEL_CATALOGUE"),
	}
	if len(models) > 0 {
		c.Default = models[0]
	}
	return c
}

func hostedFromEnv(first func(...string) string) map[string]ProviderConfig {
	found := map[string]ProviderConfig{}
	if key := first("OPENAI_API_KEY"); key != "" {
		found["openai"] = ProviderConfig{Kind: KindOpenAI, APIKey: key, BaseURL: first("OPENAI_BASE_URL")}
	}
	if key := first("ANTHROPIC_API_KEY"); key != "" {
		found["anthropic"] = ProviderConfig{Kind: KindAnthropic, APIKey: key, BaseURL: first("ANTHROPIC_BASE_URL")}
	}
	if key := first("GEMINI_API_KEY", "GOOGLE_API_KEY"); key != "" {
		found["google"] = ProviderConfig{Kind: KindGoogle, APIKey: key}
	}
	if key := first("OPENROUTER_API_KEY"); key != "" {
		found["openrouter"] = ProviderConfig{Kind: KindOpenRouter, APIKey: key}
	}
	if key := first("XAI_API_KEY"); key != "" {
		found["xai"] = ProviderConfig{Kind: KindXAI, APIKey: key}
	}
	if key, endpoint := first("AZURE_OPENAI_API_KEY"), first("AZURE_OPENAI_ENDPOINT"); key != "" && endpoint != "" {
		found["azure"] = ProviderConfig{
			Kind: KindAzure, APIKey: key, BaseURL: endpoint, Models: splitList(first("AZURE_OPENAI_DEPLOYMENT")),
		}
	}
	if first("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE") != "" {
		found["bedrock"] = ProviderConfig{
			Kind:   KindBedrock,
			APIKey: first("AWS_BEARER_TOKEN_BEDROCK"),
			Region: first("AWS_REGION", "AWS_DEFAULT_REGION"),
		}
	}
	return found
}

// variableFor names the environment variables that configure a provider of the catalogue.
func variableFor(provider string) string {
	switch provider {
	case "openai":
		return "OPENAI_API_KEY"
	case "anthropic":
		return "ANTHROPIC_API_KEY"
	case "google":
		return "GEMINI_API_KEY"
	case "openrouter":
		return "OPENROUTER_API_KEY"
	case "xai":
		return "XAI_API_KEY"
	case "azure":
		return "AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT"
	case "bedrock":
		return "AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID"
	}
	return ""
}

func isLoopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

func splitList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// splitPairs reads "a=b,c=d". A part without '=' is kept with an empty target, which NewRegistry refuses by name.
func splitPairs(s string) map[string]string {
	var out map[string]string
	for _, part := range splitList(s) {
		name, target, _ := strings.Cut(part, "=")
		if out == nil {
			out = map[string]string{}
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(target)
	}
	return out
}

// splitChains reads "a=b|c,d=e".
func splitChains(s string) map[string][]string {
	var out map[string][]string
	for name, rest := range splitPairs(s) {
		if out == nil {
			out = map[string][]string{}
		}
		for id := range strings.SplitSeq(rest, "|") {
			out[name] = append(out[name], strings.TrimSpace(id))
		}
	}
	return out
}
