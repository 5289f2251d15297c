package provider

import (
	"encoding/base64"
	"encoding/json"

	"charm.land/fantasy"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// Bounds for what a provider may claim to have counted.
const (
	tokensPerPicture = 65536   // the dearest model takes some 50,000 for one
	framingTokens    = 8192    // what a provider's own template and schema may add
	maxThought       = 1 << 20 // reasoned tokens of an answer whose limit is not known
)

// What is counted for an answer whose provider counted nothing: rather too much than too little.
const (
	bytesPerToken       = 3
	usualPictureTokens  = 1500
	warnNoCounts        = "The provider counted no tokens: they were estimated from the lengths."
	warnImpossibleCount = "The provider's token counts are not possible for what was sent and received: they were corrected."
)

// usage counts tokens in one way for all providers: input includes what came from the cache and what was written into it, output
// what was reasoned. Counts that cannot be are put right by what was sent and received, so that no cost is ever below zero or
// absurd; warning then says so.
func (c *client) usage(resp *fantasy.Response, x *exchange, limit *int64) (_ steward.Usage, warning string) {
	var u steward.Usage
	if resp != nil {
		u = steward.Usage{
			InputTokens:      resp.Usage.InputTokens + resp.Usage.CacheReadTokens + resp.Usage.CacheCreationTokens,
			CachedTokens:     resp.Usage.CacheReadTokens,
			CacheWriteTokens: resp.Usage.CacheCreationTokens,
			OutputTokens:     resp.Usage.OutputTokens,
			ReasoningTokens:  resp.Usage.ReasoningTokens,
		}
		if c.config.Kind == model.KindGoogle { // counts the cache within its input, and thoughts apart from its output
			u.InputTokens = resp.Usage.InputTokens
			u.OutputTokens += resp.Usage.ReasoningTokens
		}
	}
	if thoughts := thoughtsApart(x.body, c.config.Kind); thoughts > 0 {
		u.OutputTokens += thoughts
	}
	if resp == nil {
		return c.bounded(u, x, limit), ""
	}
	if missing := estimateMissing(&u, textIn(resp), x); missing {
		warning = warnNoCounts
	}
	sane := c.bounded(u, x, limit)
	if sane != u {
		warning = warnImpossibleCount
	}
	return sane, warning
}

// estimateMissing counts what a provider did not, or counted below zero, and reports whether there was such.
func estimateMissing(u *steward.Usage, answer string, x *exchange) bool {
	missing := false
	if u.InputTokens <= 0 { // something was sent
		u.InputTokens = x.textBytes()/bytesPerToken + int64(len(x.pictures))*usualPictureTokens
		missing = true
	}
	if u.OutputTokens < 0 || (u.OutputTokens == 0 && answer != "") {
		u.OutputTokens = int64(len(answer)+bytesPerToken-1) / bytesPerToken
		missing = true
	}
	return missing
}

// bounded puts counts between zero and what is possible. A token stands for at least one byte, apart from pictures and from what
// was reasoned and not shown.
func (c *client) bounded(u steward.Usage, x *exchange, limit *int64) steward.Usage {
	most := int64(maxThought)
	switch {
	case limit != nil:
		most = *limit
	case c.entry.MaxOutputTokens > 0:
		most = c.entry.MaxOutputTokens
	}
	u.InputTokens = between(u.InputTokens, x.textBytes()+int64(len(x.pictures))*tokensPerPicture+framingTokens)
	u.OutputTokens = between(u.OutputTokens, max(most, int64(len(x.body))))
	u.CachedTokens = between(u.CachedTokens, u.InputTokens)
	u.CacheWriteTokens = between(u.CacheWriteTokens, u.InputTokens-u.CachedTokens)
	u.ReasoningTokens = between(u.ReasoningTokens, u.OutputTokens)
	return u
}

func between(n, most int64) int64 { return min(max(n, 0), most) }

// textBytes is the length of what was sent, without pictures.
func (x *exchange) textBytes() int64 {
	n := x.sentBytes
	for _, p := range x.pictures {
		n -= int64(base64.StdEncoding.EncodedLen(len(p.data)))
	}
	return max(n, 0)
}

// thoughtsApart is how many reasoned tokens an answer counts beside its completion tokens rather than among them, as xAI does: the
// total tells.
func thoughtsApart(body []byte, kind model.Kind) int64 {
	if kind != model.KindXAI && kind != model.KindOpenAICompat && kind != model.KindOpenRouter {
		return 0
	}
	var answer struct {
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Total      int64 `json:"total_tokens"`
			Details    struct {
				Reasoning int64 `json:"reasoning_tokens"`
			} `json:"completion_tokens_details"`
		} `json:"usage"`
	}
	for _, doc := range documentsIn(body) {
		if json.Unmarshal(doc, &answer) != nil {
			continue
		}
		u := answer.Usage
		if u.Details.Reasoning > 0 && u.Completion >= 0 && u.Prompt >= 0 && u.Total == u.Prompt+u.Completion+u.Details.Reasoning {
			return u.Details.Reasoning
		}
	}
	return 0
}
