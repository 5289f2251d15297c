package steward

import "encoding/json"

// EngineType describes a kind of work that agents can do, as discovery lists it.
type EngineType struct {
	ClassID                 string            `json:"class_id"`
	EngineClassID           string            `json:"engine_class_id"` // same as ClassID; clients read either
	ID                      string            `json:"id"`              // same again
	DisplayName             string            `json:"display_name"`
	Name                    string            `json:"name"` // same as DisplayName
	Summary                 string            `json:"summary"`
	Description             string            `json:"description"`
	Categories              []string          `json:"categories"`
	InputSchema             json.RawMessage   `json:"input_schema"` // JSON Schema of engine_config
	DefaultValues           json.RawMessage   `json:"default_values"`
	DefaultEngineConfig     json.RawMessage   `json:"default_engine_config"` // same as DefaultValues
	DefaultInputDefinitions []InputDefinition `json:"default_input_definitions"`
	Outputs                 []Datum           `json:"outputs"`
	PolicyAware             bool              `json:"policy_aware"`
	SupportsEval            bool              `json:"supports_eval"`
}

// LanguageModel describes a model that agents can name in their configuration.
type LanguageModel struct {
	ID                      string   `json:"id"`
	Aliases                 []string `json:"aliases"`
	Providers               []string `json:"providers"`
	Capabilities            []string `json:"capabilities"` // text, image, audio, video
	ContextWindow           int64    `json:"context_window"`
	MaxOutputTokens         int64    `json:"max_output_tokens"`
	SupportsSystemMessage   bool     `json:"supports_system_message"`
	SupportsTemperature     bool     `json:"supports_temperature"`
	SupportsReasoningEffort bool     `json:"supports_reasoning_effort"`
	SupportsJSONOutput      bool     `json:"supports_json_output"`
	SupportsJSONSchema      bool     `json:"supports_json_schema"`
	SupportsThinking        bool     `json:"supports_thinking"`
	Configured              bool     `json:"configured"` // this server has a provider for it
	Default                 bool     `json:"default"`    // used when a configuration names no model
	Provider                string   `json:"provider"`   // the one of this server that is asked; "" unless Configured

	// Price is what the server reckons with; nil means unknown, so that the cost of its runs is unknown too.
	Price *ModelPrice `json:"price"`
}

// ModelPrice is what a model costs in US dollars per million tokens. A nil part is unknown.
type ModelPrice struct {
	Input  *float64 `json:"input"`
	Cached *float64 `json:"cached"` // input tokens that the provider read from its cache
	Output *float64 `json:"output"`
}

// ModelTest is what came of asking a model one small question whose answer is known.
type ModelTest struct {
	Model     string          `json:"model"`    // catalogue id of the model that answered, or that was asked
	Provider  string          `json:"provider"` // of the model that was asked
	OK        bool            `json:"ok"`       // it answered in the shape that was asked for, with the right values
	Answer    json.RawMessage `json:"answer"`   // as it came; null when there was none
	Grounded  bool            `json:"grounded"` // it said where the values stand, and they stand there
	LatencyMS int64           `json:"latency_ms"`
	Usage     Usage           `json:"usage"`
	Failure   *Failure        `json:"failure"` // null when there was an answer in the right shape
}
