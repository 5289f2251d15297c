package app

// hiddenError is an error whose text repeats no password of a URL.
type hiddenError struct {
	text string
	err  error
}

// Error implements error.
func (e *hiddenError) Error() string { return e.text }

// Unwrap returns the error as it was, for those who look at its kind.
func (e *hiddenError) Unwrap() error { return e.err }

// hideIn returns err without the secrets of a URL, which libraries repeat in what they say.
func hideIn(err error, url string) error { return &hiddenError{hideURL(err, url), err} }
