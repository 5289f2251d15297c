package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// maxTries is how often a transaction is tried that the database broke off to resolve a deadlock.
const maxTries = 4

// SQLSTATE codes and classes, as https://www.postgresql.org/docs/current/errcodes-appendix.html lists them.
const (
	uniqueViolation     = "23505"
	queryCanceled       = "57014"
	classConnection     = "08"
	classData           = "22"
	classConstraint     = "23"
	classRollback       = "40"
	classResources      = "53"
	classObjectState    = "55"
	classIntervention   = "57"
	serializationFailed = "40001"
	deadlock            = "40P01"
)

// translate turns an error of the driver into one of the store's contract. nil stays nil.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *steward.Error
	switch {
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, context.DeadlineExceeded), passing(err): // see limiter
		return fmt.Errorf("%s: %w", op, storerow.Unavailable(err))
	}
	return fmt.Errorf("%s: %w", op, err)
}

// passing reports whether the same call may work later: the server is away, starting, stopping or short of something.
func passing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case inClass(pg, classConnection), inClass(pg, classRollback), inClass(pg, classResources),
			inClass(pg, classObjectState), inClass(pg, classIntervention):
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	// A server that is killed breaks the connection in the middle of an answer.
	broken := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	return broken || errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err)
}

// unsure reports whether nobody knows if a transaction was committed: its connection broke after something was sent.
func unsure(err error) bool {
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgconn.ErrConnClosed):
		return true // see repeatable
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &connect), pgconn.SafeToRetry(err):
		return false // nothing was sent, or nobody should wait any longer
	case errors.As(err, &pg):
		return inClass(pg, classConnection) || inClass(pg, classIntervention) && pg.Code != queryCanceled
	}
	return passing(err)
}

// repeatable reports whether the transaction was rolled back for no fault of its own.
func repeatable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == deadlock || pg.Code == serializationFailed
	}
	// The driver calls a closed connection safe, also when the connection was closed because a COMMIT got no answer.
	return errors.Is(err, errRace) || pgconn.SafeToRetry(err) && !errors.Is(err, pgconn.ErrConnClosed)
}

// errRace says that another process was faster: the transaction starts again and sees what that one did.
var errRace = errors.New("another process was faster")

// refusedData reports whether the database refused what a call wanted to store.
func refusedData(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (inClass(pg, classData) || inClass(pg, classConstraint))
}

// isUnique reports whether err is the violation of a unique index.
func isUnique(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == uniqueViolation
}

func inClass(pg *pgconn.PgError, class string) bool { return strings.HasPrefix(pg.Code, class) }

// notFound turns the driver's "no rows" into NotFound of a noun.
func notFound(noun string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return storerow.NotFound(noun)
	}
	return err
}

// constraint returns the name of the constraint that err violates, "" for other errors.
func constraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	return ""
}

// leaseLost turns the driver's "no rows" into the Conflict of a lost lease.
func leaseLost(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return storerow.LeaseLost()
	}
	return err
}
