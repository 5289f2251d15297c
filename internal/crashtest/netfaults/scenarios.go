package netfaults

import (
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
)

// The faults.
func slow(p *toxic.Proxy)    { p.Slow(400*time.Millisecond, 100*time.Millisecond) }
func reset(p *toxic.Proxy)   { p.Reset() }
func refuse(p *toxic.Proxy)  { p.Refuse() }
func silence(p *toxic.Proxy) { p.Blackhole() }
func hold(p *toxic.Proxy)    { p.Hold() }

func trickle(kib int64) func(*toxic.Proxy)    { return func(p *toxic.Proxy) { p.Trickle(kib) } }
func cutAfter(bytes int64) func(*toxic.Proxy) { return func(p *toxic.Proxy) { p.CutAfter(bytes) } }
func cutQuestion(bytes int64) func(*toxic.Proxy) {
	return func(p *toxic.Proxy) { p.CutQuestionAfter(bytes) }
}

// short is how long a fault lasts that passes, and limit what a job may take that meets one which does not.
const (
	short = 700 * time.Millisecond
	limit = 3 * time.Second
)

// cutInFile is in the first page of a file.
const cutInFile = 20_000

// scenarios lists all of them. What never answers is ended by the job's own limit.
func scenarios() []scenario {
	timeout := []steward.FailureCode{steward.FailTimeout}
	all := []scenario{
		&asking{title: "slow", fault: fault{begin: slow}, single: true},
		&asking{title: "one KiB a second", fault: fault{begin: trickle(1)}, single: true},
		&asking{title: "reset", fault: fault{begin: reset, ends: after(short)}, single: true},
		&asking{title: "closed at once", fault: fault{begin: refuse, ends: after(short)}, single: true},
		&asking{title: "refused", nobody: true, limit: limit, fails: []steward.FailureCode{steward.FailTimeout, steward.FailModelUnavailable, steward.FailProviderError}},
		&asking{title: "question cut", fault: fault{begin: cutQuestion(300), ends: after(short)}, single: true},
		&asking{title: "answer cut in its headers", fault: fault{begin: cutAfter(40), ends: afterTwoRequests()}, again: true},
		&asking{title: "answer cut in its body", fault: fault{begin: cutAfter(300), ends: afterTwoRequests()}, again: true},
		&asking{title: "nothing passes for a while", fault: fault{begin: hold, ends: after(short)}, single: true},
		&asking{title: "black hole", fault: fault{begin: silence}, limit: limit, fails: timeout},
		&asking{title: "TLS handshake hangs", tls: true, fault: fault{begin: silence}, limit: limit, fails: timeout},
		&asking{title: "stream, slow", stream: true, fault: fault{begin: trickle(1)}, single: true},
		&asking{title: "stream cut within an event", stream: true, fault: fault{begin: cutAfter(700), ends: afterTwoRequests()}, again: true},
		&asking{
			title: "answers cut, with a budget", fault: fault{begin: cutAfter(300)}, budget: 2.5 * callUSD, jobs: 1,
			fails: []steward.FailureCode{steward.FailCostLimit},
		},
	}
	for _, answer := range []struct {
		title string
		words int
	}{{"", 0}, {", long answers", 2000}} {
		all = append(all,
			&telling{title: "slow" + answer.title, words: answer.words, fault: fault{begin: slow}, single: true},
			&telling{title: "one KiB a second" + answer.title, words: answer.words, fault: fault{begin: trickle(1)}, single: true},
		)
	}
	all = append(all,
		&telling{title: "reset", fault: fault{begin: reset, ends: after(short)}, single: true},
		&telling{title: "closed at once", fault: fault{begin: refuse, ends: after(short)}, single: true},
		&telling{title: "event cut", fault: fault{begin: cutQuestion(300), ends: after(short)}, single: true},
		&telling{title: "answer cut in its headers", fault: fault{begin: cutAfter(20), ends: afterTwoRequests()}, again: true},
		&telling{title: "answer cut in its body", words: 2000, fault: fault{begin: cutAfter(500)}, single: true},
		&telling{title: "nothing passes for a while", fault: fault{begin: hold, ends: after(short)}, single: true},
		&telling{title: "TLS handshake hangs", slow: true, tls: true, never: true, fault: fault{begin: silence}},
		&telling{title: "black hole", slow: true, fault: fault{begin: silence, ends: after(longestAttempt)}},
	)
	return append(all,
		&fetching{title: "slow", fault: fault{begin: slow}, single: true},
		&fetching{title: "32 KiB a second", fault: fault{begin: trickle(32)}, single: true},
		&fetching{title: "reset", fault: fault{begin: reset, ends: after(short)}, single: true},
		&fetching{title: "closed at once", fault: fault{begin: refuse, ends: after(short)}, single: true},
		&fetching{title: "answer cut in its headers", fault: fault{begin: cutAfter(40), ends: afterTwoRequests()}, again: true},
		&fetching{title: "answer cut in its body", fault: fault{begin: cutAfter(cutInFile), ends: afterTwoRequests()}, again: true},
		&fetching{title: "answer of unknown length cut", chunked: true, fault: fault{begin: cutAfter(cutInFile), ends: afterTwoRequests()}, again: true},
		&fetching{title: "nothing passes for a while", fault: fault{begin: hold, ends: after(short)}, single: true},
		&fetching{title: "black hole", fault: fault{begin: silence}, limit: limit, fails: timeout},
		&fetching{title: "TLS handshake hangs", tls: true, fault: fault{begin: silence}, limit: limit, fails: timeout},
	)
}
