package steward

import (
	"context"
	"slices"
	"time"
)

// Organization owns agents, jobs, files and keys. Nothing is ever shared between two of them.
type Organization struct {
	ID        OrganizationID `json:"id"`
	Name      string         `json:"name"`
	CreatedAt time.Time      `json:"created_at"`
}

// User is a person of an organization, in the run family's form.
type User struct {
	ID              UserID         `json:"id"`
	OrganizationID  OrganizationID `json:"organization_id"`
	Email           string         `json:"email"`
	FirstName       string         `json:"first_name"`
	LastName        string         `json:"last_name"`
	DisplayName     string         `json:"display_name"`
	DateJoined      time.Time      `json:"date_joined"`
	IsStaff         bool           `json:"is_staff"`
	IsSuperuser     bool           `json:"is_superuser"`
	IsActive        bool           `json:"is_active"`
	IsFirstLogin    bool           `json:"is_first_login"`
	IsEmailVerified bool           `json:"is_email_verified"`
	IsMFAEnabled    bool           `json:"is_mfa_enabled"`
}

// Info returns the short form that other nouns show as their creator.
func (u *User) Info() UserInfo {
	return UserInfo{ID: u.ID, Email: u.Email, DisplayName: u.DisplayName, FirstName: u.FirstName, LastName: u.LastName}
}

// Key is an API key without its secret.
type Key struct {
	ID             KeyID          `json:"id"`
	OrganizationID OrganizationID `json:"organization_id"`
	UserID         UserID         `json:"user_id"`
	Name           string         `json:"name"`
	Prefix         string         `json:"prefix"` // first characters of the token, to tell keys apart
	Scopes         []Scope        `json:"scopes"`
	CreatedAt      time.Time      `json:"created_at"`
	ExpiresAt      *time.Time     `json:"expires_at"`   // nil means never
	LastUsedAt     *time.Time     `json:"last_used_at"` // to the minute; nil means never
	RevokedAt      *time.Time     `json:"revoked_at"`
}

// Scope is what a key may do.
type Scope string

// The scopes. ScopeAdmin includes all others; ScopeRun and ScopeWrite include ScopeRead.
const (
	ScopeRead  Scope = "read"  // get and list everything of the organization
	ScopeRun   Scope = "run"   // start and cancel jobs
	ScopeWrite Scope = "write" // create and change agents and the like
	ScopeAdmin Scope = "admin" // keys, users, everything else
)

// Scopes lists every scope, weakest first.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeRun, ScopeWrite, ScopeAdmin} }

// Principal is who a request acts for: a key, its user and its organization.
type Principal struct {
	OrganizationID OrganizationID
	UserID         UserID
	KeyID          KeyID
	Scopes         []Scope
}

// Allows reports whether the principal may do what scope s covers.
func (p *Principal) Allows(s Scope) bool {
	if slices.Contains(p.Scopes, ScopeAdmin) || slices.Contains(p.Scopes, s) {
		return true
	}
	return s == ScopeRead && (slices.Contains(p.Scopes, ScopeRun) || slices.Contains(p.Scopes, ScopeWrite))
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal in ctx when it has scope s. Every service method begins with it.
//
// Errors: Unauthenticated without a principal; Denied when the scope is missing.
func PrincipalFrom(ctx context.Context, s Scope) (*Principal, error) {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	if p == nil {
		return nil, &Error{Code: Unauthenticated, Message: "Authentication credentials were not provided."}
	}
	if !p.Allows(s) {
		return nil, &Error{Code: Denied, Message: "This key lacks the scope " + string(s) + "."}
	}
	return p, nil
}
