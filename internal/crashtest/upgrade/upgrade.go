// Package upgrade keeps what servers of earlier versions left behind when they were killed, and has the present program go on with it.
//
//	manifest, err := upgrade.Make(ctx, upgrade.MakeParams{Name: "0.1.0", Program: program, Folder: temporary, Into: "testdata/0.1.0-sqlite"})
//	report, err := upgrade.Check(ctx, upgrade.CheckParams{Fixture: "testdata/0.1.0-sqlite", Program: program, Folder: temporary, Seed: 1})
//
// A fixture is a data folder as a SIGKILL left it, write-ahead log and all, and a manifest of what clients had been told until then.
// Make runs a program under load and makes one; Check starts another program on a copy of it, kills that one while it migrates and
// while it works, and compares what comes of it with the manifest. The model provider and the receiver of webhooks live in the
// process of the test, which is never killed.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// Names of what a fixture has.
const (
	manifestName = "manifest.json"
	folderName   = "data.tar.zst"
	dumpName     = "postgres.sql.gz"
)

// Roles of agents in a fixture.
const (
	roleReader = "reader" // asks a provider's model about a text
	rolePages  = "pages"  // asks it about each page of a PDF
	roleLocal  = "local"  // reads a PDF by builtin, and saves pages as references
	roleDear   = "dear"   // as pages, and may spend less than that costs
	roleItems  = "items"  // as reader, for batches
	roleGone   = "gone"   // as reader, and deleted
)

// Manifest is what clients had been told when a server was killed.
type Manifest struct {
	Name           string                     `json:"name"`
	Database       string                     `json:"database"` // sqlite, postgres
	Schema         int64                      `json:"schema"`   // number of its last migration
	MadeAt         time.Time                  `json:"made_at"`
	Lacks          []string                   `json:"lacks"` // what that program did not offer yet
	OrganizationID steward.OrganizationID     `json:"organization_id"`
	APIKey         string                     `json:"api_key"`
	ReadKey        string                     `json:"read_key"` // may read only
	RevokedKey     string                     `json:"revoked_key"`
	Agents         map[string]steward.AgentID `json:"agents"` // by role
	Versions       []ToldVersion              `json:"versions"`
	Tag            string                     `json:"tag,omitempty"` // of the reader
	Jobs           []ToldJob                  `json:"jobs"`
	Batches        []ToldBatch                `json:"batches"`
	Files          []ToldFile                 `json:"files"`
	Webhooks       []ToldWebhook              `json:"webhooks"`
}

// ToldVersion is a version of an agent.
type ToldVersion struct {
	Agent  string            `json:"agent"`
	ID     steward.VersionID `json:"id"`
	Name   string            `json:"name"`
	Config string            `json:"config"`
}

// ToldJob is a job that was acknowledged.
type ToldJob struct {
	ID      steward.JobID       `json:"id"`
	Agent   string              `json:"agent"`
	Text    string              `json:"text"`
	Key     string              `json:"key,omitempty"` // under which it was started; "" when there was none
	Version steward.VersionID   `json:"version"`
	Status  steward.Status      `json:"status"`           // when the server was killed
	Want    string              `json:"want,omitempty"`   // of an open one: what it has to answer
	Output  string              `json:"output,omitempty"` // of an ended one
	Failure steward.FailureCode `json:"failure,omitempty"`
	Cost    *float64            `json:"cost"`
	Deleted bool                `json:"deleted,omitempty"` // its data
	Saved   []ToldFile          `json:"saved,omitempty"`   // references
	Steps   []ToldStep          `json:"steps"`
}

// ToldStep is a recorded step.
type ToldStep struct {
	Name    string    `json:"name"`
	Attempt int       `json:"attempt"`
	EndedAt time.Time `json:"ended_at"`
}

// ToldBatch is a batch that was acknowledged.
type ToldBatch struct {
	ID     steward.BatchID `json:"id"`
	Jobs   []steward.JobID `json:"jobs"` // by index
	Closed bool            `json:"closed"`
}

// ToldFile is a stored file, or one that a job saved.
type ToldFile struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	SHA256 string `json:"sha256"` // of what a client read
}

// ToldWebhook is a webhook with what its receiver had taken.
type ToldWebhook struct {
	ID        steward.WebhookID `json:"id"`
	Secret    string            `json:"secret"`
	Delivered []ToldEvent       `json:"delivered"`
	Owed      []steward.JobID   `json:"owed"` // jobs whose end it was not told of
}

// ToldEvent is an event that a receiver took.
type ToldEvent struct {
	ID    steward.DeliveryID `json:"id"`
	Job   steward.JobID      `json:"job,omitempty"`
	Batch steward.BatchID    `json:"batch,omitempty"`
}

// Patience is how long anything may take.
const Patience = 2 * time.Minute

// until polls a condition.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	return poll.Until(ctx, Patience, what, ok)
}

// newClient makes a client of a server.
func newClient(address, key string) (*client.Client, error) {
	return client.New(&client.Options{APIKey: key, BaseURL: "http://" + address, Timeout: 20 * time.Second})
}

// ended waits for the end of a job.
func ended(ctx context.Context, c *client.Client, id steward.JobID) (*client.JobResult, error) {
	r, err := c.Wait(ctx, id, &client.WaitOptions{First: 5 * time.Millisecond, Max: 100 * time.Millisecond, Timeout: Patience})
	if err != nil {
		return nil, fmt.Errorf("wait for job %s: %w", id, err)
	}
	return r, nil
}

// Build compiles the program of a source folder into another one, and returns its name. The present program's is the module's folder, or one in it.
func Build(ctx context.Context, source, folder string) (string, error) {
	out := filepath.Join(folder, "steward")
	return out, compile(ctx, source, out)
}

// Fixtures lists the folders of all fixtures that have part in their names. None is an error.
func Fixtures(folder, part string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*", manifestName))
	if err != nil {
		return nil, err
	}
	var all, fit []string
	for _, name := range names {
		fixture := filepath.Dir(name)
		all = append(all, filepath.Base(fixture))
		if strings.Contains(filepath.Base(fixture), part) {
			fit = append(fit, fixture)
		}
	}
	if len(fit) == 0 {
		return nil, fmt.Errorf("no fixture in %s has %q in its name: there are %v", folder, part, all)
	}
	return fit, nil
}

// writeFile writes a small file of a fixture.
func writeFile(path string, text []byte) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, text, 0o600))
}
