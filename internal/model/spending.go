package model

import (
	"errors"
	"slices"

	"github.com/stewardhq/steward"
)

// Spent is what calls of a model used that failed.
type Spent struct {
	Model    string // catalogue id of the model that was asked; "" when unknown
	Provider string // whose model it is; "" when unknown
	Usage    steward.Usage
}

// SpentBy returns what the failed calls behind an error used all the same, each model once; nil means nothing.
func SpentBy(err error) []Spent {
	var f *steward.Failure
	if !errors.As(err, &f) || f.Usage == nil {
		return nil
	}
	for in := f; ; {
		if e, ok := in.Err.(*spentError); ok { //nolint:errorlint // deeper ones know a part of it only
			return e.spent
		}
		var inner *steward.Failure
		if !errors.As(in.Err, &inner) || inner.Usage != f.Usage { // the very same: somebody has added something else to the failure
			return []Spent{{Usage: *f.Usage}}
		}
		in = inner
	}
}

// spentError says by which models the Usage of the Failure around it was used.
type spentError struct {
	spent []Spent
	error
}

// Unwrap returns the error that it is about.
func (e *spentError) Unwrap() error { return e.error }

// withSpent returns err as a Failure that used all of spent. It still is err for errors.Is.
func withSpent(err error, spent []Spent) error {
	sum := spent[0].Usage
	for _, s := range spent[1:] {
		sum = sum.Add(s.Usage)
	}
	return withUsage(&spentError{spent, err}, sum)
}

// spending adds up what the calls used that failed before one was answered. The zero value is ready to use.
type spending struct{ spent []Spent }

// add takes in what a model used.
func (s *spending) add(one Spent) {
	for i := range s.spent {
		if at := &s.spent[i]; at.Model == one.Model && at.Provider == one.Provider {
			at.Usage = at.Usage.Add(one.Usage)
			return
		}
	}
	s.spent = append(s.spent, one)
}

// answer adds what the model that answered used before to its answer, and puts beside it what others used.
func (s *spending) answer(resp *Response) *Response {
	if len(s.spent) == 0 {
		return resp
	}
	whole := *resp
	var others spending
	for _, one := range append(slices.Clone(resp.Others), s.spent...) {
		if one.Model == "" || one.Model == resp.Model && one.Provider == resp.Provider {
			whole.Usage = whole.Usage.Add(one.Usage)
			continue
		}
		others.add(one)
	}
	whole.Others = others.spent
	return &whole
}

// failure takes in what a failed call used and returns its error with all that was used so far.
func (s *spending) failure(err error) error {
	for _, one := range SpentBy(err) {
		s.add(one)
	}
	return s.on(err)
}

// on returns an error with all that was used so far.
func (s *spending) on(err error) error {
	if len(s.spent) == 0 || slices.Equal(SpentBy(err), s.spent) {
		return err
	}
	return withSpent(err, slices.Clone(s.spent))
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
