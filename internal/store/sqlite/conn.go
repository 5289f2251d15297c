package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// conn is one connection with its prepared statements. It is used by one goroutine at a time.
//
// The driver is used directly: database/sql would add locks and copies to each of the few microseconds that a statement
// takes, and statements run with the background context because the driver starts a goroutine for each one otherwise.
type conn struct {
	c     *sqlite3.SQLiteConn
	stmts map[string]*stmt
	args  []driver.NamedValue
}

// stmt is a prepared statement with the buffer that its rows are read into.
type stmt struct {
	s   *sqlite3.SQLiteStmt
	row []driver.Value
}

// dataSource returns the driver's name for the database at path. Its query part holds the settings that must stand
// before the first statement; the others are set by openConn.
func dataSource(path string, readOnly bool, busy time.Duration) string {
	q := url.Values{}
	q.Set("_mutex", "no") // a connection is used by one goroutine at a time
	q.Set("_busy_timeout", strconv.FormatInt(busy.Milliseconds(), 10))
	q.Set("_foreign_keys", "on")
	q.Set("_txlock", "immediate")
	q.Set("mode", "rw")
	if readOnly {
		q.Set("mode", "ro")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// openConn opens a connection and sets what its statements rely on.
func openConn(path string, readOnly bool, busy time.Duration, pragmas ...string) (*conn, error) {
	dc, err := (&sqlite3.SQLiteDriver{}).Open(dataSource(path, readOnly, busy))
	if err != nil {
		return nil, fmt.Errorf("open connection: %w", err)
	}
	sc, ok := dc.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("open connection: unexpected driver type %T", dc), dc.Close())
	}
	c := &conn{c: sc, stmts: map[string]*stmt{}}
	for _, p := range pragmas {
		if err := c.simple("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s: %w", p, err), c.close())
		}
	}
	return c, nil
}

// close finalizes the statements and closes the connection.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.s.Close())
	}
	c.stmts = nil
	return errors.Join(append(errs, c.c.Close())...)
}

// simple runs statements without arguments, unprepared.
func (c *conn) simple(query string) error {
	_, err := c.c.Exec(query, nil)
	return err
}

// prepare returns the prepared form of query. Queries are constants or built from few constants, so the map stays small.
func (c *conn) prepare(query string) (*stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	ds, err := c.c.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	ss, ok := ds.(*sqlite3.SQLiteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("prepare: unexpected driver type %T", ds), ds.Close())
	}
	s := &stmt{s: ss}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement that returns no rows and reports how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	r, err := c.run(query, args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// insert stores one row and returns its number. RETURNING would do the same in more than half as much time again: SQLite makes a table
// in memory for it.
func (c *conn) insert(query string, args ...any) (rowid int64, err error) {
	r, err := c.run(query, args)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// run runs a statement that returns no rows.
func (c *conn) run(query string, args []any) (driver.Result, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	if err := c.bind(args); err != nil {
		return nil, err
	}
	return s.s.ExecContext(context.Background(), c.args)
}

// query runs a statement and calls each with every row, whose values are valid only during the call.
// each must not run the same query again; an error of it ends the query and is returned.
func (c *conn) query(query string, args []any, each func(r row) error) (err error) {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	if err := c.bind(args); err != nil {
		return err
	}
	rows, err := s.s.QueryContext(context.Background(), c.args)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = cerr
		}
	}()
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := each(s.row); err != nil {
			return err
		}
	}
}

// first runs a query for its first row and reports whether there was one.
func (c *conn) first(query string, args []any, scan func(r row) error) (found bool, err error) {
	err = c.query(query, args, func(r row) error {
		found = true
		if err := scan(r); err != nil {
			return err
		}
		return errStop
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return found, err
}

// errStop ends a query early.
var errStop = errors.New("stop")

// bind turns args into what the driver takes.
func (c *conn) bind(args []any) error {
	c.args = c.args[:0]
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

// value turns one argument into what the driver takes: identifiers into text, times into microseconds, JSON into text.
func value(a any) (driver.Value, error) {
	switch v := a.(type) {
	case string, int64, []byte, bool:
		return v, nil
	case int:
		return int64(v), nil
	case time.Time:
		return storerow.Micros(v), nil
	case steward.OrganizationID:
		return string(v), nil
	case steward.AgentID:
		return string(v), nil
	case steward.VersionID:
		return string(v), nil
	case steward.JobID:
		return string(v), nil
	case steward.KeyID:
		return string(v), nil
	case steward.FileID:
		return string(v), nil
	case steward.BatchID:
		return string(v), nil
	case steward.TagID:
		return string(v), nil
	case steward.DatasetID:
		return string(v), nil
	case steward.UserID:
		return int64(v), nil
	case steward.Status:
		return int64(v), nil
	case steward.MicroUSD:
		return int64(v), nil
	case steward.StepKind:
		return string(v), nil
	case json.RawMessage:
		return string(v), nil
	default:
		return nil, fmt.Errorf("no column takes a %T", a)
	}
}

// row is one row of a result. The getters answer the zero value for NULL; tables are STRICT, so types are as declared.
type row []driver.Value

func (r row) text(i int) string {
	s, _ := r[i].(string) // NULL reads as ""
	return s
}

func (r row) int(i int) int64 {
	n, _ := r[i].(int64) // NULL reads as 0
	return n
}

func (r row) bool(i int) bool { return r.int(i) != 0 }

func (r row) blob(i int) []byte {
	b, _ := r[i].([]byte) // NULL reads as nil
	return b
}

func (r row) time(i int) time.Time { return storerow.Time(r.int(i)) }
