package model

import (
	"errors"

	"github.com/stewardhq/steward"
)

// spending adds up what the calls used that failed before one was answered. The zero value is ready to use.
type spending struct{ used *steward.Usage }

// answer adds what was used before to an answer.
func (s *spending) answer(resp *Response) *Response {
	if s.used == nil {
		return resp
	}
	whole := *resp
	whole.Usage = s.used.Add(resp.Usage)
	return &whole
}

// failure takes in what a failed call used and returns its error with all that was used so far.
func (s *spending) failure(err error) error {
	if used := usedBy(err); used != nil {
		if s.used != nil {
			sum := s.used.Add(*used)
			used = &sum
		}
		s.used = used
	}
	return s.on(err)
}

// on returns an error with all that was used so far.
func (s *spending) on(err error) error {
	if s.used == nil || usedBy(err) == s.used {
		return err
	}
	return withUsage(err, *s.used)
}

// usedBy returns what a failed call used all the same; nil means nothing.
func usedBy(err error) *steward.Usage {
	var f *steward.Failure
	if !errors.As(err, &f) {
		return nil
	}
	return f.Usage
}

// withUsage returns err as a Failure that used u. It still is err for errors.Is.
func withUsage(err error, u steward.Usage) error {
	f := *steward.FailureOf(err)
	f.Usage, f.Err = &u, err
	return &f
}
