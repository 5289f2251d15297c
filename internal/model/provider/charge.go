package provider

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/stewardhq/steward"
)

// charged adds to a failure what the call costs all the same: an answer that began and cannot be used. What the provider counted
// is taken, and what it did not count is estimated from the lengths. Answers other than 200, and calls without any answer, are
// taken to cost nothing.
func (c *client) charged(err error, x *exchange, limit *int64) error {
	if !x.begun && x.status != http.StatusOK {
		return err
	}
	body := x.body
	if len(body) == 0 {
		body = x.part
	}
	u := countsIn(body)
	if u.InputTokens <= 0 {
		u.InputTokens = x.textBytes()/bytesPerToken + int64(len(x.pictures))*usualPictureTokens
	}
	if u.OutputTokens <= 0 {
		u.OutputTokens = piecesIn(body)
	}
	return withUsage(err, c.bounded(u, x, limit))
}

// withUsage adds what was used to a failure of this package. Other errors, such as that of a caller who gave up, cannot carry it.
func withUsage(err error, u steward.Usage) error {
	var f *steward.Failure
	if !errors.As(err, &f) {
		return err
	}
	used := *f
	used.Usage = &u
	return &used
}

// piecesIn estimates the tokens of an answer: a streamed one brings about one with each event.
func piecesIn(body []byte) int64 {
	if docs := documentsIn(body); len(docs) > 1 {
		return int64(len(docs))
	}
	return int64(len(body) / bytesPerToken)
}

// counts are the forms in which providers count.
type counts struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Input      int64 `json:"input_tokens"`
	Output     int64 `json:"output_tokens"`
	CacheRead  int64 `json:"cache_read_input_tokens"`
	CacheWrite int64 `json:"cache_creation_input_tokens"`
}

// countsIn reads what an answer counts, whatever else it holds. Events count upwards: the most is what holds. Cached tokens count as
// fresh ones where they are not told apart.
func countsIn(body []byte) (u steward.Usage) {
	for _, doc := range documentsIn(body) {
		var answer struct {
			Usage   counts `json:"usage"`
			Message struct {
				Usage counts `json:"usage"`
			} `json:"message"`
			Response struct {
				Usage counts `json:"usage"`
			} `json:"response"`
			Gemini struct {
				Prompt     int64 `json:"promptTokenCount"`
				Candidates int64 `json:"candidatesTokenCount"`
				Thoughts   int64 `json:"thoughtsTokenCount"`
			} `json:"usageMetadata"`
		}
		if json.Unmarshal(doc, &answer) != nil {
			continue
		}
		for _, n := range []counts{answer.Usage, answer.Message.Usage, answer.Response.Usage} {
			u.InputTokens = max(u.InputTokens, n.Prompt, n.Input+n.CacheRead+n.CacheWrite)
			u.OutputTokens = max(u.OutputTokens, n.Completion, n.Output)
			u.CachedTokens = max(u.CachedTokens, n.CacheRead)
			u.CacheWriteTokens = max(u.CacheWriteTokens, n.CacheWrite)
		}
		u.InputTokens = max(u.InputTokens, answer.Gemini.Prompt)
		u.OutputTokens = max(u.OutputTokens, answer.Gemini.Candidates+answer.Gemini.Thoughts)
	}
	return u
}
