package run

import (
	"encoding/json"
	"fmt"
	"net/mail"

	"github.com/stewardhq/steward"
)

// Clients decode answers strictly: a list that is null or an e-mail address that is none makes them refuse a whole page. What
// goes out passes through here, whatever a service or an old row says.

// presentAgent makes an agent fit for the wire.
func presentAgent(a steward.Agent) steward.Agent {
	a.Creator = presentUser(a.Creator)
	a.CreatedAt, a.UpdatedAt = a.CreatedAt.UTC(), a.UpdatedAt.UTC()
	a.Tags = orEmpty(a.Tags)
	return a
}

// presentVersion makes a version fit for the wire.
func presentVersion(v steward.Version) steward.Version {
	v.Creator = presentUser(v.Creator)
	v.CreatedAt = v.CreatedAt.UTC()
	v.InputDefinitions = orEmpty(v.InputDefinitions)
	v.EngineConfig = objectOrEmpty(v.EngineConfig)
	v.PostActions = orEmpty(v.PostActions)
	v.Warnings = orEmpty(v.Warnings)
	v.BaseAgent = presentAgent(v.BaseAgent)
	return v
}

// presentUser hides a creator whose address clients would not take.
func presentUser(u *steward.UserInfo) *steward.UserInfo {
	if u == nil || !validEmail(u.Email) {
		return nil
	}
	return u
}

// presentCurrentUser gives the asking user an address that clients take; there is no null in its place.
func presentCurrentUser(u steward.User) steward.User {
	if !validEmail(u.Email) {
		u.Email = fmt.Sprintf("user-%d@users.invalid", u.ID)
	}
	u.DateJoined = u.DateJoined.UTC()
	return u
}

func validEmail(s string) bool {
	addr, err := mail.ParseAddress(s)
	return err == nil && addr.Address == s
}

// presentEngine makes an engine's description fit for the wire.
func presentEngine(e steward.EngineType) steward.EngineType {
	e.Categories = orEmpty(e.Categories)
	e.DefaultInputDefinitions = orEmpty(e.DefaultInputDefinitions)
	e.Outputs = orEmpty(e.Outputs)
	for _, raw := range []*json.RawMessage{&e.InputSchema, &e.DefaultValues, &e.DefaultEngineConfig} {
		*raw = objectOrEmpty(*raw)
	}
	return e
}

// presentModel makes a model's description fit for the wire.
func presentModel(m steward.LanguageModel) steward.LanguageModel {
	m.Aliases, m.Providers, m.Capabilities = orEmpty(m.Aliases), orEmpty(m.Providers), orEmpty(m.Capabilities)
	return m
}

// each applies a presentation to a list; the result is never nil.
func each[T any](list []T, present func(T) T) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = present(v)
	}
	return out
}
