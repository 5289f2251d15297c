package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
)

// load is what clients do, and what they were told. What a kill cuts off is done again after the restart, under the same key, until the
// server has acknowledged it.
type load struct {
	client *client.Client
	raw    *rawClient
	agents agents

	mu       sync.Mutex
	told     oracle.Told
	place    map[steward.JobID]int // of jobs in told
	cut      []*op                 // to be done again
	n        int                   // of texts
	refusals []string
}

// op is one thing that a client wants.
type op struct {
	name string
	do   func(ctx context.Context) error // may be called again after an error, with the same effect
	once bool                            // it is not: there is no key to do it again under
	last error                           // of the latest try
}

// clients is how many do something at once, and opsPerRound what each of them begins before the kill.
const (
	clients     = 6
	opsPerRound = 5
)

// run has clients do things until ctx ends or each has done enough. The choice is that of seed.
func (l *load) run(ctx context.Context, seed, round uint64) {
	var wg sync.WaitGroup
	for n := range uint64(clients) {
		random := rand.New(rand.NewPCG(seed, round<<8|n)) //nolint:gosec // a repeatable test
		wg.Go(func() {
			l.again(ctx)
			for range opsPerRound {
				if ctx.Err() != nil {
					return
				}
				l.try(ctx, l.choose(random))
			}
		})
	}
	wg.Wait()
}

// again does what was cut off.
func (l *load) again(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		if len(l.cut) == 0 {
			l.mu.Unlock()
			return
		}
		o := l.cut[0]
		l.cut = l.cut[1:]
		l.mu.Unlock()
		if !l.try(ctx, o) {
			return
		}
	}
}

// later has an op done when others that were cut off are done again.
func (l *load) later(o *op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = append(l.cut, o)
}

// errNotYet says that an op has to wait for something.
var errNotYet = errors.New("not yet")

// try does an op. It reports whether it came to its end.
func (l *load) try(ctx context.Context, o *op) bool {
	err := o.do(ctx)
	switch code := steward.CodeOf(err); {
	case err == nil:
		return true
	case ctx.Err() != nil, errors.Is(err, errNotYet), code == steward.Unavailable, code == steward.Timeout:
	default:
		l.mu.Lock()
		l.refusals = append(l.refusals, fmt.Sprintf("%s: %v", o.name, err))
		l.mu.Unlock()
		return true // doing it again would not help
	}
	if o.last = err; !o.once {
		l.mu.Lock()
		l.cut = append(l.cut, o)
		l.mu.Unlock()
	}
	return false
}

// waiting is how much is left to be done again.
func (l *load) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.cut)
}

// settled reports whether nothing is left to be done again.
func (l *load) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.cut) == 0
}

// left tells what is to be done again.
func (l *load) left() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.cut {
		list = append(list, fmt.Sprintf("%s: %v", o.name, o.last))
	}
	return list
}

// choose picks what a client does next.
func (l *load) choose(random *rand.Rand) *op {
	plain := func(*rand.Rand) *op { return l.single(l.agents.plain, l.text("plain")) }
	for n := random.IntN(100); ; {
		for _, c := range []struct {
			percent int
			begin   func(*rand.Rand) *op
		}{
			{19, plain},
			{10, func(*rand.Rand) *op { return l.rawSingle(l.agents.plain, l.text("raw")) }},
			{14, func(*rand.Rand) *op { return l.single(l.agents.keyed, l.text("keyed")) }},
			{4, func(*rand.Rand) *op { return l.single(l.agents.save, l.text("save")) }},
			{4, func(*rand.Rand) *op { return l.single(l.agents.fail, l.text("fail")) }},
			{2, func(*rand.Rand) *op { return l.single(l.agents.retry, l.text("retry")) }},
			{8, l.cached},
			{4, l.many},
			{5, l.batch},
			{4, l.cancelled},
			{2, l.allCancelled},
			{4, l.deleted},
			{5, func(*rand.Rand) *op { return l.single(l.agents.model, pageCode(l.text("SC"), 1)) }},
			{3, l.pdf},
			{1, l.builtinPDF},
			{2, l.agentDeleted},
			{3, l.batchResumed},
			{3, func(*rand.Rand) *op { return l.single(l.agents.dear, l.text("dear")) }},
			{2, l.storedFile},
			{1, l.scan},
		} {
			if n -= c.percent; n < 0 {
				return c.begin(random)
			}
		}
	}
}

// text returns a text that no other job has. Model providers know what is asked by it.
func (l *load) text(kind string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return fmt.Sprintf("%s-%d", kind, l.n)
}

// acked notes a job.
func (l *load) acked(agent steward.AgentID, id steward.JobID, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(agent, id, text)
}

func (l *load) note(agent steward.AgentID, id steward.JobID, text string) {
	if _, known := l.place[id]; known {
		return
	}
	l.place[id] = len(l.told.Jobs)
	l.told.Jobs = append(l.told.Jobs, oracle.ToldJob{ID: id, Agent: agent, Text: text})
}

// once notes that there may be one job of a text.
func (l *load) once(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told.Once = append(l.told.Once, text)
}

// mark changes what is noted of a job.
func (l *load) mark(id steward.JobID, change func(*oracle.ToldJob)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.told.Jobs[l.place[id]])
}

// start starts one job under a key, unless it was.
func (l *load) start(ctx context.Context, agent steward.AgentID, text string, inputs client.Inputs, id *steward.JobID) error {
	if *id != "" {
		return nil
	}
	got, err := l.client.Run(ctx, agent, client.RunParams{Inputs: inputs, IdempotencyKey: "key of " + text})
	if err != nil {
		return err
	}
	*id = got
	l.acked(agent, got, text)
	return nil
}

// single starts a job.
func (l *load) single(agent steward.AgentID, text string) *op {
	l.once(text)
	var id steward.JobID
	return &op{name: "run", do: func(ctx context.Context) error { return l.start(ctx, agent, text, client.Inputs{"text": text}, &id) }}
}

// rawSingle starts a job with a request of our own making.
func (l *load) rawSingle(agent steward.AgentID, text string) *op {
	l.once(text)
	return &op{name: "raw run", do: func(ctx context.Context) error {
		id, err := l.raw.run(ctx, agent, text, "key of "+text)
		if err == nil {
			l.acked(agent, id, text)
		}
		return err
	}}
}

// cached starts a job that others had the text of.
func (l *load) cached(random *rand.Rand) *op {
	text := fmt.Sprintf("cached-%d", random.IntN(20))
	key := l.text("cached-key")
	return &op{name: "cached run", do: func(ctx context.Context) error {
		id, err := l.client.Run(ctx, l.agents.cached, client.RunParams{Inputs: client.Inputs{"text": text}, IdempotencyKey: key})
		if err == nil {
			l.acked(l.agents.cached, id, text)
		}
		return err
	}}
}

// many starts jobs with one call, which has no key.
func (l *load) many(random *rand.Rand) *op {
	m := oracle.ToldMany{}
	var inputs []client.Inputs
	for range 2 + random.IntN(6) {
		text := l.text("many")
		m.Texts = append(m.Texts, text)
		inputs = append(inputs, client.Inputs{"text": text})
	}
	return &op{name: "run many", once: true, do: func(ctx context.Context) error {
		ids, err := l.client.RunMany(ctx, l.agents.plain, inputs, client.RunManyParams{})
		for i, id := range ids {
			l.acked(l.agents.plain, id, m.Texts[i])
		}
		m.Acked = err == nil
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told.Many = append(l.told.Many, m)
		return err
	}}
}

// batch makes a batch, sends it in two pieces, one of them again, and closes or cancels it.
func (l *load) batch(random *rand.Rand) *op {
	key, cancel, repeat := l.text("batch"), random.IntN(4) == 0, random.IntN(2)
	var texts []string
	var inputs []client.Inputs
	for range 3 + random.IntN(8) {
		text := l.text("item")
		texts = append(texts, text)
		inputs = append(inputs, client.Inputs{"text": text})
	}
	half := len(texts) / 2
	at := -1 // of what was told; there is none before
	return &op{name: "batch", do: func(ctx context.Context) error {
		b, err := l.client.CreateBatch(ctx, l.agents.batch, client.BatchCreate{Name: key, IdempotencyKey: key})
		if err != nil {
			return err
		}
		l.mu.Lock()
		if at < 0 {
			at = len(l.told.Batches)
			l.told.Batches = append(l.told.Batches, oracle.ToldBatch{ID: b.ID, Agent: l.agents.batch, Texts: texts, IDs: map[int64]steward.JobID{}})
		} else if first := l.told.Batches[at].ID; first != b.ID {
			l.refusals = append(l.refusals, fmt.Sprintf("the key of batch %s answers batch %s", first, b.ID))
		}
		l.mu.Unlock()
		for _, piece := range [][2]int{{0, half}, {half, len(texts)}, {0, half * repeat}} {
			if err := l.send(ctx, at, b.ID, int64(piece[0]), inputs[piece[0]:piece[1]]); err != nil {
				return err
			}
		}
		end := l.client.CloseBatch
		if cancel {
			end = l.client.CancelBatch
			l.batchIs(at, func(b *oracle.ToldBatch) { b.Cancelled = true }) // from here on it may be
		}
		if _, err := end(ctx, b.ID); err != nil {
			return err
		}
		l.batchIs(at, func(b *oracle.ToldBatch) { b.Closed = true })
		return nil
	}}
}

func (l *load) batchIs(at int, change func(*oracle.ToldBatch)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.told.Batches[at])
}

// send sends items of a batch, which may be there already.
func (l *load) send(ctx context.Context, at int, id steward.BatchID, start int64, items []client.Inputs) error {
	if len(items) == 0 {
		return nil
	}
	sent, err := l.client.SendBatchItems(ctx, id, start, items, nil)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.told.Batches[at]
	for i, job := range sent.JobIDs {
		index := start + int64(i)
		if first, ok := t.IDs[index]; ok && first != job {
			l.refusals = append(l.refusals, fmt.Sprintf("item %d of batch %s was job %s and is %s", index, id, first, job))
		}
		t.IDs[index] = job
		l.note(t.Agent, job, t.Texts[index])
	}
	return nil
}

// cancelled starts a job that does not end by itself, and cancels it.
func (l *load) cancelled(*rand.Rand) *op {
	text := l.text("hold")
	l.once(text)
	var id steward.JobID
	return &op{name: "cancel", do: func(ctx context.Context) error {
		if err := l.start(ctx, l.agents.hold, text, client.Inputs{"text": text}, &id); err != nil {
			return err
		}
		l.mark(id, func(t *oracle.ToldJob) { t.Cancelled = true }) // from here on it may be
		return l.client.CancelJob(ctx, id)
	}}
}

// allCancelled starts jobs that do not end by themselves, and cancels all of their agent's.
func (l *load) allCancelled(*rand.Rand) *op {
	texts := []string{l.text("all"), l.text("all")}
	ids := make([]steward.JobID, len(texts))
	for _, text := range texts {
		l.once(text)
	}
	return &op{name: "cancel all", do: func(ctx context.Context) error {
		for i, text := range texts {
			if err := l.start(ctx, l.agents.all, text, client.Inputs{"text": text}, &ids[i]); err != nil {
				return err
			}
		}
		_, err := l.client.CancelAllJobs(ctx, l.agents.all)
		return err
	}}
}

// deleted starts a job, waits for its end and deletes its data.
func (l *load) deleted(*rand.Rand) *op {
	text := l.text("deleted")
	l.once(text)
	var id steward.JobID
	return &op{name: "delete data", do: func(ctx context.Context) error {
		if err := l.start(ctx, l.agents.save, text, client.Inputs{"text": text}, &id); err != nil {
			return err
		}
		_, err := l.client.Wait(ctx, id, &client.WaitOptions{First: 10 * time.Millisecond, Max: 100 * time.Millisecond, Timeout: time.Minute})
		if errors.Is(err, client.ErrWaitTimeout) {
			return errNotYet
		}
		if err != nil {
			return err
		}
		got, err := l.client.DeleteJobData(ctx, id)
		if err != nil {
			return err
		}
		if got.Status != "success" {
			return errNotYet // its files could not all be deleted now
		}
		l.mark(id, func(t *oracle.ToldJob) { t.Deleted = true })
		return nil
	}}
}

// pdf has a provider's model read a PDF of three pages, each in a question of its own.
func (l *load) pdf(*rand.Rand) *op {
	text := l.text("SC")
	l.once(text)
	file := client.FileBytes(text+".pdf", pdfOf(text))
	var id steward.JobID
	return &op{name: "PDF", do: func(ctx context.Context) error {
		return l.start(ctx, l.agents.pdf, text, client.Inputs{"pdf_files": file}, &id)
	}}
}

// builtinPDF has the builtin model read the same PDF as all of its jobs.
func (l *load) builtinPDF(*rand.Rand) *op {
	key := l.text("builtin")
	return &op{name: "PDF by builtin", do: func(ctx context.Context) error {
		id, err := l.client.Run(ctx, l.agents.builtin, client.RunParams{
			Inputs: client.Inputs{"pdf_files": client.FileBytes("same.pdf", pdfOf("same"))}, IdempotencyKey: key, SkipCache: true,
		})
		if err == nil {
			l.acked(l.agents.builtin, id, "same")
		}
		return err
	}}
}
