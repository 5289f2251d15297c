package answer

import (
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// Room is how many bytes of text fit into one question to a model: 70 % of its window, at three bytes a token.
// A model without a known window is given 100 kB.
func Room(info steward.LanguageModel) int {
	const bytesPerToken = 3
	if info.ContextWindow <= 0 {
		return 100_000
	}
	return int(min(info.ContextWindow, 1<<40) * bytesPerToken * 7 / 10)
}

// SplitText cuts a text into pieces of at most room bytes, at paragraphs where it can, else at lines, blanks or characters.
// Neighbouring pieces share about a twentieth of their text, so that what stands at a border is whole in one of them.
// A room below 200 counts as 200.
func SplitText(text string, room int) []string {
	room = max(room, 200)
	overlap := room / 20
	var pieces []string
	for len(text) > room {
		end := cutPoint(text, room)
		pieces = append(pieces, text[:end])
		back := end - overlap
		if i := strings.LastIndexAny(text[:back+1], " \n"); i > back-overlap {
			back = i + 1
		}
		for back > 0 && !utf8.RuneStart(text[back]) {
			back--
		}
		text = text[back:]
	}
	return append(pieces, text)
}

// cutPoint returns where to cut a text of more than room bytes; the piece keeps at least half of room.
func cutPoint(text string, room int) int {
	for _, border := range []string{"\n\n", "\n", ". ", " "} {
		if i := strings.LastIndex(text[:room], border); i >= room/2 {
			return i + len(border)
		}
	}
	for room > 0 && !utf8.RuneStart(text[room]) {
		room--
	}
	return room
}
