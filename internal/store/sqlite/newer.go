package sqlite

import (
	"errors"
	"fmt"
	"time"
)

// refuseOthers refuses a database of a newer program, or of another one, through a connection that cannot change it: whoever closes a
// database last would otherwise tidy up what a killed process left in its log. What keeps it from looking is left to those who write.
func refuseOthers(path string, busy time.Duration) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	c, err := openConn(path, true, busy)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	current, err := schemaVersion(c)
	switch {
	case err == nil && current > newest:
		err = fmt.Errorf("%w (its schema has version %d, this program knows %d)", ErrNewer, current, newest)
	case !errors.Is(err, ErrForeign):
		err = nil
	}
	return errors.Join(err, c.close())
}
