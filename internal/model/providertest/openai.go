package providertest

// chat is a chat completion.
func chat(w Wire, r Reply, streamed bool) []string {
	head := object{"id": "chatcmpl-1", "created": 1760000000, "model": modelID(w), "object": "chat.completion"}
	message := object{"role": "assistant", "content": r.Text}
	if r.Refusal != "" {
		message["content"], message["refusal"] = nil, r.Refusal
	}
	if r.Think != "" {
		message["reasoning_content"] = r.Think
	}
	finish := map[Finish]string{Stop: "stop", Length: "length", Filtered: "content_filter"}[r.Finish]
	if r.Tool != nil {
		finish = "tool_calls"
		message["content"] = nil
		message["tool_calls"] = []object{{"id": "call_1", "type": "function", "function": object{"name": r.Tool.Name, "arguments": r.Tool.Arguments}}}
	}
	if streamed {
		return chatEvents(w, head, message, finish, r)
	}
	head["choices"] = []object{{"index": 0, "message": message, "finish_reason": finish, "logprobs": nil}}
	setUsage(head, "usage", r, chatUsage(w, r.Usage))
	return []string{text(head)}
}

func chatUsage(w Wire, u Usage) object {
	completion := u.Output
	if w == XAI { // counts what was reasoned apart
		completion -= u.Reasoning
	}
	return object{
		"prompt_tokens": u.Input, "completion_tokens": completion, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": u.Reasoning, "audio_tokens": 0},
	}
}

// setUsage puts the usage in, or what stands in its place.
func setUsage(into object, key string, r Reply, u object) {
	switch string(r.RawUsage) {
	case "":
		into[key] = u
	case "null":
	default:
		into[key] = r.RawUsage
	}
}

func chatEvents(w Wire, head, message object, finish string, r Reply) []string {
	head["object"] = "chat.completion.chunk"
	var events []string
	add := func(delta object, finish any) {
		chunk := object{"choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}}}
		for k, v := range head {
			chunk[k] = v
		}
		events = append(events, event("", chunk))
	}
	if w == OpenRouter {
		events = append(events, ": OPENROUTER PROCESSING\n\n")
	}
	add(object{"role": "assistant", "content": ""}, nil)
	for _, key := range []string{"reasoning_content", "refusal", "content"} {
		if said, ok := message[key].(string); ok {
			for _, half := range halves(said) {
				add(object{key: half}, nil)
			}
		}
	}
	if calls, ok := message["tool_calls"].([]object); ok {
		calls[0]["index"] = 0
		add(object{"tool_calls": calls}, nil)
	}
	add(object{}, finish)
	last := object{"choices": []object{}}
	for k, v := range head {
		last[k] = v
	}
	setUsage(last, "usage", r, chatUsage(w, r.Usage))
	return append(events, event("", last), "data: [DONE]\n\n")
}

// responses is an answer of the Responses API.
func responses(r Reply, streamed bool) []string {
	part := object{"type": "output_text", "text": r.Text, "annotations": []object{}}
	if r.Refusal != "" {
		part = object{"type": "refusal", "refusal": r.Refusal}
	}
	item := object{"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": []object{part}}
	if r.Tool != nil {
		item = object{"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", "name": r.Tool.Name, "arguments": r.Tool.Arguments}
	}
	output := []object{item}
	if r.Think != "" {
		output = []object{{"type": "reasoning", "id": "rs_1", "summary": []object{{"type": "summary_text", "text": r.Think}}}, item}
	}
	answer := object{
		"id": "resp_1", "object": "response", "created_at": 1760000000, "status": "completed", "model": modelID(Responses), "output": output,
		"incomplete_details": nil, "error": nil,
	}
	if r.Finish != Stop {
		reason := map[Finish]string{Length: "max_output_tokens", Filtered: "content_filter"}[r.Finish]
		answer["status"], answer["incomplete_details"] = "incomplete", object{"reason": reason}
	}
	setUsage(answer, "usage", r, object{
		"input_tokens": r.Usage.Input, "input_tokens_details": object{"cached_tokens": r.Usage.Cached},
		"output_tokens": r.Usage.Output, "output_tokens_details": object{"reasoning_tokens": r.Usage.Reasoning},
		"total_tokens": r.Usage.Input + r.Usage.Output,
	})
	if !streamed {
		return []string{text(answer)}
	}
	return responseEvents(answer, item, part, r)
}

func responseEvents(answer, item, part object, r Reply) []string {
	begun := object{"id": "resp_1", "object": "response", "status": "in_progress", "model": answer["model"], "output": []object{}}
	events := []string{event("response.created", object{"type": "response.created", "sequence_number": 0, "response": begun})}
	n := 0
	add := func(kind string, fields object) {
		n++
		fields["type"], fields["sequence_number"], fields["output_index"] = kind, n, 0
		events = append(events, event(kind, fields))
	}
	add("response.output_item.added", object{"item": object{"type": item["type"], "id": item["id"], "status": "in_progress", "role": "assistant", "content": []object{}}})
	if r.Tool == nil {
		add("response.content_part.added", object{"item_id": "msg_1", "content_index": 0, "part": object{"type": part["type"], "text": "", "refusal": ""}})
		kind, said := "response.output_text", r.Text
		if r.Refusal != "" {
			kind, said = "response.refusal", r.Refusal
		}
		for _, half := range halves(said) {
			add(kind+".delta", object{"item_id": "msg_1", "content_index": 0, "delta": half})
		}
		done := object{"item_id": "msg_1", "content_index": 0, "text": said}
		if r.Refusal != "" {
			done = object{"item_id": "msg_1", "content_index": 0, "refusal": said}
		}
		add(kind+".done", done)
		add("response.content_part.done", object{"item_id": "msg_1", "content_index": 0, "part": part})
	}
	add("response.output_item.done", object{"item": item})
	last := "response.completed"
	if r.Finish != Stop {
		last = "response.incomplete"
	}
	return append(events, event(last, object{"type": last, "sequence_number": n + 1, "response": answer}))
}
