package provider

import (
	"net/http"
	"time"
)

// Options tunes how providers are called. The zero value is ready to use.
type Options struct {
	Base http.RoundTripper // carries every call; nil means a transport of the package's own, shared by all models

	Timeout       time.Duration // one call from its first byte to its last; 0 means 15 minutes
	HeaderTimeout time.Duration // until the answer begins, which takes as long as a model thinks; 0 means 10 minutes
	IdleTimeout   time.Duration // without a byte once the answer has begun; 0 means 2 minutes

	MaxAnswerBytes  int64 // what a provider may answer to one call, unpacked; 0 means 32 MiB
	MaxPictureBytes int64 // all pictures of one request; 0 means what the provider takes

	Stream bool             // ask for every answer as a stream; otherwise only long answers of Claude models come as one
	Now    func() time.Time // nil means time.Now
}

func (o Options) filled() Options {
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Minute
	}
	if o.HeaderTimeout <= 0 {
		o.HeaderTimeout = 10 * time.Minute
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 2 * time.Minute
	}
	if o.MaxAnswerBytes <= 0 {
		o.MaxAnswerBytes = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Base == nil {
		o.Base = newBase()
	}
	return o
}

// maxHeaderBytes bounds the headers of an answer.
const maxHeaderBytes = 256 << 10

// newBase is the transport that calls go through unless another is given: as the standard one, with more connections kept for
// each host and with small headers.
func newBase() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody replaced it, and meant it
	}
	base := standard.Clone()
	base.MaxIdleConnsPerHost = 32
	base.MaxResponseHeaderBytes = maxHeaderBytes
	return base
}
