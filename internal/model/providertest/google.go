package providertest

// gemini is an answer of generateContent.
func gemini(r Reply, streamed bool) []string {
	usage := object{
		"promptTokenCount": r.Usage.Input, "cachedContentTokenCount": r.Usage.Cached, "candidatesTokenCount": r.Usage.Output - r.Usage.Reasoning,
		"thoughtsTokenCount": r.Usage.Reasoning, "totalTokenCount": r.Usage.Input + r.Usage.Output,
	}
	if r.Refusal != "" { // Gemini has no words for it
		answer := object{"promptFeedback": object{"blockReason": "SAFETY"}, "modelVersion": modelID(Google)}
		setUsage(answer, "usageMetadata", r, usage)
		return geminiPieces(streamed, answer)
	}
	finish := map[Finish]string{Stop: "STOP", Length: "MAX_TOKENS", Filtered: "SAFETY"}[r.Finish]
	var parts []object
	if r.Think != "" {
		parts = append(parts, object{"text": r.Think, "thought": true})
	}
	said := []string{r.Text}
	if streamed {
		said = halves(r.Text)
	}
	if r.Tool != nil {
		parts = append(parts, object{"functionCall": object{"name": r.Tool.Name, "args": raw(r.Tool.Arguments)}})
		said = nil
	}
	for _, s := range said {
		parts = append(parts, object{"text": s})
	}
	if !streamed {
		return geminiPieces(false, candidate(parts, finish, r, usage))
	}
	var answers []object
	for i := range parts {
		if i+1 < len(parts) {
			answers = append(answers, candidate(parts[i:i+1], "", Reply{RawUsage: []byte("null")}, nil))
			continue
		}
		answers = append(answers, candidate(parts[i:], finish, r, usage))
	}
	return geminiPieces(true, answers...)
}

func candidate(parts []object, finish string, r Reply, usage object) object {
	c := object{"content": object{"role": "model", "parts": parts}, "index": 0}
	if finish != "" {
		c["finishReason"] = finish
	}
	answer := object{"candidates": []object{c}, "modelVersion": modelID(Google)}
	setUsage(answer, "usageMetadata", r, usage)
	return answer
}

func geminiPieces(streamed bool, answers ...object) []string {
	var out []string
	for _, answer := range answers {
		if streamed {
			out = append(out, event("", answer))
			continue
		}
		out = append(out, text(answer))
	}
	return out
}
