package postgres

import "context"

// FoldUsage adds what is new to the books and returns how many rows that were.
func (s *Store) FoldUsage(ctx context.Context) (int, error) { return s.foldUsage(ctx) }
