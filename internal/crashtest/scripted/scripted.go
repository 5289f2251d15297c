// Package scripted is a model provider for crash tests, which speaks OpenAI's chat completions: its model finds the section codes that a
// question holds, and a call costs 600 µUSD.
package scripted

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Model is what the provider calls its model, and Catalogue what it costs.
const (
	Model     = "scripted-1"
	Catalogue = `{"models": [{"id": "scripted-1", "providers": ["scripted"], "capabilities": ["text"], "context_window": 100000,
		"max_output_tokens": 4096, "supports_system_message": true, "supports_temperature": true, "supports_json_output": true,
		"supports_json_schema": true, "price": {"input": 3, "cached": 3, "output": 15}}]}`
)

// What the model is asked for: one code, or all.
const (
	CodeSchema  = `{"type":"object","properties":{"code":{"type":["string","null"],"title":"Section code"}},"required":["code"]}`
	CodesSchema = `{"type":"object","properties":{"codes":{"type":"array","items":{"type":"string"}}},"required":["codes"]}`
)

// sectionCode is what the model can find.
var sectionCode = regexp.MustCompile(`SC-\d+-\d+`)

// Code returns the one code that a question holds. When there is none, or several, it answers with an error, and ok is false.
func Code(w http.ResponseWriter, question []byte) (code string, ok bool) {
	codes := slices.Compact(sectionCode.FindAllString(string(question), -1))
	if len(codes) != 1 {
		Refuse(w, http.StatusBadRequest, "one section code is wanted")
		return "", false
	}
	return codes[0], true
}

// Refuse answers with an error of the provider.
func Refuse(w http.ResponseWriter, status int, message string) {
	kind := "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Whoever is gone was killed.
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": kind}})
}

// Answer answers a question with a code, in the form that it asks for.
func Answer(w http.ResponseWriter, question []byte, code string) {
	answer := map[string]any{"code": code}
	if strings.Contains(string(question), `codes`) {
		answer = map[string]any{"codes": []string{code}}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // of the test's own making
	}
	w.Header().Set("Content-Type", "application/json")
	// Whoever is gone was killed.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": Model,
		"choices": []map[string]any{{"index": 0, "message": map[string]any{"role": "assistant", "content": string(text)}, "finish_reason": "stop"}},
		"usage":   map[string]any{"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
	})
}
