package providertest

import (
	"encoding/base64"
	"strings"
)

// At returns the value under a path of keys in the request's body; nil when there is none.
func (r Request) At(keys ...string) any {
	var v any = r.Body
	for _, key := range keys {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[key]
	}
	return v
}

// Part is a piece of a prompt: text or a picture.
type Part struct {
	Text    string
	Picture []byte // nil for text
	Type    string // the picture's content type
	Detail  string // how closely it is to be looked at; "" when that is not said
	Cached  bool   // the provider is to keep the prompt up to here
}

// Prompt lists the pieces of what was asked, system message included, in the order in which the model sees them.
func (r Request) Prompt() []Part {
	var parts []Part
	for _, key := range []string{"system", "systemInstruction", "instructions", "messages", "input", "contents"} {
		parts = append(parts, partsOf(r.Body[key])...)
	}
	return parts
}

// PromptText is the text of the prompt, pictures left out.
func (r Request) PromptText() string {
	var b strings.Builder
	for _, p := range r.Prompt() {
		b.WriteString(p.Text + "\n")
	}
	return b.String()
}

// Pictures lists the pictures of the prompt.
func (r Request) Pictures() []Part {
	var out []Part
	for _, p := range r.Prompt() {
		if p.Picture != nil {
			out = append(out, p)
		}
	}
	return out
}

// Schema is the JSON Schema that the provider is to hold the model to; nil when there is none.
func (r Request) Schema() map[string]any {
	for _, path := range [][]string{
		{"response_format", "json_schema", "schema"}, {"response_format", "schema"}, {"text", "format", "schema"},
		{"output_config", "format", "schema"}, {"generationConfig", "responseJsonSchema"},
	} {
		if schema, ok := r.At(path...).(map[string]any); ok {
			return schema
		}
	}
	return nil
}

// partsOf reads messages, contents or parts in any provider's form.
func partsOf(v any) []Part {
	switch v := v.(type) {
	case string:
		return []Part{{Text: v}}
	case []any:
		var out []Part
		for _, element := range v {
			out = append(out, partsOf(element)...)
		}
		return out
	case map[string]any:
		for _, key := range []string{"content", "parts"} {
			if inner, ok := v[key]; ok {
				return partsOf(inner)
			}
		}
		if p, ok := partOf(v); ok {
			return []Part{p}
		}
	}
	return nil
}

func partOf(v map[string]any) (Part, bool) {
	p := Part{Cached: v["cache_control"] != nil}
	if text, ok := v["text"].(string); ok {
		p.Text = text
		return p, true
	}
	if source, ok := v["source"].(map[string]any); ok { // Claude
		return pictureOf(p, source["media_type"], source["data"])
	}
	if blob, ok := v["inlineData"].(map[string]any); ok { // Gemini
		return pictureOf(p, blob["mimeType"], blob["data"])
	}
	p.Detail, _ = v["detail"].(string)
	link := v["image_url"] // OpenAI's two forms
	if holder, ok := link.(map[string]any); ok {
		link = holder["url"]
		p.Detail, _ = holder["detail"].(string)
	}
	url, _ := link.(string)
	kind, data, ok := strings.Cut(strings.TrimPrefix(url, "data:"), ";base64,")
	if !ok {
		return p, false
	}
	return pictureOf(p, kind, data)
}

func pictureOf(p Part, kind, data any) (Part, bool) {
	p.Type, _ = kind.(string)
	text, _ := data.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	p.Picture = raw
	return p, err == nil
}
