package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"charm.land/fantasy"
	"charm.land/fantasy/providers/anthropic"
	"charm.land/fantasy/providers/bedrock"
	"charm.land/fantasy/providers/google"
	"charm.land/fantasy/providers/openai"
	"charm.land/fantasy/providers/openaicompat"
	"charm.land/fantasy/providers/openrouter"

	"github.com/stewardhq/steward/internal/model"
)

// userAgent is how the house names itself to providers.
const userAgent = "steward"

// keyInTransport is what client libraries are given for a key: the transport puts the real one in.
const keyInTransport = "set-by-transport"

// open makes the client library's model for a provider's kind.
func open(c *client, httpClient *http.Client) (fantasy.LanguageModel, error) {
	p, err := newProvider(c, httpClient)
	if err != nil {
		return nil, err
	}
	return p.LanguageModel(context.Background(), c.remoteID)
}

func newProvider(c *client, httpClient *http.Client) (fantasy.Provider, error) {
	switch c.config.Kind {
	case model.KindOpenAI:
		opts := []openai.Option{
			openai.WithAPIKey(keyInTransport), openai.WithBaseURL(c.config.BaseURL),
			openai.WithHTTPClient(httpClient), openai.WithUserAgent(userAgent),
		}
		if c.entry.ResponsesAPI {
			opts = append(opts, openai.WithUseResponsesAPI(), openai.WithResponsesAPIFunc(func(string) bool { return true }))
		}
		return openai.New(opts...)
	case model.KindAzure:
		return openai.New(openai.WithName("azure"), openai.WithAPIKey(keyInTransport), openai.WithBaseURL(azureURL(c.config.BaseURL)),
			openai.WithHTTPClient(httpClient), openai.WithUserAgent(userAgent))
	case model.KindAnthropic:
		return anthropic.New(anthropic.WithAPIKey(keyInTransport), anthropic.WithBaseURL(anthropicURL(c.config.BaseURL)),
			anthropic.WithHTTPClient(httpClient), anthropic.WithUserAgent(userAgent))
	case model.KindBedrock:
		return bedrock.New(bedrock.WithAPIKey(c.config.APIKey), bedrock.WithRegion(c.config.Region),
			bedrock.WithBaseURL(c.config.BaseURL), bedrock.WithHTTPClient(httpClient), bedrock.WithUserAgent(userAgent))
	case model.KindGoogle:
		if c.config.APIKey == "" {
			return nil, errors.New("it needs an API key")
		}
		return google.New(google.WithGeminiAPIKey(keyInTransport), google.WithBaseURL(c.config.BaseURL),
			google.WithHTTPClient(httpClient), google.WithUserAgent(userAgent))
	case model.KindOpenRouter, model.KindOpenAICompat:
		base := c.config.BaseURL
		if base == "" && c.config.Kind == model.KindOpenRouter {
			base = openrouter.DefaultURL
		}
		return openaicompat.New(openaicompat.WithName(compatName), openaicompat.WithAPIKey(keyInTransport),
			openaicompat.WithBaseURL(base), openaicompat.WithHTTPClient(httpClient), openaicompat.WithUserAgent(userAgent))
	}
	return nil, fmt.Errorf("kind %q is unknown", c.config.Kind)
}

// compatName is the library's key for a compatible server's options.
const compatName = "compatible"

// azureURL completes a resource's endpoint, such as https://name.openai.azure.com, with the path of its OpenAI-style API.
func azureURL(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" {
		return endpoint
	}
	return u.JoinPath("openai", "v1").String()
}

// anthropicURL takes the version off a base URL that has one: the library adds its own.
func anthropicURL(base string) string {
	return strings.TrimSuffix(strings.TrimSuffix(base, "/"), "/v1")
}

// options are the provider's own settings for a request.
func (c *client) options(req *model.Request, a *ask) fantasy.ProviderOptions {
	effort := c.effort(req)
	switch c.config.Kind {
	case model.KindAnthropic, model.KindBedrock:
		return claudeOptions(effort, a)
	case model.KindGoogle:
		if effort == "" {
			return nil
		}
		level := strings.ToUpper(effort)
		return fantasy.ProviderOptions{google.Name: &google.ProviderOptions{
			ThinkingConfig: &google.ThinkingConfig{ThinkingLevel: &level},
		}}
	}
	if effort == "" {
		return nil
	}
	level := openai.ReasoningEffort(effort)
	switch {
	case c.config.Kind == model.KindOpenRouter || c.config.Kind == model.KindOpenAICompat:
		return fantasy.ProviderOptions{compatName: &openaicompat.ProviderOptions{ReasoningEffort: &level}}
	case c.speaksResponses():
		return fantasy.ProviderOptions{openai.Name: &openai.ResponsesProviderOptions{ReasoningEffort: &level}}
	}
	return fantasy.ProviderOptions{openai.Name: &openai.ProviderOptions{ReasoningEffort: &level}}
}

func claudeOptions(effort string, a *ask) fantasy.ProviderOptions {
	o := &anthropic.ProviderOptions{}
	if effort != "" {
		level := anthropic.Effort(effort)
		o.Effort = &level
	}
	if a.strict != nil {
		// Set by the library rather than by the transport: on Bedrock the body is signed.
		o.ExtraBody = map[string]any{"output_config.format": map[string]any{"type": "json_schema", "schema": a.strict}}
	}
	return fantasy.ProviderOptions{anthropic.Name: o}
}

func (c *client) speaksResponses() bool {
	return c.config.Kind == model.KindOpenAI && c.entry.ResponsesAPI
}

// patch is what the transport adds to the request's body: the provider's structured output, which the client library
// knows only for a small part of JSON Schema.
func (c *client) patch(a *ask) func(map[string]any) {
	if a.schema == nil || c.isClaude() || (a.strict == nil && !a.jsonMode) {
		return nil
	}
	switch {
	case c.config.Kind == model.KindGoogle:
		return func(body map[string]any) {
			config := memberOf(body, "generationConfig")
			config["responseMimeType"] = "application/json"
			if a.strict != nil {
				config["responseJsonSchema"] = a.strict
			}
		}
	case c.speaksResponses():
		return func(body map[string]any) {
			format := map[string]any{"type": "json_object"}
			if a.strict != nil {
				format = map[string]any{"type": "json_schema", "name": "answer", "strict": true, "schema": a.strict}
			}
			memberOf(body, "text")["format"] = format
		}
	}
	return func(body map[string]any) {
		format := map[string]any{"type": "json_object"}
		if a.strict != nil {
			format = map[string]any{
				"type":        "json_schema",
				"json_schema": map[string]any{"name": "answer", "strict": true, "schema": a.strict},
			}
		}
		body["response_format"] = format
	}
}

// memberOf returns the object that stands under name, made when there is none.
func memberOf(body map[string]any, name string) map[string]any {
	member, ok := body[name].(map[string]any)
	if !ok {
		member = map[string]any{}
		body[name] = member
	}
	return member
}

// refusalIn finds a refusal in a provider's answer, in the form of chat completions, of OpenAI's responses or of Gemini. The
// client library drops these.
func refusalIn(body []byte) (words string, refused bool) {
	var answer struct {
		Choices []struct {
			Message struct {
				Refusal string `json:"refusal"`
			} `json:"message"`
		} `json:"choices"`
		Output []struct {
			Content []struct {
				Type    string `json:"type"`
				Refusal string `json:"refusal"`
			} `json:"content"`
		} `json:"output"`
		PromptFeedback struct {
			BlockReason string `json:"blockReason"`
		} `json:"promptFeedback"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", false
	}
	for _, choice := range answer.Choices {
		if choice.Message.Refusal != "" {
			return choice.Message.Refusal, true
		}
	}
	for _, item := range answer.Output {
		for _, part := range item.Content {
			if part.Type == "refusal" {
				return part.Refusal, true
			}
		}
	}
	return "", answer.PromptFeedback.BlockReason != ""
}
