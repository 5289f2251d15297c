package steward

import (
	"encoding/json"
	"time"
)

// Agent is something that can be run. Its engine is fixed for life; what the engine does is set by the current Version.
// The JSON form is the run family's BaseAgent: every key is always present, lists are never null.
type Agent struct {
	ID               AgentID        `json:"id"`
	Creator          *UserInfo      `json:"creator"`
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"` // last change of its configuration
	Name             string         `json:"name"`       // 1 to 200 characters, unique in the organization
	DisableCache     bool           `json:"disable_cache"`
	CacheFailedJobs  bool           `json:"cache_failed_jobs"`
	OrganizationID   OrganizationID `json:"organization_id"`
	EngineClassID    string         `json:"engine_class_id"`
	EngineName       string         `json:"engine_name"` // display name of the engine
	CurrentVersionID VersionID      `json:"current_version_id"`
	JobCount         *int64         `json:"job_count"`       // nil when statistics were not asked for
	MostRecentJob    *time.Time     `json:"most_recent_job"` // nil when there is none or statistics were not asked for
	Tags             []Tag          `json:"tags"`

	// SkillGenerationState is always nil: skill sets are not offered. The key is on the wire because clients read it.
	SkillGenerationState *string `json:"skill_generation_state"`
}

// Tag labels agents.
type Tag struct {
	ID         TagID     `json:"id"`
	Name       string    `json:"name"`  // at most 50 characters
	Color      string    `json:"color"` // blue, green, purple, orange, red, yellow, gray or pink
	CreatedAt  time.Time `json:"created_at"`
	Creator    *UserID   `json:"creator"`
	UsageCount int64     `json:"usage_count"`
	Private    bool      `json:"private"` // always false: tags belong to the organization. The key is on the wire because clients read it.
}

// Version is an immutable configuration of an agent. Only VersionName and Description can be edited later.
// The JSON form is the run family's AgentVersion.
type Version struct {
	ID               VersionID         `json:"id"`
	Name             string            `json:"name"` // the agent's name, not the version's
	VersionName      string            `json:"version_name"`
	Creator          *UserInfo         `json:"creator"`
	CreatedAt        time.Time         `json:"created_at"`
	Description      string            `json:"description"`
	EngineClassID    string            `json:"engine_class_id"`
	EngineName       string            `json:"engine_name"`
	InputDefinitions []InputDefinition `json:"input_definitions"`
	EngineConfig     json.RawMessage   `json:"engine_config"` // a JSON object, stored and returned as it was sent
	OrganizationID   OrganizationID    `json:"organization_id"`
	ReadOnly         bool              `json:"readonly"`
	BaseAgent        Agent             `json:"base_agent"`
	SupportsMemory   bool              `json:"supports_memory"`
	PostActions      []PostAction      `json:"post_actions"`
	SupportsEval     *bool             `json:"supports_eval,omitempty"` // only when asked for
	Warnings         []string          `json:"warnings"`                // configuration keys that the engine ignores, and the like
}

// PostAction is an operation of a connection that follows the end of a job. Not offered yet: lists are empty.
type PostAction struct {
	Name          string            `json:"name"`
	ConnectionID  string            `json:"connection_id"`
	Operation     string            `json:"operation"`
	TriggerOn     []Status          `json:"trigger_on"`
	ParamMappings map[string]string `json:"param_mappings"`
}

// InputDefinition declares an input of a version. Its Key becomes a property of the run's body.
type InputDefinition struct {
	Key                  string `json:"key"`       // letters, digits and '_', at most 128, unique in the version
	DataType             string `json:"data_type"` // MIME-like, such as text/plain, application/pdf, image/*
	Description          string `json:"description"`
	Example              string `json:"example,omitempty"`
	AcceptsMultipleFiles bool   `json:"accepts_multiple_files"`
}

// UserInfo is the short form of a user that other nouns show as their creator.
type UserInfo struct {
	ID          UserID `json:"id"`
	Email       string `json:"email"` // always of a valid form: clients check it
	DisplayName string `json:"display_name"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
}

// Page is one page of a list, in the run family's envelope. Next and Previous are absolute URLs or nil.
type Page[T any] struct {
	Count    int64   `json:"count"` // rows of the whole list
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"` // never nil
}
