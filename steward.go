// Package steward holds the nouns of Steward: agents and their versions, jobs and their steps, outputs and the evidence
// behind them, keys and principals, and the error type that every part of the program speaks.
//
// It imports only the standard library, so that servers, clients and tools of any kind can share it:
//
//	job, err := c.Run(ctx, agentID, client.RunParams{Inputs: client.Inputs{"text": "Total: 12.50 EUR"}})
//	if steward.CodeOf(err) == steward.NotFound { … }
//
// Values are plain data: they may be copied and read by many goroutines at once, and are not to be changed by two.
// JSON forms are those of the wire; where a type has none it never travels as it stands.
package steward
