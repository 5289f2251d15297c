package crashtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// agentDeleted makes an agent of its own, starts a job of it that ends and one that does not, and deletes it.
func (l *load) agentDeleted(*rand.Rand) *op {
	name := l.text("gone")
	var agent steward.AgentID
	ids := make([]steward.JobID, 2)
	return &op{name: "delete agent", do: func(ctx context.Context) (err error) {
		if agent == "" {
			if agent, err = l.ownAgent(ctx, name); err != nil {
				agent = ""
				return err
			}
			l.gone(agent, func(*oracle.ToldGone) {})
		}
		for i := range ids {
			if ids[i] != "" {
				continue
			}
			text := fmt.Sprintf("%s-%d", name, i)
			if ids[i], err = l.client.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": text}, IdempotencyKey: "key of " + text}); err != nil {
				ids[i] = ""
				return err
			}
			l.gone(agent, func(g *oracle.ToldGone) { g.Jobs = append(g.Jobs, ids[i]) })
		}
		if err := l.client.DeleteAgent(ctx, agent); err != nil && steward.CodeOf(err) != steward.NotFound { // it may have been done
			return err
		}
		l.gone(agent, func(g *oracle.ToldGone) { g.Deleted = true })
		return nil
	}}
}

// ownAgent makes an agent, or finds it when a kill cut off the answer.
func (l *load) ownAgent(ctx context.Context, name string) (steward.AgentID, error) {
	made, err := l.client.CreateAgent(ctx, client.AgentCreate{
		Name: name, EngineClassID: enginetest.CrashClassID, EngineConfig: object{"steps": 2, "pause_ms": 3, "save": true, "hold": true},
	})
	if err == nil {
		return made.ID, nil
	}
	if steward.CodeOf(err) != steward.Invalid { // the name is taken
		return "", err
	}
	for a, err := range l.client.Agents(ctx, client.AgentList{PageSize: 100}) {
		if err != nil {
			return "", err
		}
		if a.Name == name {
			return a.ID, nil
		}
	}
	return "", err
}

// gone changes what is noted of an agent that is deleted.
func (l *load) gone(id steward.AgentID, change func(*oracle.ToldGone)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told.Gone == nil {
		l.told.Gone = map[steward.AgentID]oracle.ToldGone{}
	}
	g := l.told.Gone[id]
	g.Jobs = slices.Clone(g.Jobs)
	change(&g)
	l.told.Gone[id] = g
}

// batchResumed sends a batch, cancels it and has the cancelled items run after all.
func (l *load) batchResumed(random *rand.Rand) *op {
	key := l.text("resumed")
	var texts []string
	var inputs []client.Inputs
	for range 2 + random.IntN(4) {
		text := l.text("item")
		texts = append(texts, text)
		inputs = append(inputs, client.Inputs{"text": text})
	}
	at, sent, cancelled := -1, false, false
	return &op{name: "resume batch", do: func(ctx context.Context) error {
		b, err := l.client.CreateBatch(ctx, l.agents.batch, client.BatchCreate{Name: key, IdempotencyKey: key})
		if err != nil {
			return err
		}
		if at < 0 {
			l.mu.Lock()
			at = len(l.told.Batches)
			l.told.Batches = append(l.told.Batches, oracle.ToldBatch{ID: b.ID, Agent: l.agents.batch, Texts: texts, IDs: map[int64]steward.JobID{}, Resumed: true})
			l.mu.Unlock()
		}
		if !sent {
			if err := l.send(ctx, at, b.ID, 0, inputs); err != nil {
				return err
			}
			sent = true
		}
		if !cancelled {
			if _, err := l.client.CancelBatch(ctx, b.ID); err != nil {
				return err
			}
			cancelled = true
		}
		// What still runs when it is resumed is cancelled afterwards, and is resumed by the next try.
		for {
			if _, err := l.client.ResumeBatch(ctx, b.ID, steward.StatusCancelled); err != nil {
				return err
			}
			got, err := l.client.Batch(ctx, b.ID)
			if err != nil {
				return err
			}
			if got.Counts.Success == int64(len(texts)) {
				l.batchIs(at, func(t *oracle.ToldBatch) { t.Closed = true })
				return nil
			}
			if got.CompletedAt == nil {
				return errNotYet
			}
		}
	}}
}

// storedFile stores a file and starts jobs that read it, and deletes it sometimes.
func (l *load) storedFile(random *rand.Rand) *op { return l.storesFile(random.IntN(2) == 0) }

func (l *load) storesFile(remove bool) *op {
	name := l.text("stored")
	content := []byte("%PDF-1.4 the content of " + name)
	sum := sha256.Sum256(content)
	var file steward.FileID
	texts := []string{l.text("reads"), l.text("reads")}
	ids := make([]steward.JobID, len(texts))
	for _, text := range texts {
		l.once(text)
	}
	return &op{name: "stored file", do: func(ctx context.Context) error {
		if file == "" { // a second upload stores a second file, which is then there as well
			f, err := l.client.UploadFile(ctx, client.FileBytes(name+".pdf", content), nil)
			if err != nil {
				return err
			}
			file = f.ID
			l.stored(oracle.ToldFile{ID: file, SHA256: hex.EncodeToString(sum[:])})
		}
		for i, text := range texts {
			inputs := client.Inputs{"text": text, "document": client.FileID(file)}
			if err := l.start(ctx, l.agents.reads, text, inputs, &ids[i]); err != nil {
				return err
			}
		}
		if !remove {
			return nil
		}
		l.stored(oracle.ToldFile{ID: file, SHA256: hex.EncodeToString(sum[:]), MayBeDeleted: true}) // from here on
		if err := l.client.DeleteFile(ctx, file); err != nil && steward.CodeOf(err) != steward.NotFound {
			return err
		}
		l.stored(oracle.ToldFile{ID: file, SHA256: hex.EncodeToString(sum[:]), MayBeDeleted: true, Deleted: true})
		return nil
	}}
}

// stored notes what is known of a stored file.
func (l *load) stored(f oracle.ToldFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.told.Files, func(o oracle.ToldFile) bool { return o.ID == f.ID })
	if at < 0 {
		l.told.Files = append(l.told.Files, f)
		return
	}
	l.told.Files[at] = f
}

// scan has the builtin model read a PDF without text, which OCR has read.
func (l *load) scan(*rand.Rand) *op {
	key := l.text("scan")
	return &op{name: "PDF by OCR", do: func(ctx context.Context) error {
		id, err := l.client.Run(ctx, l.agents.scan, client.RunParams{
			Inputs: client.Inputs{"pdf_files": client.FileBytes("scan.pdf", documenttest.Build(documenttest.Sheet{}))}, IdempotencyKey: key, SkipCache: true,
		})
		if err == nil {
			l.acked(l.agents.scan, id, "scan")
		}
		return err
	}}
}

// rare are ops that a short run might not choose: each is done at least once.
func (l *load) rare(seed uint64) []*op {
	random := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a repeatable test
	return []*op{
		l.agentDeleted(random), l.batchResumed(random), l.storesFile(true), l.storesFile(false), l.scan(random),
		l.single(l.agents.dear, l.text("dear")), l.single(l.agents.save, l.text("save")), l.single(l.agents.keyed, l.text("keyed")), l.deleted(random),
		l.single(l.agents.plain, l.text("plain")), l.single(l.agents.model, pageCode(l.text("SC"), 1)), l.pdf(random), l.many(random), l.batch(random),
		l.cancelled(random),
	}
}

// savedBy is the hash of the file that a run of enginetest.Crash saves.
func savedBy(value string) string {
	sum := sha256.Sum256([]byte("proof of " + value))
	return hex.EncodeToString(sum[:])
}
