package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stewardhq/steward"
)

func TestFaultsThatMayPassAreUnavailable(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		err  error
		code steward.Code
	}{
		"killed in the middle of an answer": {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), steward.Unavailable},
		"connection closed":                 {io.EOF, steward.Unavailable},
		"no answer in time":                 {fmt.Errorf("timeout: %w", context.DeadlineExceeded), steward.Unavailable},
		"a lock that is held too long":      {&pgconn.PgError{Code: "55P03"}, steward.Unavailable},
		"statement timeout":                 {&pgconn.PgError{Code: "57014"}, steward.Unavailable},
		"shutting down":                     {&pgconn.PgError{Code: "57P01"}, steward.Unavailable},
		"too many connections":              {&pgconn.PgError{Code: "53300"}, steward.Unavailable},
		"bad data":                          {&pgconn.PgError{Code: "22021"}, steward.Internal},
		"anything else":                     {errors.New("x"), steward.Internal},
	} {
		if got := steward.CodeOf(translate("test", c.err)); got != c.code {
			t.Errorf("%s: %s, want %s", what, got, c.code)
		}
	}
}
