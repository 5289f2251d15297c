package steward

// Evidence shows where a value of an output comes from. It stands under "_sources" beside the output's own keys.
// Verified evidence means that the code, not the model, found Quote in the text of the page, white space folded, and the value in
// Quote. Of an enumeration or a boolean it means the first alone.
type Evidence struct {
	Path       string  `json:"path"`       // JSON Pointer into the output, such as /line_items/0/amount
	FileIndex  int     `json:"file_index"` // 0-based, in the order of the input's files
	FileName   string  `json:"file_name"`
	Page       int     `json:"page,omitempty"`  // 1-based; 0 when the source has no pages
	Quote      string  `json:"quote,omitempty"` // at most 300 characters of the source; "" when unverified
	Boxes      []Box   `json:"boxes,omitempty"` // where the quote stands on the page, or of an unverified value where the model points at in a picture; empty when unknown
	Confidence float64 `json:"confidence"`      // 0 to 1, as the model judges it; 0.5 when the code found the value without its word; 0 when unverified
	Unverified bool    `json:"unverified,omitempty"`
}

// Box is a rectangle on a page in PDF points (1/72 inch), origin at the top left of the page, y growing downwards.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// Grounding counts how much of an output is grounded. It stands under "_grounding" beside "_sources" whenever the places of
// values are given. Verified + Unverified + NotFound is Fields.
type Grounding struct {
	Fields     int `json:"fields"`     // texts, numbers and booleans of the output, and those that the schema names and the output has not
	Verified   int `json:"verified"`   // values that stand in the source, and whose evidence supports them
	Unverified int `json:"unverified"` // values without evidence that holds
	NotFound   int `json:"not_found"`  // null or absent
}
