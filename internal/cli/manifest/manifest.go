// Package manifest reads and writes agents as YAML.
//
//	kind: Agent
//	name: invoices
//	engine: PDFExtractionEngine
//	description: Reads invoices
//	config:
//	  instructions: Extract the invoice.
//	inputs:
//	  - key: pdf_files
//	    data_type: application/pdf
//	    description: The invoices
//	disable_cache: false
//	cache_failed_jobs: false
//	tags: [finance]
//
// A file may hold several documents. kind, name and engine are needed; what is left out says nothing about the agent. What
// Write writes, Read reads as the same agent: numbers keep every digit, and members of the configuration their order.
package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stewardhq/steward"
)

// Agent is an agent as a file describes it.
type Agent struct {
	Name            string
	Engine          string                    // engine_class_id
	Description     string                    // of the version; "" says nothing
	VersionName     string                    // of the version that a change makes; "" says nothing. Write leaves it out.
	Config          json.RawMessage           // a JSON object; nil says nothing
	Inputs          []steward.InputDefinition // nil says nothing, empty means none
	DisableCache    *bool                     // nil says nothing
	CacheFailedJobs *bool                     // nil says nothing
	Tags            []string                  // nil says nothing, empty means none

	Source string // where it was read, as file:line; "" for one that was not
}

// Of describes an agent of a server by its current version. All but VersionName and Source is set.
func Of(v *steward.Version) Agent {
	a := Agent{
		Name: v.BaseAgent.Name, Engine: v.EngineClassID, Description: v.Description, Config: v.EngineConfig,
		Inputs: slices.Clone(v.InputDefinitions), Tags: []string{},
		DisableCache: &v.BaseAgent.DisableCache, CacheFailedJobs: &v.BaseAgent.CacheFailedJobs,
	}
	if a.Inputs == nil {
		a.Inputs = []steward.InputDefinition{}
	}
	for _, t := range v.BaseAgent.Tags {
		a.Tags = append(a.Tags, t.Name)
	}
	slices.Sort(a.Tags)
	return a
}

// Over returns a with what it says nothing about taken from the agent as it is.
func (a Agent) Over(now Agent) Agent {
	if a.Description == "" {
		a.Description = now.Description
	}
	if a.Config == nil {
		a.Config = now.Config
	}
	if a.Inputs == nil {
		a.Inputs = now.Inputs
	}
	if a.DisableCache == nil {
		a.DisableCache = now.DisableCache
	}
	if a.CacheFailedJobs == nil {
		a.CacheFailedJobs = now.CacheFailedJobs
	}
	if a.Tags == nil {
		a.Tags = now.Tags
	}
	return a
}

// SameContent reports whether two agents have equal inputs and configurations: what a version is made of. The order of
// members and the way numbers are written make no difference.
func (a Agent) SameContent(b Agent) bool {
	return slices.Equal(a.Inputs, b.Inputs) && sameJSON(a.Config, b.Config)
}

// sameJSON compares two JSON texts by what they mean. A text that is no JSON equals only itself.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	va, erra := decodeJSON(a)
	vb, errb := decodeJSON(b)
	return erra == nil && errb == nil && equal(va, vb)
}

// Error is a fault of a file that describes agents.
type Error struct {
	File    string
	Line    int // from 1
	Message string
}

// Error returns file:line: message.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }
