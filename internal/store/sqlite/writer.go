package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store/storerow"
)

const (
	// maxBatch is how many operations share one commit. It bounds how long the first of them waits for the last.
	maxBatch = 512
	// queueLength is how many operations wait while a commit is under way; more wait in their callers.
	queueLength = 1024
	// maxTerms is how many terms of lists a commit writes before it takes no more operations: they are what takes time and memory.
	maxTerms = 50_000
)

// writer owns the writing connection. One goroutine runs the operations of many callers in a shared transaction, commits
// it, and answers each caller when its changes are on disk. It never waits for more work: it takes what is queued, commits,
// and starts over, so that a lonely caller pays for one commit and a crowd shares it.
type writer struct {
	conn  *conn
	ops   chan *op
	done  chan struct{} // closed when the goroutine has ended
	ready func()        // called after a commit that made jobs claimable
	runs  *runAgents    // told of every change of an agent
	log   *slog.Logger
	lanes laneNames
	// version is what SQLite counts up when another connection writes.
	version int64

	guard   *disk.Guard
	path    string
	marks   bool            // there is a mark beside the database
	marking chan chan error // asks for the mark to be moved on
	foldAt  time.Time       // when the log's length is looked at again
	placing sync.Mutex      // guards places and left
	places  places
	left    bool // the files are not used any more

	noteFault sync.Once // beside the database

	mu     sync.RWMutex // held for reading while an operation is put in the queue
	closed bool
}

// op is one caller's operation.
type op struct {
	// run makes the changes. It may be called twice, so it must begin by resetting what it hands to its caller.
	// An error before its first change leaves the transaction as it was; one after it makes the writer undo it.
	run   func(tx *tx) error
	what  string       // the operation
	state atomic.Int32 // opQueued, opTaken or opLeft
	err   error        // set before done is closed
	done  chan struct{}
}

const (
	opQueued int32 = iota
	opTaken        // the writer runs it; the caller waits for the answer
	opLeft         // the caller's context ended first; the writer passes over it
)

// tx is the shared transaction as an operation sees it.
type tx struct {
	*conn
	wrote bool // the running operation has changed something
	ready bool // a committed operation made jobs claimable
	// agents says that an operation changed an agent or a version; seen is what is known of agents in this transaction.
	agents bool
	seen   agentsSeen
	notes
}

// notes are what operations leave to the end of the transaction, where it is written once for all of them.
type notes struct {
	used  []usageNote
	lists []listNote
	// damaged is how many parts of lists could not be read and were left as they are.
	damaged int
}

// mark returns how many notes there are.
func (n *notes) mark() [2]int { return [2]int{len(n.used), len(n.lists)} }

// undo drops the notes that were made after a mark.
func (n *notes) undo(to [2]int) {
	n.used, n.lists = n.used[:to[0]], n.lists[:to[1]]
}

// terms returns how many terms the notes of lists bring, from one on.
func (n *notes) terms(from int) (terms int) {
	for i := from; i < len(n.lists); i++ {
		terms += len(n.lists[i].terms)
	}
	return terms
}

// lane names an organization's agent.
type lane struct {
	organization string
	agent        string
}

// change runs a statement that changes rows.
func (t *tx) change(query string, args ...any) (int64, error) {
	t.wrote = true
	return t.exec(query, args...)
}

// changeAgents is change for what RunAgent and agentsSeen remember.
func (t *tx) changeAgents(query string, args ...any) (int64, error) {
	t.agents, t.seen = true, agentsSeen{}
	return t.change(query, args...)
}

// newWriter returns a writer on c, whose goroutine is started with loop.
func newWriter(c *conn, path string, runs *runAgents, o *Options, ready func()) *writer {
	return &writer{
		conn: c, ops: make(chan *op, queueLength), done: make(chan struct{}), ready: ready, runs: runs, log: o.Logger,
		guard: o.Guard, path: path, marks: o.Mark, marking: make(chan chan error), places: places{path: path, others: o.Watch},
	}
}

// do runs fn, the operation what, in a transaction and returns after the commit is on disk. A context that ends before the writer has taken the
// operation calls it off; after that the answer is waited for, so that the caller always knows what happened.
//
// Errors: fn's own; Unavailable when the transaction could not be begun or committed, or the writer is closed.
func (w *writer) do(ctx context.Context, what string, fn func(tx *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: fn, what: what, done: make(chan struct{})}
	if err := w.enqueue(ctx, o); err != nil {
		return err
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	if o.state.CompareAndSwap(opQueued, opLeft) {
		return ctx.Err()
	}
	<-o.done
	return o.err
}

// enqueue hands o to the writer.
func (w *writer) enqueue(ctx context.Context, o *op) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return storerow.Unavailable(errClosed)
	}
	select {
	case w.ops <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errClosed = errors.New("the store is closed")

// close lets the queued operations finish and closes the connection. Later operations are refused.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		<-w.done
		return nil
	}
	w.closed = true
	close(w.ops)
	w.mu.Unlock()
	<-w.done
	failpoint.Pass("sqlite.close.before")
	if err := w.moveMark(); err != nil {
		w.log.Warn("the mark beside the database was not moved on", "error", err)
	}
	w.placing.Lock()
	w.left = true // the last connection takes the log away
	w.placing.Unlock()
	err := w.conn.close()
	failpoint.Pass("sqlite.close.after")
	return err
}

// loop commits batches until the queue is closed and empty.
func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*op, 0, maxBatch)
	for {
		select {
		case o, more := <-w.ops:
			if !more {
				return
			}
			batch = w.commit(o, batch[:0])
			clear(batch)
			w.fold()
			// Callers that were just answered get to queue their next operation before the next, else lonely, commit begins.
			runtime.Gosched()
		case answer := <-w.marking:
			answer <- w.moveMark()
		}
	}
}

// next returns a queued operation, or nil when there is none right now.
func (w *writer) next() *op {
	select {
	case o := <-w.ops:
		return o // nil when the queue was closed
	default:
		return nil
	}
}

// commit runs first and whatever is queued in one transaction and answers all of them. It returns batch with them in it.
func (w *writer) commit(first *op, batch []*op) []*op {
	t := &tx{conn: w.conn, seen: agentsSeen{}}
	err := w.guard.MayWrite()
	if err == nil {
		err = w.begin()
	}
	if err == nil {
		err = w.lookForOthers()
	}
	terms := 0
	for o := first; o != nil; o = w.next() {
		if !o.state.CompareAndSwap(opQueued, opTaken) {
			continue
		}
		batch = append(batch, o)
		noted := len(t.lists)
		if err == nil {
			err = w.runOne(t, o, batch)
		}
		terms += t.terms(noted)
		if len(batch) == maxBatch || terms > maxTerms {
			break
		}
	}
	if err == nil {
		err = w.end(t, batch)
	}
	if err != nil {
		w.rollback()
		err = w.unavailable(err)
	} else if err = w.intact(); err == nil { // else it is on a disk, but where nobody will look for it
		w.guard.Wrote()
	}
	if t.agents { // whatever became of it
		w.runs.forget()
	}
	for _, o := range batch {
		if err != nil {
			o.err = err
		} else if o.err != nil {
			o.err = w.refuse(o.err)
		}
		close(o.done)
	}
	if err == nil && t.ready {
		w.ready()
	}
	if t.damaged > 0 {
		w.log.Error("parts of job lists are damaged and were left as they are", "rows", t.damaged)
	}
	return batch
}

// runOne runs one operation. When it fails half-way, the whole transaction is undone and all operations of the batch so
// far run again, each behind a savepoint: failing half-way is rare, and this way the others pay nothing for it.
// The error is one of the transaction, not of the operation.
func (w *writer) runOne(t *tx, o *op, batch []*op) error {
	before := t.mark()
	t.wrote = false
	o.err = o.run(t)
	if o.err == nil {
		return nil
	}
	t.undo(before)
	if o.err = w.refuse(o.err); w.guard.Fault() != nil {
		return o.err
	}
	if !t.wrote && !w.conn.c.AutoCommit() { // a full disk, for one, has ended the transaction already
		return nil
	}
	w.rollback()
	if err := w.begin(); err != nil {
		return err
	}
	*t = tx{conn: w.conn, seen: agentsSeen{}}
	for _, o := range batch {
		if err := w.runGuarded(t, o); err != nil {
			return err
		}
	}
	return nil
}

// runGuarded runs one operation behind a savepoint, so that its failure undoes its changes alone.
func (w *writer) runGuarded(t *tx, o *op) error {
	before, ready := t.mark(), t.ready
	if _, err := w.conn.exec("SAVEPOINT op"); err != nil {
		return fmt.Errorf("set savepoint: %w", err)
	}
	if o.err = o.run(t); o.err != nil {
		t.undo(before)
		t.ready = ready
		if _, err := w.conn.exec("ROLLBACK TO op"); err != nil {
			return fmt.Errorf("undo to savepoint: %w", err)
		}
	}
	if _, err := w.conn.exec("RELEASE op"); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	return nil
}

// unavailable is what callers are told whose transaction failed.
func (w *writer) unavailable(err error) error {
	err = w.refuse(err)
	if steward.CodeOf(err) == steward.Unavailable {
		return err
	}
	return storerow.Unavailable(err)
}

// begin opens the transaction with the write lock, so that it cannot fail for want of it later.
func (w *writer) begin() error {
	if _, err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

// lookForOthers forgets what is remembered of agents when another process has written.
func (w *writer) lookForOthers() error {
	before := w.version
	_, err := w.conn.first("PRAGMA data_version", nil, func(r row) error { w.version = r.int(0); return nil })
	if err != nil {
		return fmt.Errorf("look for other writers: %w", err)
	}
	if w.version != before {
		w.runs.forget()
	}
	return nil
}

// end writes what the operations of a batch only noted, and commits.
func (w *writer) end(t *tx, batch []*op) error {
	if err := t.writeAgentJobs(); err != nil {
		return fmt.Errorf("count jobs of agents: %w", err)
	}
	if err := t.writeUsage(); err != nil {
		return fmt.Errorf("add up usage: %w", err)
	}
	if err := t.writeLists(&w.lanes); err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	if err := t.writeDeliveries(); err != nil {
		return fmt.Errorf("queue deliveries: %w", err)
	}
	if err := beforeCommit(batch); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if _, err := w.conn.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	afterCommit(batch)
	return nil
}

// beforeCommit passes the failpoints of the operations that a commit is about to store.
func beforeCommit(batch []*op) error {
	if !failpoint.Enabled {
		return nil
	}
	for _, o := range batch {
		if err := failpoint.HitOf("sqlite.commit.before", o.what); err != nil {
			return err
		}
	}
	return nil
}

// afterCommit is beforeCommit for those that a commit has stored; nobody has been answered yet.
func afterCommit(batch []*op) {
	if !failpoint.Enabled {
		return
	}
	for _, o := range batch {
		failpoint.PassOf("sqlite.commit.after", o.what)
	}
}

// rollback undoes the transaction. SQLite has done so already after some errors, such as a full disk.
func (w *writer) rollback() {
	if w.conn.c.AutoCommit() {
		return
	}
	// A failing ROLLBACK leaves the transaction open; the next BEGIN then fails and says so to its callers.
	_, _ = w.conn.exec("ROLLBACK")
}
