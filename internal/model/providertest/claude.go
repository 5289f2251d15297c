package providertest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// messages is an answer of the Messages API, at Anthropic's own address or at Bedrock.
func messages(w Wire, r Reply, streamed bool) []string {
	stop := map[Finish]string{Stop: "end_turn", Length: "max_tokens", Filtered: "refusal"}[r.Finish]
	var content []object
	if r.Think != "" {
		content = append(content, object{"type": "thinking", "thinking": r.Think, "signature": "c2lnbmF0dXJl"})
	}
	switch {
	case r.Tool != nil:
		stop = "tool_use"
		content = append(content, object{"type": "tool_use", "id": "toolu_1", "name": r.Tool.Name, "input": raw(r.Tool.Arguments)})
	case r.Refusal != "":
		stop = "refusal"
		content = append(content, object{"type": "text", "text": r.Refusal})
	default:
		content = append(content, object{"type": "text", "text": r.Text})
	}
	usage := object{
		"input_tokens": r.Usage.Input - r.Usage.Cached - r.Usage.CacheWrite, "cache_read_input_tokens": r.Usage.Cached,
		"cache_creation_input_tokens": r.Usage.CacheWrite, "output_tokens": r.Usage.Output,
	}
	if streamed {
		return messageEvents(w, content, stop, usage, r)
	}
	answer := object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": modelID(w), "content": content, "stop_reason": stop, "stop_sequence": nil,
	}
	setUsage(answer, "usage", r, usage)
	return []string{text(answer)}
}

func raw(arguments string) any {
	if arguments == "" {
		return object{}
	}
	return jsonText(arguments)
}

// jsonText is JSON that stands in an answer as it is.
type jsonText string

// MarshalJSON implements json.Marshaler.
func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

func messageEvents(w Wire, content []object, stop string, usage object, r Reply) []string {
	var events []string
	add := func(kind string, fields object) {
		fields["type"] = kind
		if w == Bedrock {
			events = append(events, amazonEvent(text(fields)))
			return
		}
		events = append(events, event(kind, fields))
	}
	begin := object{"id": "msg_1", "type": "message", "role": "assistant", "model": modelID(w), "content": []object{}, "stop_reason": nil}
	setUsage(begin, "usage", r, usage)
	add("message_start", object{"message": begin})
	add("ping", object{})
	for i, block := range content {
		empty, deltas := streamedBlock(block)
		add("content_block_start", object{"index": i, "content_block": empty})
		for _, delta := range deltas {
			add("content_block_delta", object{"index": i, "delta": delta})
		}
		add("content_block_stop", object{"index": i})
	}
	end := object{"delta": object{"stop_reason": stop, "stop_sequence": nil}}
	setUsage(end, "usage", r, object{"output_tokens": r.Usage.Output})
	add("message_delta", end)
	add("message_stop", object{})
	return events
}

// streamedBlock is a block as it begins, and what is added to it.
func streamedBlock(block object) (empty object, deltas []object) {
	switch block["type"] {
	case "thinking":
		said, _ := block["thinking"].(string)
		return object{"type": "thinking", "thinking": "", "signature": ""},
			[]object{{"type": "thinking_delta", "thinking": said}, {"type": "signature_delta", "signature": block["signature"]}}
	case "tool_use":
		return object{"type": "tool_use", "id": block["id"], "name": block["name"], "input": object{}},
			[]object{{"type": "input_json_delta", "partial_json": text(block["input"])}}
	}
	said, _ := block["text"].(string)
	for _, half := range halves(said) {
		deltas = append(deltas, object{"type": "text_delta", "text": half})
	}
	return object{"type": "text", "text": ""}, deltas
}

// amazonEvent frames one event in the binary form of Amazon's streams: lengths, their checksum, headers, payload, checksum of all.
func amazonEvent(data string) string {
	payload := text(object{"bytes": base64.StdEncoding.EncodeToString([]byte(data))})
	var headers bytes.Buffer
	for _, h := range [][2]string{{":event-type", "chunk"}, {":content-type", "application/json"}, {":message-type", "event"}} {
		headers.WriteByte(byte(len(h[0]))) //nolint:gosec // the names above are short
		headers.WriteString(h[0])
		headers.WriteByte(7)                                                 // a string
		headers.Write(binary.BigEndian.AppendUint16(nil, uint16(len(h[1])))) //nolint:gosec // so are the values
		headers.WriteString(h[1])
	}
	total := 4 + 4 + 4 + headers.Len() + len(payload) + 4
	out := binary.BigEndian.AppendUint32(nil, uint32(total))        //nolint:gosec // answers of tests are small
	out = binary.BigEndian.AppendUint32(out, uint32(headers.Len())) //nolint:gosec // as above
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(out, headers.Bytes()...)
	out = append(out, payload...)
	return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out)))
}
