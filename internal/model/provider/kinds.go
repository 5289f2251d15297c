package provider

import (
	"bytes"
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
	case model.KindOpenRouter, model.KindXAI, model.KindOpenAICompat:
		base := c.config.BaseURL
		switch {
		case base != "":
		case c.config.Kind == model.KindOpenRouter:
			base = openrouter.DefaultURL
		case c.config.Kind == model.KindXAI:
			base = xaiURL
		}
		return openaicompat.New(openaicompat.WithName(compatName), openaicompat.WithAPIKey(keyInTransport),
			openaicompat.WithBaseURL(base), openaicompat.WithHTTPClient(httpClient), openaicompat.WithUserAgent(userAgent))
	}
	return nil, fmt.Errorf("kind %q is unknown", c.config.Kind)
}

// xaiURL is xAI's public address.
const xaiURL = "https://api.x.ai/v1"

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
	case c.config.Kind == model.KindOpenRouter || c.config.Kind == model.KindXAI || c.config.Kind == model.KindOpenAICompat:
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
	if a.mode == modeSchema {
		// Set by the library rather than by the transport: on Bedrock the body is signed.
		o.ExtraBody = map[string]any{"output_config.format": map[string]any{"type": "json_schema", "schema": a.wire}}
	}
	return fantasy.ProviderOptions{anthropic.Name: o}
}

func (c *client) speaksResponses() bool {
	return c.config.Kind == model.KindOpenAI && c.entry.ResponsesAPI
}

// patch is what the transport adds to the request's body: the provider's structured output, which the client library
// knows only for a small part of JSON Schema, how closely pictures are looked at, and the prompt's cache key.
func (c *client) patch(req *model.Request, a *ask, prefix string) func(map[string]any) {
	var patches []func(map[string]any)
	if p := c.formatPatch(a); a.shape != nil && p != nil {
		patches = append(patches, p)
	}
	if p := c.detailPatch(req.ImageDetail); len(a.pictures) > 0 && p != nil {
		patches = append(patches, p)
	}
	if prefix != "" && (c.config.Kind == model.KindOpenAI || c.config.Kind == model.KindAzure) && c.refused.takesPrefixKey() {
		patches = append(patches, func(body map[string]any) { body["prompt_cache_key"] = prefix })
	}
	if len(patches) == 0 {
		return nil
	}
	return func(body map[string]any) {
		for _, p := range patches {
			p(body)
		}
	}
}

// formatPatch asks for structured output in the request's mode; nil when the body is not the place for it.
func (c *client) formatPatch(a *ask) func(map[string]any) {
	if c.isClaude() || a.mode == modePrompt || a.mode == "" {
		return nil
	}
	strict, wire := a.mode == modeSchema || a.mode == modeBounded, a.wire
	if a.mode == modeBounded {
		wire = a.bounded
	}
	switch {
	case c.config.Kind == model.KindGoogle:
		return func(body map[string]any) {
			config := memberOf(body, "generationConfig")
			config["responseMimeType"] = "application/json"
			if strict {
				config["responseJsonSchema"] = a.wire
			}
		}
	case c.speaksResponses():
		return func(body map[string]any) {
			format := map[string]any{"type": "json_object"}
			if strict {
				format = map[string]any{"type": "json_schema", "name": "answer", "strict": true, "schema": a.wire}
			}
			memberOf(body, "text")["format"] = format
		}
	}
	return func(body map[string]any) {
		format := map[string]any{"type": "json_object"}
		switch {
		case strict:
			format = map[string]any{
				"type":        "json_schema",
				"json_schema": map[string]any{"name": "answer", "strict": true, "schema": wire},
			}
		case a.mode == modeObject && a.strict != nil:
			format["schema"] = a.wire
		}
		body["response_format"] = format
	}
}

// detailPatch says how closely pictures are looked at; nil when the provider has no such setting or its own choice is wanted.
func (c *client) detailPatch(detail string) func(map[string]any) {
	if detail != "low" && detail != "high" {
		return nil
	}
	switch {
	case c.isClaude():
		return nil
	case c.config.Kind == model.KindGoogle:
		return func(body map[string]any) {
			memberOf(body, "generationConfig")["mediaResolution"] = "MEDIA_RESOLUTION_" + strings.ToUpper(detail)
		}
	}
	return func(body map[string]any) {
		for _, list := range []string{"messages", "input"} {
			messages, _ := body[list].([]any) // the other API has the other
			for _, m := range messages {
				message, _ := m.(map[string]any)
				content, _ := message["content"].([]any) // plain text has no parts
				for _, p := range content {
					part, _ := p.(map[string]any)
					switch part["type"] {
					case "image_url":
						memberOf(part, "image_url")["detail"] = detail
					case "input_image":
						part["detail"] = detail
					}
				}
			}
		}
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

// refusalIn finds a refusal in a provider's answer, in the form of chat completions, of OpenAI's responses or of Gemini, whole or as
// a stream. The client library drops these.
func refusalIn(body []byte) (words string, refused bool) {
	if !bytes.Contains(body, []byte("refusal")) && !bytes.Contains(body, []byte("blockReason")) {
		return "", false
	}
	var streamed strings.Builder
	for _, doc := range documentsIn(body) {
		var answer refusalForms
		if err := json.Unmarshal(doc, &answer); err != nil {
			continue
		}
		if words, refused := answer.whole(); refused {
			return words, true
		}
		for _, choice := range answer.Choices {
			streamed.WriteString(choice.Delta.Refusal)
		}
		if answer.Type == "response.refusal.delta" {
			streamed.WriteString(answer.Delta)
		}
	}
	return streamed.String(), streamed.Len() > 0
}

// refusalForms are the places where answers hold refusals.
type refusalForms struct {
	Choices []struct {
		Message struct {
			Refusal string `json:"refusal"`
		} `json:"message"`
		Delta struct {
			Refusal string `json:"refusal"`
		} `json:"delta"`
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
	Type  string `json:"type"`
	Delta string `json:"delta"`
}

func (a *refusalForms) whole() (words string, refused bool) {
	for _, choice := range a.Choices {
		if choice.Message.Refusal != "" {
			return choice.Message.Refusal, true
		}
	}
	for _, item := range a.Output {
		for _, part := range item.Content {
			if part.Type == "refusal" {
				return part.Refusal, true
			}
		}
	}
	return "", a.PromptFeedback.BlockReason != ""
}

// documentsIn lists the JSON documents of an answer: itself, or those of its events.
func documentsIn(body []byte) [][]byte {
	if len(body) == 0 || body[0] == '{' || body[0] == '[' {
		return [][]byte{body}
	}
	var docs [][]byte
	for line := range bytes.Lines(body) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			docs = append(docs, bytes.TrimSpace(data))
		}
	}
	return docs
}
