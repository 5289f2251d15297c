package files

import (
	"context"
	"errors"
	"fmt"
)

// Bury deletes the bytes of blobs that the store marked as dying, and forgets them. It returns how many are gone. What cannot be
// deleted now stays dying, and is deleted by a later sweep.
//
// It asks no permission: only a store says what is dying.
func (s *Service) Bury(ctx context.Context, dying []string) (gone int, err error) {
	if len(dying) == 0 {
		return 0, nil
	}
	deleted, err := s.deleteBytes(ctx, dying)
	if ferr := s.store.Forget(ctx, deleted); ferr != nil {
		err = errors.Join(err, fmt.Errorf("forget blobs: %w", ferr))
	}
	return len(deleted), err
}
